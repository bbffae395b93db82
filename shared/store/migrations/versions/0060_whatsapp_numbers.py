"""Our WhatsApp numbers as Meta sees them, its approved templates, and people who have another number there."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0060"
down_revision = "0057"
branch_labels = None
depends_on = None


def _times() -> list[sa.Column[Any]]:
    return [sa.Column(name, types.UtcDateTime(), nullable=False) for name in ("created_at", "updated_at")]


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "whatsapp_numbers",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("number_id", sa.Unicode(36), nullable=False, unique=True),
        sa.Column("name", types.Note(200), nullable=True),
        sa.Column("quality", sa.Unicode(20), nullable=True),
        sa.Column("throughput", sa.Unicode(30), nullable=True),
        sa.Column("status", sa.Unicode(30), nullable=True),
        sa.Column("messaging_limit", sa.Unicode(30), nullable=True),
        sa.Column("paused_until", types.UtcDateTime(), nullable=True),
        sa.Column("paused_reason", sa.Unicode(64), nullable=True),
        sa.Column("asked_at", types.UtcDateTime(), nullable=True),
        *_times(),
    )
    op.create_table(
        "whatsapp_templates",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("key", sa.Unicode(64), nullable=False, unique=True),
        sa.Column("name", sa.Unicode(512), nullable=False),
        sa.Column("language", sa.Unicode(20), nullable=False),
        sa.Column("status", sa.Unicode(30), nullable=False),
        sa.Column("category", sa.Unicode(30), nullable=True),
        sa.Column("shape", types.JsonText(), nullable=False),
        sa.Column("read_at", types.UtcDateTime(), nullable=False),
        *_times(),
    )
    op.create_table(
        "whatsapp_moves",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("who", sa.Unicode(32), nullable=False, unique=True),
        sa.Column("moved_to", sa.Unicode(150), nullable=False),
        sa.Column("to_digest", sa.Unicode(32), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        *_times(),
    )
    op.create_index("ix_whatsapp_moves_to_digest", "whatsapp_moves", ["to_digest"])
    op.create_index("ix_whatsapp_moves_moved_to", "whatsapp_moves", ["moved_to"])
    op.create_index("ix_whatsapp_moves_created_at", "whatsapp_moves", ["created_at"])


def downgrade() -> None:
    """Drop them."""
    for name in ("whatsapp_moves", "whatsapp_templates", "whatsapp_numbers"):
        op.drop_table(name)
