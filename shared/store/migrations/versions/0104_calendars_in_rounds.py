"""How far the events of a calendar are looked at one by one: in rounds, a few at a time."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0104"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both, empty: no round is under way."""
    op.add_column("meeting_calendars", sa.Column("looked_at_id", types.BigId, nullable=True))
    op.add_column("meeting_calendars", sa.Column("left_to_look", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("meeting_calendars", "left_to_look")
    op.drop_column("meeting_calendars", "looked_at_id")
