"""Messages to people: who wants none, vendors' later words, the daily count, copies of templates."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "conversations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("who", sa.Unicode(length=32), nullable=False),
        sa.Column("channel", sa.Unicode(length=16), nullable=False),
        sa.Column("last_inbound_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("who", "channel", name=op.f("uq_conversations_who_channel")),
    )
    op.create_table(
        "message_days",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("who", sa.Unicode(length=32), nullable=False),
        sa.Column("day", sa.Unicode(length=10), nullable=False),
        sa.Column("delivery_ids", types.JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_days")),
        sa.UniqueConstraint("who", "day", name=op.f("uq_message_days_who_day")),
    )
    op.create_table(
        "message_statuses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sa.Unicode(length=50), nullable=False),
        sa.Column("vendor_id", sa.Unicode(length=200), nullable=False),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("status", sa.Unicode(length=16), nullable=True),
        sa.Column("reason", sa.Unicode(length=64), nullable=True),
        sa.Column("told", sa.Unicode(length=16), nullable=True),
        sa.Column("history", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_statuses")),
        sa.UniqueConstraint("provider", "vendor_id", name=op.f("uq_message_statuses_provider_vendor_id")),
    )
    op.create_index("ix_message_statuses_delivery_id", "message_statuses", ["delivery_id"])
    op.create_table(
        "suppressions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Unicode(length=16), nullable=False),
        sa.Column("who", sa.Unicode(length=32), nullable=False),
        sa.Column("cause", sa.Unicode(length=16), nullable=False),
        sa.Column("changed_at", types.UtcDateTime(), nullable=False),
        sa.Column("until", types.UtcDateTime(), nullable=True),
        sa.Column("bounces", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lifted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sa.UniqueConstraint("who", "channel", "cause", name=op.f("uq_suppressions_who_channel_cause")),
    )
    op.create_table(
        "template_copies",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Unicode(length=100), nullable=False),
        sa.Column("name", sa.Unicode(length=100), nullable=False),
        sa.Column("subject", sa.Unicode(length=500), nullable=False),
        sa.Column("html", sa.UnicodeText(), nullable=False),
        sa.Column("fetched_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_copies")),
        sa.UniqueConstraint("source", "name", name=op.f("uq_template_copies_source_name")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("template_copies")
    op.drop_table("suppressions")
    op.drop_index("ix_message_statuses_delivery_id", "message_statuses")
    op.drop_table("message_statuses")
    op.drop_table("message_days")
    op.drop_table("conversations")
