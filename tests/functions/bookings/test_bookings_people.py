"""Who the person of a booking is: a signed link joins them to a lead, what they typed only proposes."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.bookings import people, services
from functions.bookings.payloads import BookingEvent
from functions.bookings.tables import Booking
from functions.leads.tables import Lead
from shared.outbox import plan
from shared.people import backfill, queries
from shared.people.kinds import Identity
from shared.store.people_models import Identity as Row
from shared.store.session import reading, transact
from shared.store.trial_keys import trial_key

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


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("by_a_test", "expected"), [((True,), True), ((True, True), True), ((True, False), False), ((False, True), False)]
)
def test_booking_of_which_only_a_test_tells_is_marked(*, by_a_test: tuple[bool, ...], expected: bool) -> None:
    """Until a real event tells of it; what a test tells of a real booking makes it no test."""
    for is_test in by_a_test:
        event = BookingEvent(trigger="BOOKING_CREATED", uid="u1", email="ana@example.com", start_at=NOW, at=NOW)

        def work(session: Session, event: BookingEvent = event, key: str = trial_key("k") if is_test else "k") -> None:
            with plan.caused_by(session, key):
                services.apply(session, event, NOW, key)

        transact(work)
    with reading() as session:
        assert session.scalars(select(Booking.of_test)).one() is expected


@pytest.mark.usefixtures("database")
def test_rows_that_turn_out_to_be_one_meeting_are_of_a_test_only_together() -> None:
    """A real event that joins them, or one real row among them, is enough."""

    def work(session: Session, uid: str, follows: str | None, key: str) -> None:
        event = BookingEvent(trigger="BOOKING_CREATED", uid=uid, email="ana@example.com", start_at=NOW, at=NOW)
        if follows is not None:
            event = event.model_copy(update={"trigger": "BOOKING_RESCHEDULED", "follows": follows})
        with plan.caused_by(session, key):
            services.apply(session, event, NOW, key)

    for uid, follows, key in (("u1", None, "k"), ("u2", None, trial_key("k2")), ("u2", "u1", trial_key("k3"))):
        transact(lambda session, uid=uid, follows=follows, key=key: work(session, uid, follows, key))
    with reading() as session:
        assert session.scalars(select(Booking.of_test)).one() is False
