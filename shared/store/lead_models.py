"""The tables of the lead automation: leads of the public form, and the meetings that people book."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Unicode
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, JsonText, Note, UtcDateTime

UID_LENGTH = 200
INSTANCE_LENGTH = 200


class KommoSynced(SyncColumns, prefix="kommo"):
    """How far Kommo is in step with this row. `kommo_sync_status` is NULL where Kommo is not used.

    `kommo_stage_id` is the stage that we last put the lead into: where people have moved it on since, it stays there.
    """

    kommo_contact_id: Mapped[int | None] = mapped_column(BigId)
    kommo_lead_id: Mapped[int | None] = mapped_column(BigId, index=True)
    kommo_sync_status: Mapped[str | None]
    kommo_sync_error: Mapped[str | None]
    kommo_sync_attempts: Mapped[int] = mapped_column(default=0)
    kommo_sync_at: Mapped[datetime | None]
    kommo_synced_at: Mapped[datetime | None]
    kommo_stage_id: Mapped[int | None] = mapped_column(BigId)


class Lead(Timestamped, KommoSynced, Base):
    """Somebody who asked for a service through the form. The id is ours, made of what they sent (see `shared.leads.ids`).

    `email` is in lower case; `phone` in E.164, NULL where the text is no number. `status` is `new`, `booked` or `paid`.
    `captcha` is `passed`, `unchecked` (its vendor could not be asked) or NULL where none is asked for. `said_at` is when the
    newest form about it came: the same form sent again with other facts corrects them.
    """

    __tablename__ = "leads"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Unicode(200))
    email: Mapped[str] = mapped_column(Unicode(254), index=True)
    phone: Mapped[str | None] = mapped_column(Unicode(20), index=True)
    phone_original: Mapped[str] = mapped_column(Unicode(100))
    company: Mapped[str] = mapped_column(Unicode(200))
    service: Mapped[str] = mapped_column(Unicode(200))
    source: Mapped[str] = mapped_column(Unicode(200))
    status: Mapped[str] = mapped_column(Unicode(16), default="new")
    captcha: Mapped[str | None] = mapped_column(Unicode(16))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_leads_received_at_id", "received_at", "id"),)


class Booking(Timestamped, Base):
    """A meeting that somebody booked, by the calendar's own id of it. `status`: `booked`, `cancelled`, `no-show`, `ended`.

    A meeting that was put off keeps its row and its first `uid`; `current_uid` is the one the calendar uses now.
    `said_at` is the time of the newest word on it: an older one that comes late changes nothing.
    All of it is put together from what was said of each uid (`BookingUid`). `lead_ref` is the number that the booking gives
    for its lead, ours or Kommo's. `instance` is the name by which journeys know it, NULL before they have heard of it.
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
    start_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    time_zone: Mapped[str | None] = mapped_column(Unicode(64))
    meeting_url: Mapped[str | None] = mapped_column(Note(1000))
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lead_ref: Mapped[int | None] = mapped_column(BigId, index=True)
    instance: Mapped[str | None] = mapped_column(Unicode(INSTANCE_LENGTH))
    lead: Mapped[Lead | None] = relationship(lazy="joined")


class BookingUid(Base):
    """What the calendar has said under one of its ids: the newest word of each fact (`leads.bookings_chain`).

    A meeting that was put off has several, and each of them leads to its one row.
    """

    __tablename__ = "booking_uids"
    uid: Mapped[str] = mapped_column(Unicode(UID_LENGTH), primary_key=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"), index=True)
    facts: Mapped[Any] = mapped_column(JsonText, default=dict)
