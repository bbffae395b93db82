"""What the meetings in Cal.com say of somebody in the campaign: booked, not booked, completed, no-show, and for when.

Calendly's webhooks are words about the person and are taken as such (`calendly`). Cal.com's are put together into meetings
first (`functions.bookings.services`), in whatever order they come; so here the person follows the meetings as they now are.
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
    """The person with that address, held until the transaction ends; None where the campaign does not know them.

    The gap is held, too: who becomes known in the meantime finds the meetings (`follow`). To be called before anything of
    a meeting is touched, as everybody does who changes something of a person.
    """
    if email is None:
        return None
    query = select(SequenceContact).where(SequenceContact.email == email)
    return session.scalars(locked(query, SequenceContact)).one_or_none()


def follow_meeting(session: Session, uid: str | None) -> None:
    """Bring whoever booked the meeting with this id in line with it, where the campaign knows them; else nothing happens."""
    query = select(Booking.email).join(BookingUid, BookingUid.booking_id == Booking.id).where(BookingUid.uid == uid)
    contact = hold(session, session.scalars(query).one_or_none())
    if contact is not None and follow(session, contact):
        notion_sync.ask_contact(session, contact)


def follow(session: Session, contact: SequenceContact) -> bool:
    """Let a person, whose row is held, say of meetings what is the case; whether that changed anything. Twice is as once.

    A meeting that is still to come counts before all others, else the one of which was last heard. Newer words that came
    another way (Calendly's, a call that took place) stand.
    """
    session.flush()
    rows = session.scalars(select(Booking).where(Booking.email == contact.email)).all()
    if not any(row.calendar == CALENDAR for row in rows):
        return False
    before = _shown(contact)
    telling = max(rows, key=lambda row: (_is_to_come(row), row.said_at, row.id))
    at = max(row.said_at for row in rows)
    _forget(contact)
    when = CLEARED if telling.status == "cancelled" else telling.start_at
    people.learn(contact, at, CALENDAR, booking_status=STATUSES[telling.status], diagnostic_call_at=when)
    if _is_to_come(telling):
        people.reach(contact, kinds.BOOKED, telling.said_at)
    elif telling.status == "cancelled":
        people.fall_back(contact, kinds.BOOKED, at)
    return _shown(contact) != before


def _is_to_come(row: Booking) -> bool:
    return row.status == "booked" and (row.start_at is None or row.start_at > clock.now())


def _forget(contact: SequenceContact) -> None:
    """What meetings said before gives way, even to what is no newer: an older word that came late may have changed one."""
    contact.fact_times = {name: said for name, said in (contact.fact_times or {}).items() if said[1] != CALENDAR}


def _shown(contact: SequenceContact) -> Sequence[str | datetime | None]:
    return contact.booking_status, contact.diagnostic_call_at, contact.campaign_status
