"""The tables of bookings: a meeting that somebody booked, and what the calendar reported under each of its ids."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Unicode, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from functions.leads.tables import Lead
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, JsonText, Note, UtcDateTime

UID_LENGTH = 200
INSTANCE_LENGTH = 200


class Booking(Timestamped, Base):
    """A meeting that somebody booked, by the calendar's own id of it.

    `status`: `requested`, `booked`, `cancelled`, `no-show`, `ended`.

    A rescheduled meeting keeps its row and its first `uid`; `current_uid` is the one the calendar uses now.
    `said_at` is the time of the newest event about it: an older one that comes late changes nothing.
    The row is computed from the facts of each uid (`BookingUid`). `lead_ref` is the number that the booking gives for its
    lead, ours or Kommo's. `instance` is the name by which journeys know it, NULL before they were notified of it.
    `of_test`: only test events have told of it ("Try it"), so reports leave it out.
    """

    __tablename__ = "bookings"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    calendar: Mapped[str] = mapped_column(Unicode(20))
    uid: Mapped[str] = mapped_column(Unicode(UID_LENGTH), unique=True)
    current_uid: Mapped[str] = mapped_column(Unicode(UID_LENGTH), index=True)
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("leads.id"), index=True)
    email: Mapped[str | None] = mapped_column(Unicode(254), index=True)
    name: Mapped[str | None] = mapped_column(Unicode(200))
    phone: Mapped[str | None] = mapped_column(Unicode(20))
    title: Mapped[str | None] = mapped_column(Unicode(200))
    status: Mapped[str] = mapped_column(Unicode(16), default="booked")
    start_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    end_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    time_zone: Mapped[str | None] = mapped_column(Unicode(64))
    meeting_url: Mapped[str | None] = mapped_column(Note(1000))
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lead_ref: Mapped[int | None] = mapped_column(BigId, index=True)
    instance: Mapped[str | None] = mapped_column(Unicode(INSTANCE_LENGTH))
    of_test: Mapped[bool] = mapped_column(default=False, server_default=false())
    lead: Mapped[Lead | None] = relationship(lazy="joined")


class BookingUid(Base):
    """One of the calendar's ids of a meeting, with the newest value of each fact (`functions.bookings.chain`).

    A rescheduled meeting has several ids, and each of them refers to its one row. Where several people have a seat in one
    meeting, each seat is a booking of its own, whose id has the seat behind the calendar's id, which is in `meeting`.
    """

    __tablename__ = "booking_uids"
    uid: Mapped[str] = mapped_column(Unicode(UID_LENGTH), primary_key=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"), index=True)
    meeting: Mapped[str | None] = mapped_column(Unicode(UID_LENGTH), index=True)
    facts: Mapped[Any] = mapped_column(JsonText, default=dict)
