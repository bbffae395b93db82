"""What bookings hold of people, and which are theirs."""

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from functions.bookings import people
from functions.bookings.payloads import subject_of
from functions.bookings.tables import Booking, BookingUid
from functions.leads.tables import Lead
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person

BOOKINGS = Booking.__tablename__


def identify(session: Session, person: Person) -> Person:
    """The meetings of their leads and of their addresses; events name a meeting by each of the calendar's ids of it."""
    theirs = or_(Booking.lead_id.in_(person.of(Lead.__tablename__)), func.lower(Booking.email).in_(person.emails))
    rows = session.scalars(select(Booking).where(theirs)).all()
    found = [row.id for row in rows]
    person = person.with_phones(row.phone for row in rows).with_names(map(people.name_of, rows))
    uids = session.scalars(select(BookingUid.uid).where(BookingUid.booking_id.in_(found)))
    return person.with_rows(BOOKINGS, found).with_names(map(subject_of, uids))


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(BookingUid, lambda person: BookingUid.booking_id.in_(person.of(BOOKINGS))),
        Holding(Booking, lambda person: Booking.id.in_(person.of(BOOKINGS))),
    ),
    identify=identify,
)
