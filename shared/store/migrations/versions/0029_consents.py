"""Consents: what people have said about messages, with its proof."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0029"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "consents",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("identity_key", sa.Unicode(length=64), nullable=False),
        sa.Column("kind", sa.Unicode(length=30), nullable=False),
        sa.Column("value", sa.Unicode(length=254), nullable=False),
        sa.Column("channel", sa.Unicode(length=16), nullable=False),
        sa.Column("purpose", sa.Unicode(length=40), nullable=False),
        sa.Column("word", sa.Unicode(length=16), nullable=False),
        sa.Column("source", sa.Unicode(length=60), nullable=False),
        sa.Column("is_proven", sa.Boolean(), nullable=False),
        sa.Column("text", sa.UnicodeText(), nullable=True),
        sa.Column("version", sa.Unicode(length=60), nullable=True),
        sa.Column("evidence", types.JsonText(), nullable=False),
        sa.Column("said_at", types.UtcDateTime(), nullable=True),
        sa.Column("recorded_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint("key", name=op.f("uq_consents_key")),
    )
    op.create_index(op.f("ix_consents_identity_key"), "consents", ["identity_key"])


def downgrade() -> None:
    """Drop it, with every proof."""
    op.drop_table("consents")
