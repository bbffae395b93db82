"""Who the person of a booking is: the booking names them, its signed link joins them to a lead, and the rest was typed."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from functions.bookings.tables import Booking
from shared.people import kinds, observing
from shared.people.backfill import Source
from shared.people.observing import Seen
from shared.store.types import key_of

KIND = "booking"


def value_of(calendar: str, booking_id: int) -> str:
    """By what journeys know the person of a booking of whom nothing else is known."""
    return key_of(calendar, str(booking_id))


def name_of(booking: Booking) -> str:
    """The same as a name of the person."""
    return f"{KIND}:{value_of(booking.calendar, booking.id)}"


def observe(session: Session, booking: Booking, absorbed: Iterable[int] = ()) -> int | None:
    """Note by which identities the person of a booking is known; the number of the person.

    The number of a lead that came with the booking is proven: from a public page only the signed one is read. What the attendee
    typed is a proposal. The attendee's time zone is theirs. `absorbed` are rows that turned out to be this booking.
    """
    proven = list(kinds.identities(booking=value_of(booking.calendar, booking.id), lead=_own_lead(booking)))
    typed = kinds.identities(email=booking.email, phone=booking.phone)
    others = kinds.identities_of(KIND, (value_of(booking.calendar, number) for number in absorbed))
    same = [(proven[0], other) for other in others]
    seen = Seen(
        source=f"{booking.calendar}.booking",
        at=booking.said_at,
        proven=proven,
        typed=typed,
        same=same,
        time_zone=booking.time_zone,
    )
    return observing.observe(session, seen)


def _own_lead(booking: Booking) -> int | None:
    """The lead, where the booking gives its number, ours or Kommo's; not one that was found by the address alone."""
    lead = booking.lead
    if lead is None or booking.lead_ref is None:
        return None
    return lead.id if booking.lead_ref in (lead.id, lead.kommo_lead_id) else None


def _observe_stored(session: Session, booking: Booking) -> int | None:
    return observe(session, booking)


BOOKINGS = Source("bookings", Booking, _observe_stored)
