"""People who are in a sequence elsewhere enter it here with what they have got: nothing goes out by it, and nothing twice."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from shared.errors import PermanentError
from shared.journeys import engine, taking_over
from shared.journeys.taking_over import PASSED, TakenOver
from shared.outbox.actions import Done
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyBeginning
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.journeys import run

THREE = """
name: three
title: Three
enrol_on: [{event: lead.created, settle: 1h}]
exit_on: [booking.created]
steps:
  - {id: day_3, delay: 3d, channel: email, template: a, expires: 30d}
  - {id: day_6, delay: 6d, channel: email, template: b, expires: 30d}
  - {id: day_9, delay: 9d, channel: email, template: c, expires: 30d}
"""
OTHER = """
name: other
title: Other
enrol_on: [lead.created]
exit_on: [lead.created]
re_enrol: each_event
steps:
  - {id: only, delay: 20d, channel: email, template: a}
"""
ANA = {"email": "ana@example.com"}
SENT = {"day_3": START - timedelta(days=4)}


def arrive(over, at=START - timedelta(days=7), key="old1"):
    """The old system's event, seven days ago; the enrolments concerned."""
    return transact(lambda s: engine.signal(s, "lead.created", ["lead:1"], ANA, event_key=key, at=at, taken_over=over))


def steps():
    """Each step with its state and reason."""
    with reading() as session:
        query = select(EnrolmentStep).order_by(EnrolmentStep.id)
        return {row.step: (row.state, row.reason) for row in session.scalars(query)}


def test_they_enter_with_what_they_have_got(define, vendors, test_clock):
    """At once, whatever pause the journey has; what was sent counts, what has gone is left out, the rest is at its time."""
    define(THREE)
    arrive(TakenOver(journey="three", source="kestra", sent=SENT))
    sent = f"sent_by_kestra at {SENT['day_3'].isoformat()}"
    assert steps() == {"day_3": ("sent", sent), "day_6": ("skipped", PASSED), "day_9": ("owed", None)}
    run(test_clock, days=4)
    assert [(one.step, one.at) for one in vendors.sent] == [("day_9", START + timedelta(days=2))]
    with reading() as session:
        assert session.scalars(select(JourneyBeginning)).all() == []


def test_what_is_late_goes_out_where_that_is_asked_for(define, vendors, test_clock):
    """As the journey sends it."""
    define(THREE)
    arrive(TakenOver(journey="three", source="kestra", sent=SENT, sends_late=True))
    run(test_clock, hours=1)
    assert vendors.steps() == ["day_6"]


def test_an_old_event_begins_no_other_journey_and_ends_only_what_was_before_it(define, vendors):
    """A journey that begins with the same event stays closed; one that began later goes on, an older one ends."""
    define(THREE)
    define(OTHER)
    for number, days in ((1, 9), (2, 3)):
        anchor = START - timedelta(days=days)
        transact(lambda s, n=number, at=anchor: engine.enrol(s, "other", "lead:1", at, ANA, f"e{n}"))
    arrive(TakenOver(journey="three", source="kestra"))
    with reading() as session:
        rows = session.execute(select(Enrolment.journey, Enrolment.state).order_by(Enrolment.id)).all()
    assert [tuple(row) for row in rows] == [("other", "exited"), ("other", "active"), ("three", "active")]


def test_what_ended_it_since_ends_it_here(define, vendors):
    """In whatever order the two arrive."""
    define(THREE)
    transact(lambda s: engine.signal(s, "booking.created", ["lead:1"], {}, event_key="b", at=START - timedelta(days=1)))
    arrive(TakenOver(journey="three", source="kestra", sent=SENT))
    assert {name: state for name, (state, _reason) in steps().items()} == {
        "day_3": "sent",
        "day_6": "skipped",
        "day_9": "cancelled",
    }


def test_more_that_was_sent_is_noted_later(define, vendors, test_clock):
    """On the same enrolment: what was planned for it is taken back, also what was left out counts; once more is nothing new."""
    define(THREE)
    (number,) = arrive(TakenOver(journey="three", source="kestra", sent=SENT))
    more = TakenOver(journey="three", source="kestra", sent=SENT | {"day_6": START, "day_9": START, "gone": START})
    assert transact(lambda s: taking_over.mark(s, number, more))
    assert not transact(lambda s: taking_over.mark(s, number, more))
    assert {state for state, _reason in steps().values()} == {"sent"}
    assert arrive(TakenOver(journey="three", source="kestra", sent=SENT)) == []
    run(test_clock, days=4)
    assert vendors.sent == []


def test_a_step_that_is_being_sent_is_a_problem_of_its_row(define, vendors, test_clock):
    """Nobody can say yet who has sent it; the import is run again."""
    define(THREE)
    (number,) = arrive(TakenOver(journey="three", source="kestra", sent=SENT))
    more, refused = TakenOver(journey="three", source="kestra", sent={"day_9": START}), []

    def answer(delivery):
        with pytest.raises(PermanentError, match="run the import again"):
            transact(lambda s: taking_over.mark(s, number, more))
        refused.append(delivery.id)
        return Done({"id": "V1"})

    vendors.answer = answer
    run(test_clock, days=3)
    assert refused
