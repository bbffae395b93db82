"""Applies a calendar's event: to the booking, its lead's status, the journeys of its person, and Kommo."""

import logging
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.bookings import notifications, parts, people
from functions.bookings.chain import Chain, of_event, of_row
from functions.bookings.facts import CANCELLED_STATUS, NOT_STANDING, take_in
from functions.bookings.notifications import BookingBefore
from functions.bookings.payloads import MEANINGFUL, NO_SHOW, BookingEvent
from functions.bookings.tables import Booking, BookingUid
from functions.leads import kommo_sync
from functions.leads.tables import Lead
from shared import clock
from shared.crm.facts import effective
from shared.errors import RetryableError
from shared.intake.envelope import Envelope
from shared.store.dialect import locked
from shared.store.types import key_of

log = logging.getLogger("puente.leads")

NEW, BOOKED, PAID = "new", "booked", "paid"
EVENT_KEY_LENGTH = 64


def take(session: Session, event: BookingEvent, envelope: Envelope, event_key: str) -> str:
    """Apply what a calendar reports: "applied", "stale" where newer events hold all of its facts, "ignored" what is not used.

    The booking, the lead's status and the deliveries planned end the same in whatever order events come, and however often.

    Raises:
        RetryableError: a report of absence that names nobody, about a booking that is not known yet.
    """
    if event.trigger not in MEANINGFUL:
        return "ignored"
    return apply(session, event, effective(envelope.time, envelope.received), event_key)


def apply(session: Session, event: BookingEvent, at: datetime, event_key: str) -> str:
    """Apply an event that happened `at`, as `take` does."""
    chain = of_event(session, event, at)
    before = BookingBefore.of(chain.booking)
    parts.inherit(session, chain, event)
    has_changed = take_in(chain.record(event.booking), event, at)
    chain.work_out()
    if event.trigger == NO_SHOW and chain.known("email") is None and not chain.is_certain:
        raise RetryableError("the booking is not known yet, and the event does not say whose it is")
    _give(session, chain.booking, _lead_of(session, chain))
    if has_changed or chain.absorbed or before.instance is None or chain.booking.lead_id != before.lead_id:
        people.observe(session, chain.booking, chain.absorbed_ids)
        notifications.notify(session, chain, before, event_key)
    for lead_id in (before.lead_id, chain.booking.lead_id):
        bring_in_line(session, lead_id, event_key)
    notifications.note(session, chain)
    for cancelled, since in list(parts.rest_of_series(session, chain, event)):
        apply(session, cancelled, since, key_of(event_key, str(cancelled.booking))[:EVENT_KEY_LENGTH])
    return "applied" if has_changed else "stale"


def email_of(session: Session, event: BookingEvent) -> str | None:
    """The address of the person whom an event is about: its own, else that of the booking as we know it."""
    if event.email is not None or event.booking is None:
        return event.email
    query = select(Booking.email).join(BookingUid, BookingUid.booking_id == Booking.id).where(BookingUid.uid == event.booking)
    return session.scalars(query).one_or_none()


def adopt(session: Session, lead_id: int, event_key: str) -> list[int]:
    """Assign to a new lead the meetings without a lead that were booked with its number or its address; the ids of those.

    A booking may arrive before its form. A meeting that is over or cancelled is not assigned. Call this after the lead's
    journeys have begun, because a booked meeting suspends them. A second run finds nothing left.
    """
    lead = session.get(Lead, lead_id)
    if lead is None:
        return []
    theirs = or_(Booking.email == lead.email, Booking.lead_ref == lead.id)
    query = select(Booking).where(theirs, Booking.lead_id.is_(None), Booking.status != CANCELLED_STATUS).order_by(Booking.id)
    found = [row for row in session.scalars(locked(query, Booking)) if _is_to_come(row)]
    for booking in found:
        before = BookingBefore.of(booking)
        _give(session, booking, lead.id)
        people.observe(session, booking)
        chain = of_row(session, booking)
        notifications.notify(session, chain, before, event_key)
        notifications.note(session, chain)
    if found:
        bring_in_line(session, lead.id, event_key)
    return [booking.id for booking in found]


def bring_in_line(session: Session, lead_id: int | None, event_key: str) -> bool:
    """Set a lead's status by whether one of its bookings is not cancelled, and request its sync; whether that changed it.

    A paid lead stays paid.
    """
    lead = session.scalars(locked(select(Lead).where(Lead.id == lead_id), Lead)).one_or_none()
    if lead is None or lead.status == PAID:
        return False
    standing = select(Booking.id).where(Booking.lead_id == lead_id, Booking.status.not_in(NOT_STANDING)).limit(1)
    status = BOOKED if session.scalars(standing).first() is not None else NEW
    if lead.status == status:
        return False
    lead.status = status
    session.flush()
    kommo_sync.ask(session, lead.id, event_key)
    return True


def _is_to_come(booking: Booking) -> bool:
    return booking.end_at is None or booking.end_at > clock.now()


def _give(session: Session, booking: Booking, lead_id: int | None) -> None:
    """Assign the booking to the lead. The relationship is read again: it may hold another lead than before."""
    booking.lead_id = lead_id
    session.flush()
    session.expire(booking, ["lead"])


def _lead_of(session: Session, chain: Chain) -> int | None:
    """The booking's lead: that of the number it gives (ours, else Kommo's), else the newest with the attendee's address.

    A meeting with seats carries the number of the first person who booked it, so there it counts only for their own address.
    A lead that was found by the address stays, whichever leads come later. The search locks the key range: a lead that is
    stored at the same time either is found here or finds the booking (`adopt`).
    """
    booking = chain.booking
    found = _by_number(session, booking.lead_ref) if booking.lead_ref is not None else None
    if found is not None and (chain.uids[0].meeting is None or _has_address(session, found, booking.email)):
        return found
    if not chain.is_certain or (booking.lead is not None and booking.lead.email == booking.email):
        return booking.lead_id
    return _by_email(session, booking.email) or booking.lead_id


def _has_address(session: Session, lead_id: int, email: str | None) -> bool:
    lead = session.get(Lead, lead_id)
    return lead is not None and lead.email == email


def _by_number(session: Session, number: int) -> int | None:
    query = select(Lead.id).where(Lead.id == number)
    if (ours := session.scalars(locked(query, Lead)).one_or_none()) is not None:
        return ours
    theirs = select(Lead.id).where(Lead.kommo_lead_id == number).order_by(Lead.received_at.desc(), Lead.id.desc()).limit(1)
    found = session.scalars(theirs).one_or_none()
    if found is None:
        log.warning("a booking names lead %d, which is none of ours and none of Kommo's that we know", number)
    return found


def _by_email(session: Session, email: str | None) -> int | None:
    if email is None:
        return None
    query = select(Lead.id).where(Lead.email == email).order_by(Lead.received_at.desc(), Lead.id.desc())
    return session.scalars(locked(query, Lead)).first()


__all__ = ["adopt", "apply", "bring_in_line", "email_of", "take"]
