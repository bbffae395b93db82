"""The table of loyalty."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "9000"
down_revision = "HEAD"  # the newest one; `.venv/bin/alembic heads` shows it
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "loyalty_members",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.Unicode(length=254), nullable=False),
        sa.Column("name", sa.Unicode(length=200), nullable=True),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("counted_at", types.UtcDateTime(), nullable=False),
        sa.Column("card", sa.Unicode(length=60), nullable=True),
        sa.Column("stamps_sync_status", sa.Unicode(length=16), nullable=True),
        sa.Column("stamps_sync_error", types.Note(length=1000), nullable=True),
        sa.Column("stamps_sync_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("stamps_sync_at", types.UtcDateTime(), nullable=True),
        sa.Column("stamps_synced_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_members")),
        sa.UniqueConstraint("email", name=op.f("uq_loyalty_members_email")),
    )
    op.create_index(op.f("ix_loyalty_members_stamps_sync_status"), "loyalty_members", ["stamps_sync_status"])


def downgrade() -> None:
    """Take it away."""
    op.drop_table("loyalty_members")
