"""Talking flows: the first message of a question, how often it was repeated, and the way back to earlier questions."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0070"
down_revision = "0084"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. A talk that is under way has no way back yet, and its question counts as put once."""
    op.add_column("journey_talks", sa.Column("first_delivery_id", types.BigId, nullable=True))
    op.add_column("journey_talks", sa.Column("repeats", sa.Integer(), server_default="0", nullable=False))
    op.add_column("journey_talks", sa.Column("way", types.JsonText(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("journey_talks") as table:
        for name in ("way", "repeats", "first_delivery_id"):
            table.drop_column(name)
