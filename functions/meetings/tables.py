"""The tables of meetings: what was asked for and became of it, who is invited, and the calendars that are listened to."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Unicode, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from functions.meetings.requests import DESCRIPTION_LENGTH, LOCATION_LENGTH, NAME_LENGTH, SUBJECT_LENGTH
from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, JsonText, Note, UtcDateTime
from shared.vendors.calendars.entries import DECLINED, NEEDS_ACTION

SEARCHING, OFFERED, CONFIRMED, CANCELLED, FAILED = "searching", "offered", "confirmed", "cancelled", "failed"
UID_DOMAIN = "meetings.puente"


class AvailabilityRead(SyncColumns, prefix="look"):
    """How far the calendars of those who take part have been read for the open question.

    `busy` is what they said, by participant (`organizer`, or the number of the attendee's row), until the question is decided.
    """

    look_sync_status: Mapped[str | None]
    busy: Mapped[Any | None] = mapped_column(JsonText)


class EventWritten(SyncColumns, prefix="event"):
    """How far the event in the organizer's calendar is in step with the meeting.

    `calendar_event_id` is the calendar's id of it; `generation` counts the ids that were used up (a deleted event keeps its
    own for ever). `calendar_etag` is the version that we have written or read last.
    """

    event_sync_status: Mapped[str | None]
    event_sync_error: Mapped[str | None]
    calendar_event_id: Mapped[str | None] = mapped_column(Unicode(400), index=True)
    calendar_etag: Mapped[str | None] = mapped_column(Unicode(200))
    meeting_url: Mapped[str | None] = mapped_column(Unicode(1000))


class MeetingAttendee(Timestamped, Base):
    """Who is invited. `is_unknown`: their calendar could not be read. `response` is what they said to the invitation."""

    __tablename__ = "meeting_attendees"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"))
    address: Mapped[str] = mapped_column(Unicode(254), index=True)
    name: Mapped[str | None] = mapped_column(Unicode(NAME_LENGTH))
    zone: Mapped[str | None] = mapped_column(Unicode(60))
    country: Mapped[str | None] = mapped_column(Unicode(2))
    is_unknown: Mapped[bool] = mapped_column(default=False)
    response: Mapped[str] = mapped_column(Unicode(16), default=NEEDS_ACTION)

    __table_args__ = (UniqueConstraint("meeting_id", "address", name="uq_meeting_attendees_meeting_id_address"),)


class Meeting(Timestamped, AvailabilityRead, EventWritten, Base):
    """A meeting, from the request for it on.

    `status`: `searching` (calendars are being read), `offered` (somebody is to choose), `confirmed`, `cancelled`, `failed` (no
    time suits all; `reason` says why). `starts_at` and `ends_at` are the time that it has. `held_starts_at` is a time that was
    chosen and is kept free, while calendars are asked once more; `held_by` who chose it (`attendee:7`, `organizer`, `api`).
    `options` are the times that are offered, `wishes` how it was asked for. `asked_at`: since then a time is being looked for.
    `key` is 32 hexadecimal digits: the event's own id, its UID and what a repeated booking is known by.
    `request_key` is the key of the request: the same request again is this meeting. `sequence` counts as iCalendar's: it rises
    with each change of time and with the cancellation. `announced_sequence` is the one that people were last told of.
    `rounds` counts the times that options were offered, `moved_by` is who changed the time last, or cancelled.
    """

    __tablename__ = "meetings"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(32), unique=True)
    request_key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    organizer: Mapped[str] = mapped_column(Unicode(254))
    subject: Mapped[str] = mapped_column(Unicode(SUBJECT_LENGTH))
    description: Mapped[str] = mapped_column(Unicode(DESCRIPTION_LENGTH), default="")
    location: Mapped[str] = mapped_column(Unicode(LOCATION_LENGTH), default="")
    minutes: Mapped[int]
    zone: Mapped[str] = mapped_column(Unicode(60))
    wishes: Mapped[Any] = mapped_column(JsonText, default=dict)
    status: Mapped[str] = mapped_column(Unicode(16), default=SEARCHING)
    reason: Mapped[str | None] = mapped_column(Unicode(60))
    options: Mapped[Any] = mapped_column(JsonText, default=list)
    alternatives: Mapped[Any] = mapped_column(JsonText, default=list)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_by: Mapped[str | None] = mapped_column(Unicode(60))
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    sequence: Mapped[int] = mapped_column(default=0)
    announced_sequence: Mapped[int] = mapped_column(default=-1)
    rounds: Mapped[int] = mapped_column(default=0)
    moved_by: Mapped[str | None] = mapped_column(Unicode(60))
    calendar: Mapped[str] = mapped_column(Unicode(16), default="none")
    generation: Mapped[int] = mapped_column(default=0)
    attendees: Mapped[list[MeetingAttendee]] = relationship(lazy="selectin", order_by=MeetingAttendee.id)

    __table_args__ = (
        Index("ix_meetings_organizer_starts_at", "organizer", "starts_at"),
        Index("ix_meetings_status_ends_at", "status", "ends_at"),
    )

    @property
    def uid(self) -> str:
        """The event's UID in iCalendar, for its whole life."""
        return f"{self.key}@{UID_DOMAIN}"

    @property
    def present(self) -> list[MeetingAttendee]:
        """Those who are invited and have not declined."""
        return [one for one in self.attendees if one.response != DECLINED]


class ChannelOpened(SyncColumns, prefix="channel"):
    """How far the calendar tells us of changes. `channel_id` and `resource_id` are what ends the channel."""

    channel_sync_status: Mapped[str | None]
    channel_id: Mapped[str | None] = mapped_column(Unicode(64))
    resource_id: Mapped[str | None] = mapped_column(Unicode(400))
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ChangesRead(SyncColumns, prefix="changes"):
    """How far the calendar's changes are read. `cursor` is Google's sync token; None: all is read from the beginning.

    Events that have to be looked at one by one are looked at in rounds, a few for each delivery: `looked_at_id` is the meeting
    that was the last, `left_to_look` how many are left of the round that is under way.
    """

    changes_sync_status: Mapped[str | None]
    cursor: Mapped[str | None] = mapped_column(Note(1000))
    looked_at_id: Mapped[int | None] = mapped_column(BigId)
    left_to_look: Mapped[int | None]


class MeetingCalendar(Timestamped, ChannelOpened, ChangesRead, Base):
    """Somebody who takes part in meetings, by their address, and the calendar of an organizer, which is listened to.

    A row is locked while a time of theirs is taken, so that no two meetings of one person get the same hour.
    """

    __tablename__ = "meeting_calendars"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    address: Mapped[str] = mapped_column(Unicode(254), unique=True)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its changes were last read."""
