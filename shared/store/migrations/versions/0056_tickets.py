"""The table of tickets."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0056"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "tickets",
        sa.Column("id", _number(), nullable=False),
        sa.Column("key", sa.Unicode(64), nullable=False),
        sa.Column("source", sa.Unicode(20), nullable=False),
        sa.Column("message_id", sa.Unicode(200), nullable=True),
        sa.Column("sender", sa.Unicode(100), nullable=True),
        sa.Column("person", sa.Unicode(200), nullable=True),
        sa.Column("note", types.Note(length=1000), nullable=True),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.Column("status", sa.Unicode(16), nullable=False),
        sa.Column("reason", sa.Unicode(60), nullable=True),
        *_read(),
        *_known(),
        *_sheet(),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("key", name=op.f("uq_tickets_key")),
    )
    op.create_index(op.f("ix_tickets_sha256"), "tickets", ["sha256"])
    op.create_index(op.f("ix_tickets_sheet_sync_status"), "tickets", ["sheet_sync_status"])
    op.create_index("ix_tickets_day_total_minor", "tickets", ["day", "total_minor"])
    op.create_index("ix_tickets_month_status", "tickets", ["month", "status"])
    op.create_index("ix_tickets_sender_status", "tickets", ["sender", "status"])
    op.create_index("ix_tickets_status_asked_at", "tickets", ["status", "asked_at"])
    op.create_index("ix_tickets_has_files_received_at", "tickets", ["has_files", "received_at"])


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _read() -> tuple[sa.Column[object], ...]:
    """Where its file is, and what was read."""
    return (
        sa.Column("media", types.JsonText(), nullable=True),
        sa.Column("file", types.JsonText(), nullable=True),
        sa.Column("has_files", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.Unicode(64), nullable=True),
        sa.Column("operation", sa.Unicode(500), nullable=True),
        sa.Column("reading", types.JsonText(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("facts", types.JsonText(), nullable=True),
        sa.Column("doubts", types.JsonText(), nullable=False),
        sa.Column("answers", types.JsonText(), nullable=False),
    )


def _known() -> tuple[sa.Column[object], ...]:
    """What is known of it, and what has become of it."""
    return (
        sa.Column("supplier", types.Note(length=300), nullable=True),
        sa.Column("number", sa.Unicode(100), nullable=True),
        sa.Column("day", types.Day, nullable=True),
        sa.Column("month", sa.Unicode(7), nullable=True),
        sa.Column("currency", sa.Unicode(3), nullable=True),
        sa.Column("total_minor", sa.BigInteger(), nullable=True),
        sa.Column("tax_minor", sa.BigInteger(), nullable=True),
        sa.Column("duplicate_of", _number(), nullable=True),
        sa.Column("asked_at", types.UtcDateTime(), nullable=True),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("unclear", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("document", types.JsonText(), nullable=True),
        sa.Column("booked_at", types.UtcDateTime(), nullable=True),
    )


def _sheet() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("sheet_sync_status", sa.Unicode(16), nullable=True),
        sa.Column("sheet_sync_error", types.Note(length=1000), nullable=True),
        sa.Column("sheet_sync_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sheet_sync_at", types.UtcDateTime(), nullable=True),
        sa.Column("sheet_synced_at", types.UtcDateTime(), nullable=True),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("tickets")
