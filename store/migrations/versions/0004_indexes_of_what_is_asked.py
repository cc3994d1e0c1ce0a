"""Indexes of what was found by reading a source's entries or a channel's messages from end to end.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WAITING = "state IN ('pending', 'held')"
FAILING = "outcome IS NULL AND last_error IS NOT NULL"


def upgrade() -> None:
    op.create_index("ix_entry_found", "entry", ["source_id", "found_at"], unique=False)
    op.create_index(
        "ix_entry_failing",
        "entry",
        ["id"],
        unique=False,
        sqlite_where=sa.text(FAILING),
        postgresql_where=sa.text(FAILING),
    )
    # The index of all messages of a channel kept SQLite from taking the one of those that wait.
    op.drop_index("ix_delivery_channel", table_name="delivery")
    op.create_index(
        "ix_delivery_line",
        "delivery",
        ["channel", "id"],
        unique=False,
        sqlite_where=sa.text(WAITING),
        postgresql_where=sa.text(WAITING),
    )
