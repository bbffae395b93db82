"""What deliveries wait for: their waits, outages of outside systems, pauses that people have made, shares of bulk lanes."""

from datetime import datetime

from sqlalchemy import Index, Unicode, text
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.models import ERROR_LENGTH, Base
from shared.store.types import BigId, Note, UtcDateTime


class DeliveryWait(Base):
    """A time in which a delivery waited, and for what (`shared.outbox.waits.Reason`, or the reason of a message's owner).

    Written when the wait is over; what a delivery waits for now stands in the delivery itself.
    """

    __tablename__ = "delivery_waits"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(BigId)
    reason: Mapped[str] = mapped_column(Unicode(64))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime)
    outage_id: Mapped[int | None] = mapped_column(BigId)

    __table_args__ = (
        Index(None, "delivery_id", "id"),
        Index(
            "ix_delivery_waits_outage_id",
            "outage_id",
            mssql_where=text("outage_id IS NOT NULL"),
            sqlite_where=text("outage_id IS NOT NULL"),
            postgresql_where=text("outage_id IS NOT NULL"),
        ),
    )


class Outage(Base):
    """A time in which an outside system did not answer, so that its circuit was open; and what became of what waited.

    `held_up`: how many deliveries waited for its end. Of these `done` took effect, each counted once however often it was
    tried, and `not_done` ended otherwise (skipped, cancelled, dead, uncertain). The rest is still to be carried out.
    """

    __tablename__ = "outages"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    target: Mapped[str] = mapped_column(Unicode(50))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))
    held_up: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    not_done: Mapped[int] = mapped_column(default=0)

    __table_args__ = (Index(None, "target", "id"),)


class LaneShare(Base):
    """How many thousandths of a delivery a bulk lane of a target has had for its weight, while other lanes waited beside it."""

    __tablename__ = "lane_shares"
    target: Mapped[str] = mapped_column(Unicode(50), primary_key=True)
    lane: Mapped[str] = mapped_column(Unicode(32), primary_key=True)
    share: Mapped[int] = mapped_column(BigId, default=0)


class TargetPart(Base):
    """A part of a target that has a pace of its own (a number of ours): when its next turn is (`shared.outbox.parts`)."""

    __tablename__ = "target_parts"
    target: Mapped[str] = mapped_column(Unicode(50), primary_key=True)
    part: Mapped[str] = mapped_column(Unicode(50), primary_key=True)
    next_call_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TargetPause(Base):
    """A time in which a person had a target left alone: `until` as planned (None: until resumed), `ended_at` if resumed."""

    __tablename__ = "target_pauses"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    target: Mapped[str] = mapped_column(Unicode(50))
    paused_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    paused_by: Mapped[str] = mapped_column(Unicode(60))
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    note: Mapped[str | None] = mapped_column(Note(200))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(Unicode(60))

    __table_args__ = (Index(None, "target", "id"),)
