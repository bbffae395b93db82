"""Sets the booking status of a person in the campaign from their meetings, with the date of the call.

A calendar's events are first combined into meetings (`functions.bookings.services`), in whatever order they come; so here the
person follows the meetings' present state. Calendly is the campaign's own calendar: who books there becomes a contact of it,
and who misses a meeting there gets the mails about that.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.bookings.payloads import CALENDLY, NO_SHOW, BookingEvent
from functions.bookings.tables import Booking, BookingUid
from functions.christmas import begin, kinds, noshow, notion_sync, people
from functions.christmas.tables import SequenceContact
from shared import clock
from shared.crm.facts import CLEARED
from shared.intake.inbox import Event
from shared.store.dialect import locked

SOURCE = "calcom"  # marks facts that come from meetings, of whichever calendar; stored, so it keeps its first name
STATUSES = {"booked": people.BOOKED, "cancelled": people.NOT_BOOKED, "no-show": people.NO_SHOW, "ended": people.COMPLETED}


def hold(session: Session, email: str | None, *, calendar: str | None = None) -> SequenceContact | None:
    """The person with that address, locked until the transaction ends; None where the campaign does not know them.

    Whoever is in Calendly becomes known. The key range is locked, too: a person who is stored in the meantime finds the
    meetings (`follow`). Call this before any row of a meeting is locked: every writer of a person locks in this order.
    """
    if email is None:
        return None
    if calendar == CALENDLY:
        return people.locked_contact(session, email)
    query = select(SequenceContact).where(SequenceContact.email == email)
    return session.scalars(locked(query, SequenceContact)).one_or_none()


def follow_meeting(session: Session, event: Event[BookingEvent]) -> None:
    """Update the person whose meeting an event was about, where the campaign knows them; else nothing happens."""
    payload = event.payload
    query = select(Booking).join(BookingUid, BookingUid.booking_id == Booking.id).where(BookingUid.uid == payload.booking)
    booking = session.scalars(query).one_or_none()
    contact = hold(session, booking.email) if booking is not None else None
    if booking is None or contact is None:
        return
    before = _shown(contact)
    people.observe(session, contact)
    if booking.calendar == CALENDLY:
        names = {"first_name": payload.first_name, "last_name": payload.last_name}
        people.learn(contact, event.envelope.time, event.key, **names)
        noshow.mark_missed(session, contact, event.key)
        _follow_absence(session, contact, booking, event)
    if follow(session, contact) or _shown(contact) != before:
        notion_sync.ask_contact(session, contact)


def follow(session: Session, contact: SequenceContact) -> bool:
    """Set a person's booking facts, whose row is locked, from their meetings; whether that changed any. Twice is as once.

    A meeting that is still to come counts before all others, else the one with the newest event. Newer facts from another
    source (our own form of a no-show, a call that took place) stay.
    """
    session.flush()
    rows = session.scalars(select(Booking).where(Booking.email == contact.email, Booking.status.in_(STATUSES))).all()
    if not rows:
        return False
    before = _shown(contact)
    decisive = max(rows, key=lambda row: (_is_to_come(row), row.said_at, row.calendar, row.uid))
    at = max(row.said_at for row in rows)
    _forget(contact)
    when = (decisive.start_at if decisive.status != "cancelled" else None) or CLEARED
    people.learn(contact, at, SOURCE, booking_status=STATUSES[decisive.status], diagnostic_call_at=when)
    _set_stages(contact, rows, decisive)
    return _shown(contact) != before


def _set_stages(contact: SequenceContact, rows: Sequence[Booking], decisive: Booking) -> None:
    """What the meetings say of how far somebody is. Whoever has booked stays so until that is cancelled or missed."""
    stands = decisive.status in ("booked", "ended")
    ends = {kinds.MISSED: "no-show", kinds.NO_SHOW_TAKEN_BACK: "ended"}
    newest = {stage: max((row.said_at for row in rows if row.status == status), default=None) for stage, status in ends.items()}
    people.follow_stages(contact, {kinds.BOOKED: decisive.said_at if stands else None} | newest)


def _follow_absence(session: Session, contact: SequenceContact, booking: Booking, event: Event[BookingEvent]) -> None:
    """Begin the mails to somebody who missed a meeting in Calendly, or end them where that is taken back."""
    if booking.status == "no-show":
        noshow.begin_mails(session, contact, noshow.of_booking(session, booking), event.key)
    elif event.payload.trigger == NO_SHOW and not any(event.payload.absent.values()):
        data = {"calendly_event": noshow.of_booking(session, booking).meeting}
        begin.signal(session, contact.email, kinds.NO_SHOW_TAKEN_BACK, data, event.key, event.envelope.time)


def _is_to_come(row: Booking) -> bool:
    return row.status == "booked" and (row.start_at is None or row.start_at > clock.now())


def _forget(contact: SequenceContact) -> None:
    """Drop facts that came from meetings, so that facts no newer may replace them: a late, older event may change a meeting."""
    contact.fact_times = {name: source for name, source in (contact.fact_times or {}).items() if source[1] != SOURCE}


def _shown(contact: SequenceContact) -> Sequence[str | datetime | None]:
    return contact.booking_status, contact.diagnostic_call_at, contact.campaign_status, contact.first_name, contact.last_name
