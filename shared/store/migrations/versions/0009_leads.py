"""Leads of the public form, and the meetings that people book."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "leads",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("name", sa.Unicode(length=200), nullable=False),
        sa.Column("email", sa.Unicode(length=254), nullable=False),
        sa.Column("phone", sa.Unicode(length=20), nullable=True),
        sa.Column("phone_original", sa.Unicode(length=100), nullable=False),
        sa.Column("company", sa.Unicode(length=200), nullable=False),
        sa.Column("service", sa.Unicode(length=200), nullable=False),
        sa.Column("source", sa.Unicode(length=200), nullable=False),
        sa.Column("status", sa.Unicode(length=16), nullable=False),
        sa.Column("captcha", sa.Unicode(length=16), nullable=True),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.Column("said_at", types.UtcDateTime(), nullable=False),
        sa.Column("kommo_contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kommo_lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kommo_sync_status", sa.Unicode(length=16), nullable=True),
        sa.Column("kommo_sync_error", types.Note(length=1000), nullable=True),
        sa.Column("kommo_sync_attempts", sa.Integer(), nullable=False),
        sa.Column("kommo_sync_at", types.UtcDateTime(), nullable=True),
        sa.Column("kommo_synced_at", types.UtcDateTime(), nullable=True),
        sa.Column("kommo_stage_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
    )
    for column in ("email", "phone", "kommo_lead_id", "kommo_sync_status"):
        op.create_index(f"ix_leads_{column}", "leads", [column])
    op.create_index("ix_leads_received_at_id", "leads", ["received_at", "id"])

    op.create_table(
        "bookings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("calendar", sa.Unicode(length=20), nullable=False),
        sa.Column("uid", sa.Unicode(length=200), nullable=False),
        sa.Column("current_uid", sa.Unicode(length=200), nullable=False),
        sa.Column("lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("email", sa.Unicode(length=254), nullable=True),
        sa.Column("name", sa.Unicode(length=200), nullable=True),
        sa.Column("phone", sa.Unicode(length=20), nullable=True),
        sa.Column("title", sa.Unicode(length=200), nullable=True),
        sa.Column("status", sa.Unicode(length=16), nullable=False),
        sa.Column("start_at", types.UtcDateTime(), nullable=True),
        sa.Column("end_at", types.UtcDateTime(), nullable=True),
        sa.Column("time_zone", sa.Unicode(length=64), nullable=True),
        sa.Column("meeting_url", types.Note(length=1000), nullable=True),
        sa.Column("said_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_bookings_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
        sa.UniqueConstraint("uid", name=op.f("uq_bookings_uid")),
    )
    for column in ("current_uid", "lead_id", "email"):
        op.create_index(f"ix_bookings_{column}", "bookings", [column])


def downgrade() -> None:
    """Drop them."""
    for name in ("bookings", "leads"):
        op.drop_table(name)
