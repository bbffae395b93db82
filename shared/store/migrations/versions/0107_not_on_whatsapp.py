"""What failed because the address is not on WhatsApp, and the waves of failures in which that says nothing."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0107"
down_revision = "0108"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty: what failed before is not known any more."""
    op.create_table(
        "whatsapp_failures",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("provider", sa.Unicode(length=50), nullable=False),
        sa.Column("vendor_id", sa.Unicode(length=200), nullable=False),
        sa.Column("who", sa.Unicode(length=32), nullable=False),
        sa.Column("delivery_id", types.BigId, nullable=True),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("noted_at", types.UtcDateTime(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_whatsapp_failures")),
        sa.UniqueConstraint("provider", "vendor_id", name=op.f("uq_whatsapp_failures_provider_vendor_id")),
    )
    op.create_index("ix_whatsapp_failures_who", "whatsapp_failures", ["who"])
    op.create_index("ix_whatsapp_failures_counts_noted_at", "whatsapp_failures", ["counts", "noted_at"])
    op.create_index("ix_whatsapp_failures_at", "whatsapp_failures", ["at"])
    op.create_table(
        "whatsapp_waves",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("since", types.UtcDateTime(), nullable=False),
        sa.Column("until", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_whatsapp_waves")),
    )
    op.create_index("ix_whatsapp_waves_until", "whatsapp_waves", ["until"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_whatsapp_waves_until", table_name="whatsapp_waves")
    op.drop_table("whatsapp_waves")
    for name in ("at", "counts_noted_at", "who"):
        op.drop_index(f"ix_whatsapp_failures_{name}", table_name="whatsapp_failures")
    op.drop_table("whatsapp_failures")
