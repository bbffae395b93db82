"""Journeys ask for the person: what happens to one ends the journeys of whoever is or probably is the same, in any order."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import people_edits
from shared.people.kinds import Identity
from shared.store.journey_models import (
    Enrolment,
    EnrolmentAddress,
    EnrolmentStep,
    JourneyDecision,
    JourneyEvent,
    JourneyVersion,
)
from shared.store.models import Delivery
from shared.store.people_models import Identity as Row
from shared.store.people_models import IdentityLink, KnownPerson
from shared.store.session import transact
from tests.conftest import START
from tests.support.journeys import Post
from tests.unit.journeys.test_journey_engine import MEETING, SIMPLE, rows, signal
from tests.unit.people.test_observing import ANA, BEA, MAIL, PHONE, saw

LEAD = Identity("lead", "1")
HOUR = timedelta(hours=1)
PAID = "payment.received"


@pytest.fixture
def simple(define: Callable[[str], object], vendors: Post, test_clock: clock.TestClock) -> None:
    """The journey, a day after START, so that everything of that day is past."""
    del vendors
    define(SIMPLE)
    test_clock.advance(days=1)


def enter(name: str = "lead:1", key: str = "enter") -> None:
    """Somebody enters by what happened at START."""
    signal("lead.created", keys=(name,), event_key=key, at=START)


def pay(name: str, key: str = "paid") -> None:
    """Somebody has paid an hour later."""
    signal(PAID, {}, keys=(name,), event_key=key, at=START + HOUR)


def standing() -> dict[str, str]:
    """The state of each enrolment by its person."""
    return {row.person: row.state for row in rows(Enrolment)}


@pytest.mark.usefixtures("simple")
class TestEndings:
    """What ends a journey."""

    @pytest.mark.parametrize("proven", [True, False])
    def test_a_payment_ends_the_journey_under_another_name(self, proven: bool) -> None:  # noqa: FBT001  # a column of the table
        """Joined, or only probably the same."""
        saw(LEAD, *((MAIL,) if proven else ()), typed=() if proven else (MAIL,))
        saw(ANA, MAIL)
        enter()
        pay("manychat:1")
        assert standing() == {"lead:1": "exited"}

    def test_two_with_one_phone_stay_two(self) -> None:
        """One of a household pays; the other goes on."""
        saw(ANA, PHONE)
        saw(BEA, PHONE)
        enter("manychat:1", "a")
        enter("manychat:2", "b")
        pay("manychat:1")
        assert standing() == {"manychat:1": "exited", "manychat:2": "active"}

    def test_a_join_by_hand_ends_what_should_have_ended(self) -> None:
        """She has paid under one name; an operator says later that both are she."""
        first, second = saw(ANA), saw(LEAD)
        enter()
        pay("manychat:1")
        assert standing() == {"lead:1": "active"}
        transact(lambda session: people_edits.join(session, first or 0, second or 0, "key:ops"))
        assert standing() == {"lead:1": "exited"}

    def test_a_suspension_is_taken_back_by_what_it_is_about(self) -> None:
        """The meeting of whoever is probably she holds her back, until that very meeting is cancelled."""
        saw(LEAD, typed=(MAIL,))
        saw(ANA, MAIL)
        enter()
        signal("booking.created", {"booking_uid": "b1"}, keys=("manychat:1",), at=START + HOUR)
        assert standing() == {"lead:1": "suspended"}
        signal("booking.cancelled", {}, keys=("manychat:1",), event_key="c0", at=START + 2 * HOUR)
        assert standing() == {"lead:1": "suspended"}
        signal("booking.cancelled", {"booking_uid": "b1"}, keys=("manychat:1",), event_key="c1", at=START + 3 * HOUR)
        assert standing() == {"lead:1": "active"}

    def test_who_is_in_it_under_another_name_does_not_enter_again(self) -> None:
        """One person has one enrolment; who is only probably the same may enter."""
        saw(LEAD, ANA)
        saw(ANA, typed=(MAIL,))
        enter("lead:1", "a")
        enter("manychat:1", "b")
        assert standing() == {"lead:1": "active"}
        saw(BEA, typed=(MAIL,))
        enter("manychat:2", "c")
        assert standing() == {"lead:1": "active", "manychat:2": "active"}


def test_facts_never_cross_a_proposal(define: Callable[[str], object], vendors: Post) -> None:
    """A meeting that is moved brings its new address to its own enrolment, and to none that is only probably the same's."""
    del vendors
    define(MEETING)
    saw(LEAD, typed=(MAIL,))
    saw(ANA, MAIL)
    data = {"booking_uid": "b1", "start_at": (START + 72 * HOUR).isoformat(), "phone": "+525512345678"}
    signal("booking.created", data, keys=("lead:1",))
    moved = data | {"phone": "+525500000009"}
    signal("booking.rescheduled", moved, keys=("manychat:1",))
    signal("booking.rescheduled", moved, keys=("email:ana@example.com", "manychat:1"), event_key="typed")
    assert rows(Enrolment)[0].data["phone"] == "+525512345678"
    signal("booking.rescheduled", moved, keys=("lead:1",), event_key="own")
    assert rows(Enrolment)[0].data["phone"] == "+525500000009"


def test_facts_never_come_by_an_address_that_anybody_may_have_typed(define: Callable[[str], object], vendors: Post) -> None:
    """The address is proven to be hers, but the event does not come from her: somebody typed it into another booking."""
    del vendors
    define(MEETING)
    saw(LEAD, MAIL)
    data = {"booking_uid": "b1", "start_at": (START + 72 * HOUR).isoformat(), "phone": "+525512345678"}
    signal("booking.created", data, keys=("lead:1",))
    moved = data | {"phone": "+525500000009"}
    signal("booking.rescheduled", moved, keys=("email:ana@example.com", "booking:x"))
    assert rows(Enrolment)[0].data["phone"] == "+525512345678"


HAPPENINGS: tuple[Callable[[], object], ...] = (
    enter,
    lambda: pay("manychat:1"),
    lambda: saw(LEAD, typed=(MAIL,)),
    lambda: saw(ANA, MAIL),
    lambda: enter("manychat:2", "bea"),
    lambda: saw(BEA, PHONE),
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(order=st.permutations(HAPPENINGS), again=st.lists(st.sampled_from(HAPPENINGS), max_size=2))
def test_any_order_ends_the_same(
    database: Engine, simple: None, order: Sequence[Callable[[], object]], again: Sequence[Callable[[], object]]
) -> None:
    """A form that names her address, the proof that it is hers, her payment, and somebody else: in any order, some twice."""

    def forget(session: Session) -> None:
        journeys = (JourneyDecision, EnrolmentAddress, EnrolmentStep, Enrolment, JourneyVersion, JourneyEvent)
        for table in (*journeys, Delivery, IdentityLink, Row, KnownPerson):
            session.execute(delete(table))

    transact(forget, database)
    for happen in (*order, *again):
        happen()
    assert standing() == {"lead:1": "exited", "manychat:2": "active"}
