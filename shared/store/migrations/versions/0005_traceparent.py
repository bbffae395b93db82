"""Deliveries carry the trace that led to them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("traceparent", sa.Unicode(length=55), nullable=True))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_column("traceparent")
