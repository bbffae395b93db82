"""Deliveries know since when they have been owed."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("owed_since", types.UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_column("owed_since")
