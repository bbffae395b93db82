"""What ends a journey may arrive before what begins it: the engine remembers, so that any order ends the same."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.journeys import engine, outcomes
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyDecision, JourneyEvent
from shared.store.models import Delivery
from shared.store.session import transact
from tests.conftest import START
from tests.support.journeys import run
from tests.unit.journeys.test_journey_engine import ANA, SIMPLE, rows, signal

pytestmark = pytest.mark.slow

SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
HOUR = timedelta(hours=1)
BEGIN = ("lead.created", {}, 0)
STORIES = st.lists(
    st.sampled_from(
        [
            ("booking.created", {"booking_uid": "a"}),
            ("booking.created", {"booking_uid": "b"}),
            ("booking.cancelled", {"booking_uid": "a"}),
            ("booking.cancelled", {"booking_uid": "b"}),
            ("payment.received", {}),
        ]
    ),
    max_size=5,
)


class Person:
    """The person of one example; the database is that of the whole test."""

    number = 0

    @classmethod
    def new(cls) -> str:
        """A key that nobody has."""
        cls.number += 1
        return f"lead:{cls.number}"


def outcome(person: str) -> tuple[str, list[tuple[str, str]]]:
    """Where somebody stands, and what is left for them."""
    (row,) = rows(Enrolment, person=person)
    left = [(step.step, step.state) for step in rows(EnrolmentStep, enrolment_id=row.id)]
    return row.state, left


def happen(person: str, story: list[tuple[str, dict, int]]) -> None:
    """Let the events arrive in this order, each with the hour at which it happened."""
    for event, data, hour in story:
        signal(
            event, ANA | data, keys=(person,), event_key=f"{person}:{event}:{data}:{hour}", at=START - 24 * HOUR + hour * HOUR
        )


@given(story=STORIES, data=st.data())
@example(story=[("booking.created", {"booking_uid": "a"}), ("booking.cancelled", {"booking_uid": "a"})], data=None)
@settings(max_examples=60, suppress_health_check=SLOW, deadline=None)
def test_any_order_ends_as_the_right_one(define, vendors, story, data):
    """Events at different times, each any number of times: the person ends where the order of the times has them."""
    define(SIMPLE)
    timed = [BEGIN, *((event, facts, hour) for hour, (event, facts) in enumerate(story, 1))]
    copies = data.draw(st.lists(st.sampled_from(timed), max_size=3)) if data else timed
    shuffled = data.draw(st.permutations([*timed, *copies])) if data else [*reversed(timed), *copies]
    inorder, disorder = Person.new(), Person.new()
    happen(inorder, timed)
    happen(disorder, shuffled)
    state, left = outcome(inorder)
    assert outcome(disorder) == (state, left)
    expected = "exited" if ("payment.received", {}) in story else None
    if expected is None:
        newest = {facts["booking_uid"]: event for event, facts in story if facts}
        expected = "suspended" if "booking.created" in newest.values() else "active"
    assert state == expected


def test_ending_that_came_first_is_told_as_the_reason(define, vendors, test_clock):
    """They are enrolled and have left: nothing goes out, and whoever asks why is answered."""
    define(SIMPLE)
    signal("payment.received", {}, at=START + HOUR)
    test_clock.advance(hours=2)
    signal("lead.created", at=START)
    run(test_clock, days=8)
    assert vendors.sent == []
    assert [(row.state, row.reason) for row in rows(Enrolment)] == [("exited", "payment.received")]
    assert {row.state for row in rows(Delivery)} == {"cancelled"}
    assert [row.kind for row in rows(JourneyDecision, step=None)] == ["enrolled", "exited"]


def test_ending_from_before_the_beginning_ends_nothing(define, vendors, test_clock):
    """Who paid a week ago and writes anew is a lead like any other."""
    define(SIMPLE)
    signal("payment.received", {})
    test_clock.advance(days=7)
    signal("lead.created")
    assert rows(Enrolment)[0].state == "active"


def test_ending_under_another_key_of_the_person(define, vendors):
    """One key in common is enough, and an event under several keys counts once."""
    define(SIMPLE)
    signal("payment.received", {}, keys=("email:ana@example.com", "contact:7"), at=START + HOUR)
    signal("lead.created", keys=("lead:1", "email:ana@example.com", "contact:7"), at=START)
    signal("lead.created", keys=("lead:2",), event_key="other", at=START)
    assert [row.state for row in rows(Enrolment)] == ["exited", "active"]
    assert len(rows(JourneyDecision, kind="exited", step=None)) == 1


def test_condition_of_an_ending_is_kept_with_it(define, vendors):
    """What `when` asks about is remembered; nothing else of the event's data is."""
    define(SIMPLE.replace("  - payment.received", "  - {event: payment.received, when: 'data.amount >= 100'}"))
    for number, amount in enumerate((50, 100), 1):
        paid = ANA | {"amount": amount, "card": "4242"}
        signal("payment.received", paid, keys=(f"lead:{number}",), event_key=f"p{number}", at=START + HOUR)
        signal("lead.created", keys=(f"lead:{number}",), event_key=f"l{number}", at=START)
    assert [row.state for row in rows(Enrolment)] == ["active", "exited"]
    assert [row.facts for row in rows(JourneyEvent, person="lead:2", event="payment.received")] == [{"amount": 100}]


def test_other_instance_is_not_ended(define, vendors):
    """The cancellation of one meeting that is heard of first says nothing about another."""
    define(
        "name: meeting\ntitle: Meeting\nenrol_on: [booking.created]\nexit_on: [booking.cancelled]\nre_enrol: each_event\n"
        "instance: booking_uid\nsteps:\n  - {id: confirm, channel: sms, template: a, delay: 1h}\n"
    )
    signal("booking.cancelled", {"booking_uid": "a"}, at=START + HOUR)
    for uid in ("a", "b"):
        signal("booking.created", ANA | {"booking_uid": uid}, event_key=uid, at=START)
    assert [(row.instance, row.state) for row in rows(Enrolment)] == [("a", "exited"), ("b", "active")]


def test_event_that_nobody_listens_to_is_not_kept(define, vendors):
    """Only what ends a journey or takes it up again; a repetition is the same row."""
    define(SIMPLE)
    for event in ("lead.created", "page.visited", "payment.received", "payment.received"):
        signal(event, at=START)
    assert [row.event for row in rows(JourneyEvent)] == ["payment.received"]


def test_crash_before_the_commit_forgets_both_or_neither(define, vendors):
    """The memory is of the transaction that took the event in: rolled back with it, and made again when it comes again."""
    define(SIMPLE)

    def dies(session):
        engine.signal(session, "payment.received", ["lead:1"], {}, event_key="p", at=START + HOUR)
        raise RuntimeError("the process dies")

    with pytest.raises(RuntimeError):
        transact(dies)
    assert rows(JourneyEvent) == []
    signal("payment.received", {}, event_key="p", at=START + HOUR)
    signal("lead.created", at=START)
    assert transact(outcomes.sweep) == 0
    assert rows(Enrolment)[0].state == "exited"


def test_hold_of_an_older_version_is_taken_back(define, vendors):
    """Enrolments whose holds were kept without their times come back as before."""
    define(SIMPLE)
    signal("lead.created")
    signal("booking.created", {"booking_uid": "a"})
    transact(lambda session: setattr(session.get(Enrolment, 1), "held_by", ["a"]))
    signal("booking.cancelled", {"booking_uid": "a"})
    assert rows(Enrolment)[0].state == "active"
