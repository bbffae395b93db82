"""A booking and what it means: for the lead it belongs to, for the journeys its person is in, and for Kommo."""

import logging

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.bookings import chain as bookings_chain
from functions.bookings import notifications as bookings_told
from functions.bookings.chain import CANCELLED_STATUS, Chain
from functions.bookings.notifications import Before
from functions.bookings.payloads import MEANINGFUL, BookingEvent
from functions.bookings.tables import Booking
from functions.leads import kommo_sync as kommo
from functions.leads.tables import Lead
from shared import clock
from shared.crm.facts import effective
from shared.intake.envelope import Envelope
from shared.store.dialect import locked

log = logging.getLogger("puente.leads")

NEW, BOOKED, PAID = "new", "booked", "paid"


def take(session: Session, word: BookingEvent, envelope: Envelope, event_key: str) -> str:
    """Take a calendar's word in: "applied", "stale" where newer words have said it all, "ignored" where it means nothing here.

    The booking, the lead's status and what is owed end the same in whatever order the words come, and however often.
    """
    if word.trigger not in MEANINGFUL:
        return "ignored"
    at = effective(envelope.time, envelope.received)
    chain = bookings_chain.of_word(session, word, at)
    before = Before.of(chain.booking)
    has_changed = bookings_chain.take_in(chain, word, at)
    chain.work_out()
    _give(session, chain.booking, _lead_of(session, chain))
    if has_changed or chain.absorbed or chain.booking.lead_id != before.lead_id:
        bookings_told.tell(session, chain, before, event_key)
    for lead_id in (before.lead_id, chain.booking.lead_id):
        bring_in_line(session, lead_id, event_key)
    bookings_told.note(session, chain)
    return "applied" if has_changed else "stale"


def adopt(session: Session, lead_id: int, event_key: str) -> list[int]:
    """Give a lead that has just come the meetings that wait for it: those booked with its number or its address; which.

    A form and a booking may overtake each other. A meeting that is over or cancelled belongs to nobody any more. To be called
    after the lead's journeys have begun, for a meeting that stands suspends them. A second run finds nothing left.
    """
    lead = session.get(Lead, lead_id)
    if lead is None:
        return []
    theirs = or_(Booking.email == lead.email, Booking.lead_ref == lead.id)
    query = select(Booking).where(theirs, Booking.lead_id.is_(None), Booking.status != CANCELLED_STATUS).order_by(Booking.id)
    found = [row for row in session.scalars(locked(query, Booking)) if _is_to_come(row)]
    for booking in found:
        before = Before.of(booking)
        _give(session, booking, lead.id)
        chain = bookings_chain.of_row(session, booking)
        bookings_told.tell(session, chain, before, event_key)
        bookings_told.note(session, chain)
    if found:
        bring_in_line(session, lead.id, event_key)
    return [booking.id for booking in found]


def bring_in_line(session: Session, lead_id: int | None, event_key: str) -> bool:
    """Let a lead's status say whether a booking of theirs stands, and Kommo with it; whether that changed. Paid stays paid."""
    lead = session.scalars(locked(select(Lead).where(Lead.id == lead_id), Lead)).one_or_none()
    if lead is None or lead.status == PAID:
        return False
    standing = select(Booking.id).where(Booking.lead_id == lead_id, Booking.status != CANCELLED_STATUS).limit(1)
    status = BOOKED if session.scalars(standing).first() is not None else NEW
    if lead.status == status:
        return False
    lead.status = status
    session.flush()
    kommo.ask(session, lead.id, event_key)
    return True


def _is_to_come(booking: Booking) -> bool:
    return booking.end_at is None or booking.end_at > clock.now()


def _give(session: Session, booking: Booking, lead_id: int | None) -> None:
    """Note whose it is. The lead itself is read anew: it may be another one than was read before."""
    booking.lead_id = lead_id
    session.flush()
    session.expire(booking, ["lead"])


def _lead_of(session: Session, chain: Chain) -> int | None:
    """Whose booking it is: the lead of the number it gives (ours, else Kommo's), else the newest with the attendee's address.

    One that was found by the address stays, whichever leads come later. The gap is held: a lead that is being stored now
    either is found here or finds the booking (`adopt`).
    """
    booking = chain.booking
    if booking.lead_ref is not None and (found := _by_number(session, booking.lead_ref)) is not None:
        return found
    if not chain.is_certain or (booking.lead is not None and booking.lead.email == booking.email):
        return booking.lead_id
    return _by_email(session, booking.email) or booking.lead_id


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


__all__ = ["adopt", "bring_in_line", "take"]
