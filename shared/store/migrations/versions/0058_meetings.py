"""The tables of meetings."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0058"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    _meetings()
    _attendees()
    _calendars()


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _times() -> tuple[sa.Column[Any], ...]:
    return tuple(sa.Column(name, types.UtcDateTime(), nullable=False) for name in ("created_at", "updated_at"))


def _sync(prefix: str) -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column(f"{prefix}_sync_status", sa.Unicode(16), nullable=True),
        sa.Column(f"{prefix}_sync_error", types.Note(1000), nullable=True),
        sa.Column(f"{prefix}_sync_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column(f"{prefix}_sync_at", types.UtcDateTime(), nullable=True),
        sa.Column(f"{prefix}_synced_at", types.UtcDateTime(), nullable=True),
    )


def _meetings() -> None:
    op.create_table(
        "meetings",
        _id(),
        sa.Column("key", sa.Unicode(32), nullable=False),
        sa.Column("request_key", sa.Unicode(64), nullable=False),
        sa.Column("organizer", sa.Unicode(254), nullable=False),
        sa.Column("subject", sa.Unicode(200), nullable=False),
        sa.Column("description", sa.Unicode(4000), nullable=False),
        sa.Column("location", sa.Unicode(400), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("zone", sa.Unicode(60), nullable=False),
        sa.Column("wishes", types.JsonText(), nullable=False),
        sa.Column("status", sa.Unicode(16), nullable=False),
        sa.Column("reason", sa.Unicode(60), nullable=True),
        sa.Column("options", types.JsonText(), nullable=False),
        sa.Column("alternatives", types.JsonText(), nullable=False),
        sa.Column("starts_at", types.UtcDateTime(), nullable=True),
        sa.Column("ends_at", types.UtcDateTime(), nullable=True),
        sa.Column("held_starts_at", types.UtcDateTime(), nullable=True),
        sa.Column("held_by", sa.Unicode(60), nullable=True),
        sa.Column("asked_at", types.UtcDateTime(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("announced_sequence", sa.Integer(), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("moved_by", sa.Unicode(60), nullable=True),
        sa.Column("calendar", sa.Unicode(16), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        *_sync("look"),
        sa.Column("busy", types.JsonText(), nullable=True),
        *_sync("event"),
        sa.Column("calendar_event_id", sa.Unicode(400), nullable=True),
        sa.Column("calendar_etag", sa.Unicode(200), nullable=True),
        sa.Column("meeting_url", sa.Unicode(1000), nullable=True),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meetings")),
        sa.UniqueConstraint("key", name=op.f("uq_meetings_key")),
        sa.UniqueConstraint("request_key", name=op.f("uq_meetings_request_key")),
    )
    for name in ("asked_at", "look_sync_status", "event_sync_status", "calendar_event_id"):
        op.create_index(op.f(f"ix_meetings_{name}"), "meetings", [name])
    op.create_index("ix_meetings_organizer_starts_at", "meetings", ["organizer", "starts_at"])
    op.create_index("ix_meetings_status_ends_at", "meetings", ["status", "ends_at"])


def _attendees() -> None:
    op.create_table(
        "meeting_attendees",
        _id(),
        sa.Column("meeting_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address", sa.Unicode(254), nullable=False),
        sa.Column("name", sa.Unicode(200), nullable=True),
        sa.Column("zone", sa.Unicode(60), nullable=True),
        sa.Column("country", sa.Unicode(2), nullable=True),
        sa.Column("is_unknown", sa.Boolean(), nullable=False),
        sa.Column("response", sa.Unicode(16), nullable=False),
        *_times(),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=op.f("fk_meeting_attendees_meeting_id_meetings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_attendees")),
        sa.UniqueConstraint("meeting_id", "address", name="uq_meeting_attendees_meeting_id_address"),
    )
    op.create_index(op.f("ix_meeting_attendees_address"), "meeting_attendees", ["address"])


def _calendars() -> None:
    op.create_table(
        "meeting_calendars",
        _id(),
        sa.Column("address", sa.Unicode(254), nullable=False),
        sa.Column("read_at", types.UtcDateTime(), nullable=True),
        *_sync("channel"),
        sa.Column("channel_id", sa.Unicode(64), nullable=True),
        sa.Column("resource_id", sa.Unicode(400), nullable=True),
        sa.Column("expires_at", types.UtcDateTime(), nullable=True),
        *_sync("changes"),
        sa.Column("cursor", types.Note(1000), nullable=True),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_calendars")),
        sa.UniqueConstraint("address", name=op.f("uq_meeting_calendars_address")),
    )
    for name in ("channel_sync_status", "changes_sync_status"):
        op.create_index(op.f(f"ix_meeting_calendars_{name}"), "meeting_calendars", [name])


def downgrade() -> None:
    """Take them away."""
    for table in ("meeting_calendars", "meeting_attendees", "meetings"):
        op.drop_table(table)
