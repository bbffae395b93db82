"""In how large a batch a delivery may go, after a batch that it was in got no answer."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the limit; NULL, which all have at first, is none."""
    op.add_column("deliveries", sa.Column("batch_limit", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop it: whatever waits goes together again."""
    op.drop_column("deliveries", "batch_limit")
