"""The tables of what comes in: events that were handled, keys that must not take effect again, dead letters."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Unicode, UnicodeText
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.base import ERROR_LENGTH, Base
from shared.store.types import BigId, JsonText, Note, UtcDateTime


class InboxEvent(Base):
    """An event that was handled. The unique `key` is what makes a second delivery of it harmless.

    `left_out` names the fields that could not be read, with the reason; `data` keeps what was sent. `changes` is what it has
    changed in our record, field by field (`shared.intake.changes`); `traceparent` is its place in its trace.
    """

    __tablename__ = "inbox"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    event_id: Mapped[str] = mapped_column(Unicode(255), index=True)
    source: Mapped[str] = mapped_column(Unicode(100))
    type: Mapped[str] = mapped_column(Unicode(100))
    subject: Mapped[str | None] = mapped_column(Note(100), index=True)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    handled_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    outcome: Mapped[str] = mapped_column(Unicode(32), default="applied")
    replay_of: Mapped[int | None] = mapped_column(BigId)
    data: Mapped[Any] = mapped_column(JsonText)
    left_out: Mapped[Any | None] = mapped_column(JsonText)
    changes: Mapped[Any | None] = mapped_column(JsonText, deferred=True)
    traceparent: Mapped[str | None] = mapped_column(Unicode(55))

    __table_args__ = (Index("ix_inbox_type_id", "type", "id"),)


class EventFigure(Base):
    """How many events of a type were handled, in so many milliseconds altogether, and how many became dead letters.

    `counted_to`: events until then are in it. The row of type `*` holds all types together (see `shared.watch.flow_figures`).
    """

    __tablename__ = "event_figures"
    type: Mapped[str] = mapped_column(Unicode(100), primary_key=True)
    handled: Mapped[int] = mapped_column(BigInteger, default=0)
    milliseconds: Mapped[int] = mapped_column(BigInteger, default=0)
    failed: Mapped[int] = mapped_column(BigInteger, default=0)
    counted_to: Mapped[datetime] = mapped_column(UtcDateTime)


class UsedKey(Base):
    """A key of an event or a message that retention has removed, and that must not take effect again."""

    __tablename__ = "used_keys"
    key: Mapped[str] = mapped_column(Unicode(64), primary_key=True)
    removed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class DeadLetter(Base):
    """An event that could not be handled, whole, with its reason. A replay that fails again is a new row with `replay_of`."""

    __tablename__ = "dead_letters"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    original_queue: Mapped[str] = mapped_column(Unicode(63))
    original_event: Mapped[str] = mapped_column(UnicodeText)
    event_id: Mapped[str | None] = mapped_column(Unicode(255))
    source: Mapped[str | None] = mapped_column(Unicode(100))
    type: Mapped[str | None] = mapped_column(Unicode(100))
    subject: Mapped[str | None] = mapped_column(Note(100), index=True)
    reason: Mapped[str] = mapped_column(Unicode(64))
    error_message: Mapped[str] = mapped_column(Note(ERROR_LENGTH))
    error_time: Mapped[datetime] = mapped_column(UtcDateTime)
    trace: Mapped[str | None] = mapped_column(UnicodeText)
    attempts: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(Unicode(16), default="parked")
    replay_of: Mapped[int | None] = mapped_column(BigId, index=True)
    replays: Mapped[int] = mapped_column(default=0)
    replayed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (Index("ix_dead_letters_state", "state", "id"), Index(None, "type", "id"), Index(None, "created_at"))
