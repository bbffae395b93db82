"""Test events, with whom their messages go to."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0078"
down_revision = "0088"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "trials",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("event_key", sa.Unicode(length=64), nullable=False),
        sa.Column("flow", sa.Unicode(length=40), nullable=False),
        sa.Column("event_id", sa.Unicode(length=255), nullable=False),
        sa.Column("actor", sa.Unicode(length=60), nullable=False),
        sa.Column("email", sa.Unicode(length=254), nullable=True),
        sa.Column("phone", sa.Unicode(length=20), nullable=True),
        sa.Column("carried_out", sa.Unicode(length=400), nullable=False),
        sa.Column("made_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
        sa.UniqueConstraint("event_key", name=op.f("uq_trials_event_key")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("trials")
