"""What Calendly's webhooks mean for the campaign. One row of `bookings` for each meeting, also after it was put off.

Putting a meeting off sends two webhooks in any order, one that cancels the old and one that books the new: the cancelling one
is no loss. Older words that come late change nothing that a newer one has said, except that a booking which is known to be
cancelled still ends what a booking ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.bookings.tables import Booking
from functions.christmas import begin, kinds, notion_sync, people
from functions.christmas.begin import Start
from functions.christmas.calendly_payload import (
    CANCELLED,
    CREATED,
    NO_SHOW,
    NO_SHOW_TAKEN_BACK,
    CalendlyPayload,
    Invitee,
    event_id,
)
from functions.christmas.tables import SequenceContact
from shared import clock
from shared.crm.facts import CLEARED
from shared.errors import RetryableError
from shared.store.dialect import locked
from shared.store.types import fitting

CALENDAR = "calendly"
IGNORED, STALE, RESCHEDULED = "ignored", "stale", "rescheduled"
_LATER = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Word:
    """One webhook: whose, when, and our event's key."""

    invitee: Invitee
    at: datetime
    key: str


def apply(session: Session, said: CalendlyPayload, at: datetime, event_key: str) -> str:
    """Take in a webhook; a word for what came of it."""
    word = Word(invitee=said.payload, at=at, key=event_key)
    deeds = {CREATED: _booked, CANCELLED: _cancelled, NO_SHOW: _not_come, NO_SHOW_TAKEN_BACK: _come_after_all}
    deed = deeds.get(said.event)
    if deed is None or word.invitee.key is None:
        return IGNORED
    return deed(session, word)


def _booked(session: Session, word: Word) -> str:
    invitee = word.invitee
    if invitee.email is None:
        return IGNORED
    contact = people.locked_contact(session, invitee.email)
    row = _row(session, word, put_off=invitee.old_invitee)
    first, last = invitee.names
    people.learn(contact, word.at, word.key, first_name=first, last_name=last)
    if word.at < row.said_at:
        return _booked_late(session, word, row)
    row.status, row.said_at, row.email = "booked", word.at, invitee.email
    row.current_uid = str(invitee.key)
    row.name, row.time_zone = fitting(invitee.name or "", 200) or None, fitting(invitee.timezone or "", 64) or None
    row.start_at, row.end_at = invitee.scheduled_event.start_time, invitee.scheduled_event.end_time
    row.title = fitting(invitee.scheduled_event.name or "", 200) or None
    people.learn(contact, word.at, word.key, booking_status=people.BOOKED, diagnostic_call_at=row.start_at)
    if row.start_at is None or row.start_at > clock.now():  # a meeting that is over ends nothing any more
        people.reach(contact, kinds.BOOKED, word.at)
        begin.tell(session, contact.email, kinds.BOOKED, _data(row), word.key, word.at)
    notion_sync.ask_contact(session, contact)
    return begin.APPLIED


def _booked_late(session: Session, word: Word, row: Booking) -> str:
    """The booking comes after the webhook that cancelled it: what it ended stays ended. Journeys remember the cancellation."""
    if row.status == "cancelled" and row.email:
        begin.tell(session, row.email, kinds.BOOKED, _data(row), word.key, word.at)
    return STALE


def _cancelled(session: Session, word: Word) -> str:
    if word.invitee.rescheduled or word.invitee.new_invitee:
        return RESCHEDULED
    email = _email(session, word)
    contact = people.locked_contact(session, email)
    row = _row(session, word)
    if word.at < row.said_at or row.current_uid != word.invitee.key:
        return STALE
    row.status, row.said_at, row.email = "cancelled", word.at, email
    people.learn(contact, word.at, word.key, booking_status=people.NOT_BOOKED, diagnostic_call_at=CLEARED)
    people.fall_back(contact, kinds.BOOKED, word.at)
    begin.tell(session, email, "booking.cancelled", _data(row), word.key, word.at)
    notion_sync.ask_contact(session, contact)
    return begin.APPLIED


def _not_come(session: Session, word: Word) -> str:
    email = _email(session, word)
    invitee, at = word.invitee, word.invitee.no_show.created_at or word.at
    contact = people.locked_contact(session, email)
    row = _row(session, word)
    row.status, row.said_at, row.email = "no-show", max(row.said_at, at), email
    start_at = invitee.scheduled_event.start_time or row.start_at
    first, last = invitee.names
    people.learn(contact, at, word.key, first_name=first, last_name=last)
    meeting = event_id(invitee.event or invitee.scheduled_event.uri) or str(invitee.key)
    return no_show(
        session,
        contact,
        NoShow(
            meeting=meeting,
            at=at,
            scheduled_at=start_at,
            event_type=invitee.scheduled_event.name,
            event_uri=invitee.event,
            reschedule_url=invitee.reschedule_url,
            time_zone=invitee.timezone or row.time_zone,
        ),
        word.key,
    )


