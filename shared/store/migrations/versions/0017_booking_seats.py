"""Several people may have a seat in one meeting: each seat is a booking, which knows the id of the meeting."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty for bookings of meetings without seats, and its index."""
    with op.batch_alter_table("booking_uids") as table:
        table.add_column(sa.Column("meeting", sa.Unicode(length=200), nullable=True))
        table.create_index("ix_booking_uids_meeting", ["meeting"])


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("booking_uids") as table:
        table.drop_index("ix_booking_uids_meeting")
        table.drop_column("meeting")
