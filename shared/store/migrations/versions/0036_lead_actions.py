"""What a replaced system has done with leads, as its log and Kommo's notes have it."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0036"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "lead_actions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(64), nullable=False),
        sa.Column("kommo_lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("channel", sa.Unicode(16), nullable=False),
        sa.Column("data", types.JsonText(), nullable=False),
        sa.Column("recorded_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_actions")),
        sa.UniqueConstraint("key", name=op.f("uq_lead_actions_key")),
    )
    op.create_index(op.f("ix_lead_actions_kommo_lead_id"), "lead_actions", ["kommo_lead_id"])


def downgrade() -> None:
    """Take it away."""
    op.drop_table("lead_actions")
