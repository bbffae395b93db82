"""The campaign sequences, and the people in them."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "sequence_contacts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("email", sa.Unicode(length=254), nullable=False),
        sa.Column("who", sa.Unicode(length=32), nullable=False),
        sa.Column("first_name", sa.Unicode(length=200), nullable=True),
        sa.Column("last_name", sa.Unicode(length=200), nullable=True),
        sa.Column("business_name", sa.Unicode(length=200), nullable=True),
        sa.Column("campaign_status", sa.Unicode(length=50), nullable=True),
        sa.Column("segment", sa.Unicode(length=50), nullable=True),
        sa.Column("assessment_score", types.TwoDecimals(), nullable=True),
        sa.Column("phase", sa.Unicode(length=50), nullable=True),
        sa.Column("booking_status", sa.Unicode(length=20), nullable=True),
        sa.Column("diagnostic_call_at", types.UtcDateTime(), nullable=True),
        sa.Column("unsubscribed", sa.Boolean(), nullable=False),
        sa.Column("stages", types.JsonText(), nullable=False),
        sa.Column("fact_times", types.JsonText(), nullable=False),
        *_synced(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sequence_contacts")),
        sa.UniqueConstraint("email", name=op.f("uq_sequence_contacts_email")),
    )
    for column in ("who", "notion_page_id", "notion_sync_status"):
        op.create_index(f"ix_sequence_contacts_{column}", "sequence_contacts", [column])

    op.create_table(
        "sequences",
        sa.Column("id", BIG, nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("email", sa.Unicode(length=254), nullable=False),
        sa.Column("type", sa.Unicode(length=20), nullable=False),
        sa.Column("source_event", sa.Unicode(length=200), nullable=False),
        sa.Column("event_key", sa.Unicode(length=64), nullable=False),
        sa.Column("enrolment_id", BIG, nullable=True),
        sa.Column("segment", sa.Unicode(length=50), nullable=False),
        sa.Column("facts", types.JsonText(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        *_synced(),
        sa.ForeignKeyConstraint(["contact_id"], ["sequence_contacts.id"], name=op.f("fk_sequences_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sequences")),
        sa.UniqueConstraint("key", name=op.f("uq_sequences_key")),
    )
    for column in ("contact_id", "email", "enrolment_id", "is_open", "notion_page_id", "notion_sync_status"):
        op.create_index(f"ix_sequences_{column}", "sequences", [column])


def _synced() -> list[sa.Column[object]]:
    """What both tables keep of Notion, and of time."""
    return [
        sa.Column("notion_page_id", sa.Unicode(length=64), nullable=True),
        sa.Column("notion_sync_status", sa.Unicode(length=16), nullable=True),
        sa.Column("notion_sync_error", types.Note(length=1000), nullable=True),
        sa.Column("notion_asked_at", types.UtcDateTime(), nullable=True),
        sa.Column("notion_synced_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
    ]


def downgrade() -> None:
    """Drop them."""
    for name in ("sequences", "sequence_contacts"):
        op.drop_table(name)
