"""What people write to us is kept."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "inbound_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sa.Unicode(length=50), nullable=False),
        sa.Column("vendor_id", sa.Unicode(length=200), nullable=False),
        sa.Column("channel", sa.Unicode(length=16), nullable=False),
        sa.Column("sender", sa.Unicode(length=100), nullable=False),
        sa.Column("sender_name", sa.Unicode(length=200), nullable=True),
        sa.Column("text", sa.UnicodeText(), nullable=False),
        sa.Column("media", types.JsonText(), nullable=False),
        sa.Column("wish", sa.Unicode(length=16), nullable=True),
        sa.Column("state", sa.Unicode(length=20), nullable=False),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_messages")),
        sa.UniqueConstraint("provider", "vendor_id", name=op.f("uq_inbound_messages_provider_vendor_id")),
    )
    op.create_index("ix_inbound_messages_sender_created_at", "inbound_messages", ["sender", "created_at"])
    op.create_index("ix_inbound_messages_state_id", "inbound_messages", ["state", "id"])


def downgrade() -> None:
    """Drop it, with everything that people wrote."""
    op.drop_table("inbound_messages")
