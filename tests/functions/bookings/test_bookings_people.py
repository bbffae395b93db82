"""Who the person of a booking is: a signed link joins them to a lead, what they typed only proposes."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.bookings import people, services
from functions.bookings.payloads import BookingEvent
from functions.bookings.tables import Booking
from functions.leads.tables import Lead
from shared.people import backfill, queries
from shared.people.kinds import Identity
from shared.store.people_models import Identity as Row
from shared.store.session import reading, transact

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MAIL, LEAD = Identity("email", "ana@example.com"), Identity("lead", "17")


def lead(email: str) -> Lead:
    """A lead of that address."""
    facts = {"name": "Ana", "phone_original": "x", "company": "x", "service": "x", "source": "x"}
    return Lead(id=17, email=email, received_at=NOW, said_at=NOW, **facts)


def book(
    *, lead_ref: int | None = None, email: str | None = "ana@example.com", uid: str = "u1", follows: str | None = None
) -> None:
    """The calendar reports a booking."""
    event = BookingEvent(
        trigger="BOOKING_CREATED" if follows is None else "BOOKING_RESCHEDULED",
        uid=uid,
        follows=follows,
        lead_ref=lead_ref,
        email=email,
        phone="+525512345678",
        start_at=NOW + timedelta(days=2),
        at=NOW,
    )
    transact(lambda session: services.apply(session, event, NOW, f"key-{uid}-{follows}"))


def booked() -> Identity:
    """The identity of the one booking that there is."""
    with reading() as session:
        row = session.scalars(select(Booking)).one()
    return Identity("booking", people.value_of(row.calendar, row.id))


def whose(identity: Identity, *, probable: bool = False) -> list[int]:
    """The people of an identity."""
    with reading() as session:
        return (queries.with_proposals if probable else queries.of)(session, identity)


@pytest.mark.usefixtures("database")
class TestBookings:
    """What bookings tell of people."""

    def test_a_typed_address_only_proposes(self) -> None:
        """Anybody can type Ana's address: the booking's person is somebody of their own, and may be Ana."""
        transact(lambda session: session.add(lead("ana@example.com")))
        book()
        (number,) = whose(booked())
        assert whose(MAIL) == []
        assert whose(MAIL, probable=True) == [number]
        assert whose(LEAD) == []  # found by the address alone

    def test_a_number_from_our_link_joins(self) -> None:
        """The booking's person is the lead's, also where another address was typed."""
        transact(lambda session: session.add(lead("ana@example.com")))
        book(lead_ref=17, email="other@example.com")
        assert whose(booked()) == whose(LEAD) != []

    def test_a_booking_that_comes_before_its_lead_is_joined_then(self) -> None:
        """The order does not matter."""
        book(lead_ref=17)
        assert whose(LEAD) == []
        transact(lambda session: session.add(lead("ana@example.com")))
        transact(lambda session: services.adopt(session, 17, "key"))
        assert whose(booked()) == whose(LEAD) != []

    def test_two_bookings_that_turn_out_to_be_one_are_one_person(self) -> None:
        """The second id came first and the link between the two later."""
        book(uid="u1")
        book(uid="u2")
        with reading() as session:
            before = {row.value: row.person_id for row in session.scalars(select(Row).where(Row.kind == "booking"))}
        assert len(set(before.values())) == 2
        book(uid="u2", follows="u1")
        with reading() as session:
            after = set(session.scalars(select(Row.person_id).where(Row.kind == "booking")))
        assert len(after) == 1

    def test_stored_bookings_are_taken_in(self) -> None:
        """Those that were stored before anything noted who they are, once."""

        def store(session: Session) -> None:
            session.add(lead("ana@example.com"))
            session.flush()
            session.add(Booking(calendar="calcom", uid="u1", current_uid="u1", said_at=NOW, lead_id=17, lead_ref=17))

        transact(store)
        assert people.BOOKINGS in backfill.sources()
        for _ in range(2):
            assert list(backfill.run(people.BOOKINGS)) == [1]
        assert whose(booked()) == whose(LEAD) != []
