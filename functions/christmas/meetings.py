"""Sets the booking status of a person in the campaign from their meetings in Cal.com, with the date of the call.

Calendly's webhooks are events about the person and are applied as such (`calendly`). Cal.com's are first combined into
meetings (`functions.bookings.services`), in whatever order they come; so here the person follows the meetings' present state.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.bookings.tables import Booking, BookingUid
from functions.christmas import kinds, notion_sync, people
from functions.christmas.tables import SequenceContact
from shared import clock
from shared.crm.facts import CLEARED
from shared.store.dialect import locked

CALENDAR = "calcom"
STATUSES = {"booked": people.BOOKED, "cancelled": people.NOT_BOOKED, "no-show": people.NO_SHOW, "ended": people.COMPLETED}


def hold(session: Session, email: str | None) -> SequenceContact | None:
    """The person with that address, locked until the transaction ends; None where the campaign does not know them.

    The key range is locked, too: a person who is stored in the meantime finds the meetings (`follow`). Call this before any
    row of a meeting is locked: every writer of a person locks in this order.
    """
    if email is None:
        return None
    query = select(SequenceContact).where(SequenceContact.email == email)
    return session.scalars(locked(query, SequenceContact)).one_or_none()


def follow_meeting(session: Session, uid: str | None) -> None:
    """Update the person who booked the meeting with this id, where the campaign knows them; else nothing happens."""
    query = select(Booking.email).join(BookingUid, BookingUid.booking_id == Booking.id).where(BookingUid.uid == uid)
    contact = hold(session, session.scalars(query).one_or_none())
    if contact is not None and follow(session, contact):
        notion_sync.ask_contact(session, contact)


def follow(session: Session, contact: SequenceContact) -> bool:
    """Set a person's booking facts, whose row is locked, from their meetings; whether that changed any. Twice is as once.

    A meeting that is still to come counts before all others, else the one with the newest event. Newer facts from another
    source (Calendly, a call that took place) stay.
    """
    session.flush()
    rows = session.scalars(select(Booking).where(Booking.email == contact.email)).all()
    if not any(row.calendar == CALENDAR for row in rows):
        return False
    before = _shown(contact)
    decisive = max(rows, key=lambda row: (_is_to_come(row), row.said_at, row.id))
    at = max(row.said_at for row in rows)
    _forget(contact)
    when = CLEARED if decisive.status == "cancelled" else decisive.start_at
    people.learn(contact, at, CALENDAR, booking_status=STATUSES[decisive.status], diagnostic_call_at=when)
    if _is_to_come(decisive):
        people.reach(contact, kinds.BOOKED, decisive.said_at)
    elif decisive.status == "cancelled":
        people.fall_back(contact, kinds.BOOKED, at)
    return _shown(contact) != before


def _is_to_come(row: Booking) -> bool:
    return row.status == "booked" and (row.start_at is None or row.start_at > clock.now())


def _forget(contact: SequenceContact) -> None:
    """Drop facts that came from meetings, so that facts no newer may replace them: a late, older event may change a meeting."""
    contact.fact_times = {name: source for name, source in (contact.fact_times or {}).items() if source[1] != CALENDAR}


def _shown(contact: SequenceContact) -> Sequence[str | datetime | None]:
    return contact.booking_status, contact.diagnostic_call_at, contact.campaign_status
