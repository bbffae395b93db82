"""In which time zone somebody lives, as an event said it; with the identity that said it, through joins and separations."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0051"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty; `python -m shared.people` takes in what bookings have said before."""
    op.add_column("identities", sa.Column("time_zone", sa.Unicode(64), nullable=True))
    op.add_column("identities", sa.Column("time_zone_at", types.UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("identities", "time_zone_at")
    op.drop_column("identities", "time_zone")
