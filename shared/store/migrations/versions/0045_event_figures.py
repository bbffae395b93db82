"""Counters of what each flow has handled."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0045"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and the index by which dead letters are counted."""
    op.create_table(
        "event_figures",
        sa.Column("type", sa.Unicode(length=100), nullable=False),
        sa.Column("handled", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("counted_to", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("type", name=op.f("pk_event_figures")),
    )
    op.create_index(op.f("ix_dead_letters_created_at"), "dead_letters", ["created_at"])


def downgrade() -> None:
    """Drop both."""
    op.drop_index(op.f("ix_dead_letters_created_at"), table_name="dead_letters")
    op.drop_table("event_figures")
