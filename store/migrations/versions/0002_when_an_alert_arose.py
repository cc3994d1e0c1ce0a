"""When an alert arose, and why it waits for more than company.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from store.types import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.add_column(sa.Column("made_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("held", sa.String(), nullable=True))
    # An alert of a change arose with the change, any other with its match.
    op.execute(
        "UPDATE alert SET held = '', made_at = COALESCE("
        '(SELECT "change".at FROM "change" WHERE "change".match_id = alert.match_id '
        'AND "change".revision = alert.revision), '
        "(SELECT matched_at FROM match WHERE match.id = alert.match_id), due_at)"
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.alter_column("made_at", existing_type=UtcDateTime(), nullable=False)
        batch_op.alter_column("held", existing_type=sa.String(), nullable=False)
        batch_op.create_index("ix_alert_made", ["watchlist", "made_at"], unique=False)
