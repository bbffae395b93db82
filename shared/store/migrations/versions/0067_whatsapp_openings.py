"""With whom we have opened a conversation at WhatsApp within a day: the portfolio's messaging limit counts them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0067"
down_revision = "0086"
branch_labels = None
depends_on = None


def _times() -> list[sa.Column[Any]]:
    return [sa.Column(name, types.UtcDateTime(), nullable=False) for name in ("created_at", "updated_at")]


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "whatsapp_portfolios",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("name", sa.Unicode(20), nullable=False, unique=True),
        sa.Column("last_at", types.UtcDateTime(), nullable=True),
    )
    op.create_table(
        "whatsapp_openings",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("who", sa.Unicode(32), nullable=False, unique=True),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("before", types.UtcDateTime(), nullable=True),
        sa.Column("delivery_id", types.BigId, nullable=False),
        *_times(),
    )
    op.create_index("ix_whatsapp_openings_delivery_id", "whatsapp_openings", ["delivery_id"])
    op.create_index("ix_whatsapp_openings_created_at", "whatsapp_openings", ["created_at"])
    op.create_table(
        "whatsapp_opening_minutes",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("minute", types.UtcDateTime(), nullable=False, unique=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("promised", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("whatsapp_opening_minutes", "whatsapp_openings", "whatsapp_portfolios"):
        op.drop_table(name)
