"""The tables of what goes out: deliveries, the systems that they are for, and the right to call one."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Unicode, text
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.base import ERROR_LENGTH, Base, Timestamped
from shared.store.types import BigId, JsonText, Note, UtcDateTime


class Delivery(Timestamped, Base):
    """A delivery: one message or sync to an outside system (see `shared.outbox`).

    `dedupe_key` is unique where it is not NULL: a message keeps it for ever, a sync only while it is open.
    `batch_limit`: a sync that was in a batch without an answer may be in a batch of so many at most; NULL: of any size.
    `wanted` counts the changes a sync stands for; `claimed` is how many of them the run now under way has seen.
    `owed_since` is the date it was planned for or moved to, or that of the newest change; NULL: since it was made. Its age
    counts from there, while `due_at` moves with every attempt.
    `lane`: `transactional`, or the bulk source it comes from (see `shared.outbox.lanes`).
    `waiting_since`: when the wait for its next attempt began (NULL: when it was made); `waits_for`: why, if not for its date.
    `outage_id`: the outage it has waited for, until it is finished.
    """

    __tablename__ = "deliveries"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(Unicode(16))
    target: Mapped[str] = mapped_column(Unicode(50))
    action: Mapped[str] = mapped_column(Unicode(50))
    subject: Mapped[str] = mapped_column(Unicode(100), index=True)
    payload: Mapped[Any | None] = mapped_column(JsonText)
    dedupe_key: Mapped[str | None] = mapped_column(Unicode(64))
    state: Mapped[str] = mapped_column(Unicode(16), default="pending")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    owed_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    not_after: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    wanted: Mapped[int] = mapped_column(default=1)
    claimed: Mapped[int] = mapped_column(default=0)
    batch_limit: Mapped[int | None]
    lease_token: Mapped[str | None] = mapped_column(Unicode(36))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))
    reason: Mapped[str | None] = mapped_column(Unicode(64))
    result: Mapped[Any | None] = mapped_column(JsonText)
    event_key: Mapped[str | None] = mapped_column(Unicode(64))
    retry_of: Mapped[int | None] = mapped_column(BigId)
    traceparent: Mapped[str | None] = mapped_column(Unicode(55))
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lane: Mapped[str] = mapped_column(Unicode(32), default="transactional", server_default="transactional")
    waits_for: Mapped[str | None] = mapped_column(Unicode(64))
    waiting_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outage_id: Mapped[int | None] = mapped_column(BigId)

    __table_args__ = (
        Index(
            "uq_deliveries_dedupe_key",
            "dedupe_key",
            unique=True,
            mssql_where=text("dedupe_key IS NOT NULL"),
            sqlite_where=text("dedupe_key IS NOT NULL"),
            postgresql_where=text("dedupe_key IS NOT NULL"),
        ),
        # What is due: the dispatcher and every claim seek here; finished rows are not in it.
        Index(
            "ix_deliveries_due",
            "target",
            "lane",
            "due_at",
            "id",
            mssql_where=text("state = 'pending'"),
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        # What a worker holds: freed when its lease has run out.
        Index(
            "ix_deliveries_leased",
            "lease_until",
            mssql_where=text("state = 'sending'"),
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        Index("ix_deliveries_state", "state", "id"),  # the operators' list
        Index("ix_deliveries_event_key", "event_key"),  # what an event has planned
        # What an outage holds up; of all others the column is null.
        Index(
            "ix_deliveries_outage_id",
            "outage_id",
            mssql_where=text("outage_id IS NOT NULL"),
            sqlite_where=text("outage_id IS NOT NULL"),
            postgresql_where=text("outage_id IS NOT NULL"),
        ),
    )


class Target(Base):
    """An outside system: its circuit, and when it may be called again. One row, locked by whoever claims work for it.

    `paused_until`: a person wants it left alone until then (pause `pause_id`). `outage_id`: the outage that its circuit is open
    for, or was, until the circuit is closed.
    """

    __tablename__ = "targets"
    name: Mapped[str] = mapped_column(Unicode(50), primary_key=True)
    circuit: Mapped[str] = mapped_column(Unicode(16), default="closed")
    failures: Mapped[int] = mapped_column(default=0)
    openings: Mapped[int] = mapped_column(default=0)
    closed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    batch_cap: Mapped[int | None]
    next_call_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    pause_id: Mapped[int | None] = mapped_column(BigId)
    outage_id: Mapped[int | None] = mapped_column(BigId)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, onupdate=clock.now)


class TargetSlot(Base):
    """The right to call a target now. As many rows as calls may be under way at once, over all instances together."""

    __tablename__ = "target_slots"
    target: Mapped[str] = mapped_column(ForeignKey("targets.name"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[str | None] = mapped_column(Unicode(36))
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
