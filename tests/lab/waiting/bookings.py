"""The places of functions/bookings that lock rows, and how somebody comes by them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from functions.bookings import chain
from functions.bookings import services as booking_services
from functions.bookings.tables import Booking, BookingUid
from functions.leads.tables import Lead
from tests.lab.rows import ANA, Wait, filled
from tests.lab.waiting.leads import lead


def booking() -> Sequence[Any]:
    """A meeting with its id."""
    row = filled(Booking, calendar="calendly", uid="u1", current_uid="u1", email=ANA, status="booked", lead_id=None)
    return [row, filled(BookingUid, uid="u1", booking_id=1)]


def lead_and_booking() -> Sequence[Any]:
    """A lead, and a meeting of the same address."""
    return [lead()[0], *booking()]


WAITS = {
    "functions.bookings.chain:_held": Wait(Booking, booking, lambda session: chain._held(session, [1])),
    "functions.bookings.chain:_joined": Wait(
        BookingUid, booking, lambda session: chain._joined(session, session.scalars(select(Booking)).all()), held="u1"
    ),
    "functions.bookings.chain:_records": Wait(BookingUid, booking, lambda session: chain._records(session, ["u1"]), held="u1"),
    "functions.bookings.chain:_without_ids": Wait(Booking, booking, lambda session: chain._without_ids(session, ["u1"])),
    "functions.bookings.services:_by_email": Wait(Lead, lead, lambda session: booking_services._by_email(session, ANA)),
    "functions.bookings.services:_by_number": Wait(Lead, lead, lambda session: booking_services._by_number(session, 1)),
    "functions.bookings.services:adopt": Wait(
        Booking, lead_and_booking, lambda session: booking_services.adopt(session, 1, "k")
    ),
    "functions.bookings.services:bring_in_line": Wait(
        Lead, lead, lambda session: booking_services.bring_in_line(session, 1, "k")
    ),
}
