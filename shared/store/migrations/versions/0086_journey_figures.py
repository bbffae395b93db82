"""How many people stand where in each journey, as a job has counted them."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "journey_figures",
        sa.Column("journey", sa.Unicode(50), primary_key=True),
        sa.Column("as_of", types.UtcDateTime(), nullable=False),
        sa.Column("figures", types.JsonText(), nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("journey_figures")
