"""Somebody who did not come to their call: three mails begin, once for each meeting, whichever system reports it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.bookings import services
from functions.bookings.chain import of_row
from functions.bookings.payloads import CALENDLY, NO_SHOW, BookingEvent
from functions.bookings.tables import Booking, BookingUid
from functions.christmas import begin, kinds, notion_sync, people
from functions.christmas.begin import Start
from functions.christmas.tables import SequenceContact

LONGEST_MEETING = 200


@dataclass(frozen=True, kw_only=True)
class NoShow:
    """A call that somebody missed. `meeting` identifies it, the same in Calendly's form as in ours."""

    meeting: str
    at: datetime
    scheduled_at: datetime | None = None
    event_type: str | None = None
    event_uri: str | None = None
    reschedule_url: str | None = None
    time_zone: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)


def event_id(uri: str | None) -> str | None:
    """What identifies a meeting in every form of it: the last part of its address, which is also its id."""
    parts = [part for part in (uri or "").strip().rstrip("/").split("/") if part]
    return parts[-1][:LONGEST_MEETING] if parts else None


def report(session: Session, contact: SequenceContact, missed: NoShow, event_key: str) -> str:
    """Apply a no-show that another system than the calendar reports, of a person whose row is locked; the outcome of `begin`.

    Their meeting in Calendly, where there is one, is missed as if Calendly had said so.
    """
    people.learn(contact, missed.at, event_key, booking_status=people.NO_SHOW, diagnostic_call_at=missed.scheduled_at)
    people.reach(contact, kinds.NO_SHOW.event, missed.at)
    people.reach(contact, _of_meeting(missed.meeting), missed.at)
    mark_missed(session, contact, event_key)
    outcome = begin_mails(session, contact, missed, event_key)
    notion_sync.ask_contact(session, contact)
    return outcome


def mark_missed(session: Session, contact: SequenceContact, event_key: str) -> None:
    """Mark their meetings in Calendly as missed that our own form has reported so, whichever came first. Twice is as once."""
    stages = contact.stages or {}
    if not any(stage.startswith(_of_meeting("")) for stage in stages):
        return
    session.flush()
    theirs = (Booking.calendar == CALENDLY, Booking.email == contact.email)
    query = select(BookingUid.uid).join(Booking, Booking.id == BookingUid.booking_id).where(*theirs)
    for uid in session.scalars(query.order_by(BookingUid.uid)).all():
        at = people.moment_of(contact, _of_meeting(event_id(uid.partition("/invitees/")[0]) or ""))
        if at is not None:
            event = BookingEvent(calendar=CALENDLY, trigger=NO_SHOW, uid=uid, absent={"": True})
            services.apply(session, event, at, event_key)


def _of_meeting(meeting: str) -> str:
    """The stage that notes which meeting our own form has reported as missed."""
    return f"{kinds.NO_SHOW.event}/{meeting}"


def begin_mails(session: Session, contact: SequenceContact, missed: NoShow, event_key: str) -> str:
    """Begin the three mails to a person, whose row is locked. A second time for one meeting it changes nothing."""
    facts: Mapping[str, Any] = {
        "calendly_event_uri": missed.event_uri,
        "scheduled_time": missed.scheduled_at.isoformat() if missed.scheduled_at else None,
        "event_type": missed.event_type,
    }
    own = {"calendly_event": missed.meeting, "reschedule_url": missed.reschedule_url, "time_zone": missed.time_zone}
    data = dict(missed.links) | own
    start = Start(kind=kinds.NO_SHOW, source=missed.meeting, at=missed.at, facts=facts, data=data)
    return begin.begin(session, contact, start, event_key)[0]


def of_booking(session: Session, booking: Booking) -> NoShow:
    """A meeting in Calendly as a call that was missed."""
    uri, _, _invitee = booking.current_uid.partition("/invitees/")
    return NoShow(
        meeting=event_id(uri) or uri,
        at=booking.said_at,
        scheduled_at=booking.start_at,
        event_type=booking.title,
        event_uri=uri,
        reschedule_url=of_row(session, booking).known("change_url"),
        time_zone=booking.time_zone,
    )
