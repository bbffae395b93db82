"""Applies Calendly's webhooks to the campaign. Each meeting has one row of `bookings`, also after it was rescheduled.

Rescheduling sends two webhooks in any order, one that cancels the old meeting and one that books the new: the cancelling one
changes nothing. An older webhook that comes late does not replace a newer one's facts, except that a booking which is known
to be cancelled still ends the journeys that a booking ends.
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
class InviteeEvent:
    """One webhook of Calendly: the invitee, when it happened, and the key of our event."""

    invitee: Invitee
    at: datetime
    key: str


def apply(session: Session, payload: CalendlyPayload, at: datetime, event_key: str) -> str:
    """Apply a webhook; the outcome. A second time, or an older one, it changes nothing."""
    event = InviteeEvent(invitee=payload.payload, at=at, key=event_key)
    appliers = {CREATED: _booked, CANCELLED: _cancelled, NO_SHOW: _not_come, NO_SHOW_TAKEN_BACK: _come_after_all}
    applier = appliers.get(payload.event)
    if applier is None or event.invitee.key is None:
        return IGNORED
    return applier(session, event)


def _booked(session: Session, event: InviteeEvent) -> str:
    invitee = event.invitee
    if invitee.email is None:
        return IGNORED
    contact = people.locked_contact(session, invitee.email)
    row = _row(session, event, put_off=invitee.old_invitee)
    first, last = invitee.names
    people.learn(contact, event.at, event.key, first_name=first, last_name=last)
    if event.at < row.said_at:
        return _booked_late(session, event, row)
    row.status, row.said_at, row.email = "booked", event.at, invitee.email
    row.current_uid = str(invitee.key)
    row.name, row.time_zone = fitting(invitee.name or "", 200) or None, fitting(invitee.timezone or "", 64) or None
    row.start_at, row.end_at = invitee.scheduled_event.start_time, invitee.scheduled_event.end_time
    row.title = fitting(invitee.scheduled_event.name or "", 200) or None
    people.learn(contact, event.at, event.key, booking_status=people.BOOKED, diagnostic_call_at=row.start_at)
    if row.start_at is None or row.start_at > clock.now():  # a meeting that is over ends no journey
        people.reach(contact, kinds.BOOKED, event.at)
        begin.signal(session, contact.email, kinds.BOOKED, _data(row), event.key, event.at)
    notion_sync.ask_contact(session, contact)
    return begin.APPLIED


def _booked_late(session: Session, event: InviteeEvent, row: Booking) -> str:
    """Apply a booking that comes after its cancellation: it still ends journeys, which remember the cancellation."""
    if row.status == "cancelled" and row.email:
        begin.signal(session, row.email, kinds.BOOKED, _data(row), event.key, event.at)
    return STALE


def _cancelled(session: Session, event: InviteeEvent) -> str:
    if event.invitee.rescheduled or event.invitee.new_invitee:
        return RESCHEDULED
    email = _email(session, event)
    contact = people.locked_contact(session, email)
    row = _row(session, event)
    if event.at < row.said_at or row.current_uid != event.invitee.key:
        return STALE
    row.status, row.said_at, row.email = "cancelled", event.at, email
    people.learn(contact, event.at, event.key, booking_status=people.NOT_BOOKED, diagnostic_call_at=CLEARED)
    people.fall_back(contact, kinds.BOOKED, event.at)
    begin.signal(session, email, "booking.cancelled", _data(row), event.key, event.at)
    notion_sync.ask_contact(session, contact)
    return begin.APPLIED


def _not_come(session: Session, event: InviteeEvent) -> str:
    email = _email(session, event)
    invitee, at = event.invitee, event.invitee.no_show.created_at or event.at
    contact = people.locked_contact(session, email)
    row = _row(session, event)
    row.status, row.said_at, row.email = "no-show", max(row.said_at, at), email
    start_at = invitee.scheduled_event.start_time or row.start_at
    first, last = invitee.names
    people.learn(contact, at, event.key, first_name=first, last_name=last)
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
        event.key,
    )


def _come_after_all(session: Session, event: InviteeEvent) -> str:
    """Apply a withdrawn no-show: the mails stop."""
    email = _email(session, event)
    contact = people.locked_contact(session, email)
    people.learn(contact, event.at, event.key, booking_status=people.COMPLETED)
    people.fall_back(contact, kinds.NO_SHOW.event, event.at)
    people.reach(contact, kinds.NO_SHOW_TAKEN_BACK, event.at)
    meeting = event_id(event.invitee.event or event.invitee.scheduled_event.uri)
    begin.signal(session, email, kinds.NO_SHOW_TAKEN_BACK, {"calendly_event": meeting}, event.key, event.at)
    notion_sync.ask_contact(session, contact)
    return begin.APPLIED


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


def no_show(session: Session, contact: SequenceContact, payload: NoShow, event_key: str) -> str:
    """Apply a no-show of a person, whose row is locked: the three mails begin, whichever system reported it."""
    people.learn(contact, payload.at, event_key, booking_status=people.NO_SHOW, diagnostic_call_at=payload.scheduled_at)
    people.fall_back(contact, kinds.BOOKED, payload.at)
    people.reach(contact, kinds.NO_SHOW.event, payload.at)
    _mark(session, contact, payload)
    facts: Mapping[str, Any] = {
        "calendly_event_uri": payload.event_uri,
        "scheduled_time": payload.scheduled_at.isoformat() if payload.scheduled_at else None,
        "event_type": payload.event_type,
    }
    start = Start(
        kind=kinds.NO_SHOW,
        source=payload.meeting,
        at=payload.at,
        facts=facts,
        data=dict(payload.links)
        | {"calendly_event": payload.meeting, "reschedule_url": payload.reschedule_url, "time_zone": payload.time_zone},
    )
    outcome, _row = begin.begin(session, contact, start, event_key)
    notion_sync.ask_contact(session, contact)
    return outcome


def _mark(session: Session, contact: SequenceContact, payload: NoShow) -> None:
    """Mark the meeting as missed, whichever system reported it."""
    standing = (Booking.calendar == CALENDAR, Booking.email == contact.email, Booking.status == "booked")
    for row in session.scalars(locked(select(Booking).where(*standing), Booking)):
        if f"/{payload.meeting}/" in row.current_uid:
            row.status, row.said_at = "no-show", max(row.said_at, payload.at)


def _row(session: Session, event: InviteeEvent, *, put_off: str | None = None) -> Booking:
    """The meeting's row, locked; of a rescheduled one that of the meeting it replaces; if new, dated before any event."""
    names = [name for name in (event.invitee.key, put_off) if name]
    query = select(Booking).where(or_(Booking.uid.in_(names), Booking.current_uid.in_(names))).order_by(Booking.id)
    row = session.scalars(locked(query, Booking)).first()
    if row is None:
        row = Booking(
            calendar=CALENDAR,
            uid=put_off or event.invitee.key,
            current_uid=event.invitee.key,
            email=event.invitee.email,
            status="booked",
            said_at=event.at - _LATER,
        )
        session.add(row)
        session.flush()
    return row


def _email(session: Session, event: InviteeEvent) -> str:
    """The invitee's address: from the webhook, else from the booking.

    Raises:
        RetryableError: neither has it yet; the booking's own webhook may be on its way.
    """
    if event.invitee.email:
        return event.invitee.email
    query = select(Booking.email).where(Booking.calendar == CALENDAR, Booking.current_uid == event.invitee.key)
    if (found := session.scalars(query).first()) is None:
        raise RetryableError("the invitee is not known yet, and the webhook does not say who it is")
    return found


def _data(row: Booking) -> dict[str, Any]:
    """The data of a meeting's event for journeys. `calendar` keeps it out of the journey around meetings of Cal.com."""
    return {
        "calendar": CALENDAR,
        "booking_uid": row.uid,
        "email": row.email,
        "start_at": row.start_at.isoformat() if row.start_at else None,
        "end_at": row.end_at.isoformat() if row.end_at else None,
        "time_zone": begin.zone_of(row.time_zone),
    }