def _come_after_all(session: Session, word: Word) -> str:
    """Somebody has taken the mark of a no-show away: the mails stop."""
    email = _email(session, word)
    contact = people.locked_contact(session, email)
    people.learn(contact, word.at, word.key, booking_status=people.COMPLETED)
    people.fall_back(contact, kinds.NO_SHOW.event, word.at)
    people.reach(contact, kinds.NO_SHOW_TAKEN_BACK, word.at)
    meeting = event_id(word.invitee.event or word.invitee.scheduled_event.uri)
    begin.tell(session, email, kinds.NO_SHOW_TAKEN_BACK, {"calendly_event": meeting}, word.key, word.at)
    notion_sync.ask_contact(session, contact)
    return begin.APPLIED


@dataclass(frozen=True, kw_only=True)
class NoShow:
    """A call to which somebody did not come. `meeting` names it, in Calendly's form as in ours."""

    meeting: str
    at: datetime
    scheduled_at: datetime | None = None
    event_type: str | None = None
    event_uri: str | None = None
    reschedule_url: str | None = None
    time_zone: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)


def no_show(session: Session, contact: SequenceContact, said: NoShow, event_key: str) -> str:
    """Somebody, whose row is held, did not come: the three mails begin, whoever told us."""
    people.learn(contact, said.at, event_key, booking_status=people.NO_SHOW, diagnostic_call_at=said.scheduled_at)
    people.fall_back(contact, kinds.BOOKED, said.at)
    people.reach(contact, kinds.NO_SHOW.event, said.at)
    _mark(session, contact, said)
    facts: Mapping[str, Any] = {
        "calendly_event_uri": said.event_uri,
        "scheduled_time": said.scheduled_at.isoformat() if said.scheduled_at else None,
        "event_type": said.event_type,
    }
    start = Start(
        kind=kinds.NO_SHOW,
        source=said.meeting,
        at=said.at,
        facts=facts,
        data=dict(said.links)
        | {"calendly_event": said.meeting, "reschedule_url": said.reschedule_url, "time_zone": said.time_zone},
    )
    word, _row = begin.begin(session, contact, start, event_key)
    notion_sync.ask_contact(session, contact)
    return word


def _mark(session: Session, contact: SequenceContact, said: NoShow) -> None:
    """The meeting that was missed does not stand any more, whoever told us."""
    standing = (Booking.calendar == CALENDAR, Booking.email == contact.email, Booking.status == "booked")
    for row in session.scalars(locked(select(Booking).where(*standing), Booking)):
        if f"/{said.meeting}/" in row.current_uid:
            row.status, row.said_at = "no-show", max(row.said_at, said.at)


def _row(session: Session, word: Word, *, put_off: str | None = None) -> Booking:
    """The meeting's row, held; where it was put off, that of the one it replaces; made if need be, as older than any word."""
    names = [name for name in (word.invitee.key, put_off) if name]
    query = select(Booking).where(or_(Booking.uid.in_(names), Booking.current_uid.in_(names))).order_by(Booking.id)
    row = session.scalars(locked(query, Booking)).first()
    if row is None:
        row = Booking(
            calendar=CALENDAR,
            uid=put_off or word.invitee.key,
            current_uid=word.invitee.key,
            email=word.invitee.email,
            status="booked",
            said_at=word.at - _LATER,
        )
        session.add(row)
        session.flush()
    return row


def _email(session: Session, word: Word) -> str:
    """Whose it is: what the webhook says, else what the booking said.

    Raises:
        RetryableError: neither does yet; the booking's own webhook may be on its way.
    """
    if word.invitee.email:
        return word.invitee.email
    query = select(Booking.email).where(Booking.calendar == CALENDAR, Booking.current_uid == word.invitee.key)
    if (found := session.scalars(query).first()) is None:
        raise RetryableError("the invitee is not known yet, and the webhook does not say who it is")
    return found


def _data(row: Booking) -> dict[str, Any]:
    """What journeys are told of a meeting. `calendar` keeps it out of the journey around meetings of Cal.com."""
    return {
        "calendar": CALENDAR,
        "booking_uid": row.uid,
        "email": row.email,
        "start_at": row.start_at.isoformat() if row.start_at else None,
        "end_at": row.end_at.isoformat() if row.end_at else None,
        "time_zone": begin.zone_of(row.time_zone),
    }
