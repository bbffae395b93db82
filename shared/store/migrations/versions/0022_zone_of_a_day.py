"""The zone by which a person's day was counted."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; days that are there say none and count by the zone of whoever asks."""
    op.add_column("message_days", sa.Column("zone", sa.Unicode(length=64), nullable=True))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("message_days", "zone")
