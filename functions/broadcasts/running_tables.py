"""The tables of running: how far an automation's messages are planned, when it has sent, and what failed lately."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from functions.broadcasts.tables import CODE_LENGTH
from shared.store.models import Base
from shared.store.types import BigId, UtcDateTime


class Ledger(Base):
    """The one row of an automation that everybody locks who plans or sends for it.

    `planned_until`: the next planned message is due then at the earliest; `in_batch`: how many of its batch are planned.
    `last_slot_at`: the newest slot, so that the clock of one instance cannot write behind that of another. `asked_until`: to
    when those were put off that found no slot. `counts_since`: failures before it do not count (somebody has resumed).
    """

    __tablename__ = "broadcast_ledgers"
    automation_id: Mapped[int] = mapped_column(ForeignKey("broadcast_automations.id"), primary_key=True, autoincrement=False)
    planned_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    in_batch: Mapped[int] = mapped_column(default=0)
    last_slot_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    asked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    counts_since: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Slots(Base):
    """How many slots an automation has given out in one second. Rows older than the hour that they count in are deleted."""

    __tablename__ = "broadcast_slots"
    automation_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    second: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    taken: Mapped[int] = mapped_column(default=0)


class RecentFailure(Base):
    """A message of an automation that failed, kept for a day: by these a wave of errors is noticed."""

    __tablename__ = "broadcast_recent_failures"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    automation_id: Mapped[int] = mapped_column(BigId)
    code: Mapped[str] = mapped_column(Unicode(CODE_LENGTH))
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_broadcast_recent_failures_automation_id_at", "automation_id", "at"),)
