"""When a robots.txt was last asked for, and when a page of a host last ended.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

from store.types import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("host", schema=None) as batch_op:
        batch_op.add_column(sa.Column("robots_asked_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("page_at", UtcDateTime(), nullable=True))
