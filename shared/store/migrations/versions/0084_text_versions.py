"""Texts that were edited in the console, and when each version of a text last went out."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0084"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "text_versions",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("name", sa.Unicode(60), nullable=False),
        sa.Column("locale", sa.Unicode(20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("is_file", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("restored", sa.Integer(), nullable=True),
        sa.Column("subject", sa.Unicode(500), nullable=False),
        sa.Column("text", sa.UnicodeText(), nullable=False),
        sa.Column("html", sa.UnicodeText(), nullable=False),
        sa.Column("actor", sa.Unicode(60), nullable=False),
        sa.Column("note", types.Note(200), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.UniqueConstraint("name", "locale", "number", name=op.f("uq_text_versions_name_locale_number")),
    )
    op.create_table(
        "text_uses",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("name", sa.Unicode(60), nullable=False),
        sa.Column("locale", sa.Unicode(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=False),
        sa.UniqueConstraint("name", "locale", "version", name=op.f("uq_text_uses_name_locale_version")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("text_uses")
    op.drop_table("text_versions")
