"""Scored leads of ManyChat, which HubSpot follows."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0039"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "scored_leads",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(64), nullable=False),
        sa.Column("source", sa.Unicode(32), nullable=False),
        sa.Column("ext_id", sa.Unicode(128), nullable=False),
        sa.Column("first_name", sa.Unicode(200), nullable=True),
        sa.Column("last_name", sa.Unicode(200), nullable=True),
        sa.Column("email", sa.Unicode(254), nullable=True),
        sa.Column("phone", sa.Unicode(254), nullable=True),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Unicode(16), nullable=False),
        sa.Column("utm_source", sa.Unicode(200), nullable=True),
        sa.Column("utm_campaign", sa.Unicode(200), nullable=True),
        sa.Column("validation_errors", sa.Unicode(200), nullable=False),
        sa.Column("reported_at", types.UtcDateTime(), nullable=False),
        sa.Column("report", sa.Unicode(64), nullable=False),
        sa.Column("hubspot_contact_id", sa.Unicode(20), nullable=True),
        sa.Column("hubspot_sync_status", sa.Unicode(16), nullable=True),
        sa.Column("hubspot_sync_error", types.Note(1000), nullable=True),
        sa.Column("hubspot_sync_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("hubspot_sync_at", types.UtcDateTime(), nullable=True),
        sa.Column("hubspot_synced_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scored_leads")),
        sa.UniqueConstraint("key", name=op.f("uq_scored_leads_key")),
    )
    for column in ("ext_id", "email", "phone", "hubspot_contact_id", "hubspot_sync_status"):
        op.create_index(op.f(f"ix_scored_leads_{column}"), "scored_leads", [column])


def downgrade() -> None:
    """Take it away."""
    op.drop_table("scored_leads")
