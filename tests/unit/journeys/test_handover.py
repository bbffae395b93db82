"""Sequences in flight: what the replaced system has sent is sent by nobody again, and what it has not sent is left to us."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from shared.errors import PermanentError, RefusedError, RetryableError
from shared.journeys import engine, handover
from shared.outbox.actions import Done
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyDecision
from shared.store.models import Delivery
from shared.store.session import reading, rehearse, transact
from tests.conftest import START
from tests.support.examples import examples
from tests.support.journeys import run

FOUR = """
name: four
title: Four
enrol_on: [lead.created]
exit_on: [{event: booking.created, resume_on: booking.cancelled}]
steps:
  - {id: day_3, delay: 3d, channel: email, template: a, expires: 30d}
  - {id: day_6, delay: 6d, channel: email, template: b, expires: 30d}
  - {id: day_9, delay: 9d, channel: email, template: c, expires: 30d}
  - {id: day_12, delay: 12d, channel: email, template: d, expires: 30d}
"""
CALL = """
name: calls
title: Calls
enrol_on: [lead.created]
exit_on: [booking.created]
steps:
  - {id: call, channel: voice, template: a, expires: 3d}
  - {id: missed, after: call, wait_at_most: 30m, delay: 10m, when: 'result.call != "answered"',
     channel: sms, template: b, expires: 3d}
"""
ANA = {"email": "ana@example.com", "phone": "+525512345678"}
LATER = datetime(2026, 5, 1, tzinfo=UTC)


def enter(journey, *done, anchor=START, results=None):
    """Ana enters at `anchor`, and the steps named were done by the old system a day later; the enrolment's id."""

    def work(session):
        number = engine.enrol(session, journey, "lead:1", anchor, ANA, "e1")
        for step in done:
            handover.mark_done(session, number, step, anchor + timedelta(days=1), "kestra", result=(results or {}).get(step))
        return number

    return transact(work)


def states():
    """Where each step stands."""
    with reading() as session:
        return dict(session.execute(select(EnrolmentStep.step, EnrolmentStep.state).order_by(EnrolmentStep.id)).all())


def due():
    """What waits to be sent, and when."""
    with reading() as session:
        rows = session.scalars(select(Delivery).where(Delivery.state == "pending").order_by(Delivery.due_at)).all()
        return {row.payload["context"]["step"]: row.due_at for row in rows}


class TestInFlight:
    """Nobody gets a step twice, and nobody is left out."""

    def test_rest_follows_what_was_done(self, define, vendors, test_clock):
        """Somebody seven days in, with two mails of the old system, gets the other two at their times."""
        define(FOUR)
        enter("four", "day_3", "day_6", anchor=START - timedelta(days=7))
        run(test_clock, days=6)
        assert [(one.step, one.at) for one in vendors.sent] == [
            ("day_9", START + timedelta(days=2)),
            ("day_12", START + timedelta(days=5)),
        ]

    def test_latest_one_that_nobody_sent_goes_out(self, define, vendors, test_clock):
        """A step that was due when the old system stood still is ours to send, late."""
        define(FOUR)
        enter("four", "day_3", anchor=START - timedelta(days=7))
        run(test_clock, hours=1)
        assert vendors.steps() == ["day_6"]

    def test_everything_done_finishes(self, define, vendors, test_clock):
        """Who has got everything is finished, and gets nothing."""
        define(FOUR)
        enter("four", "day_3", "day_6", "day_9", "day_12", anchor=START - timedelta(days=20))
        run(test_clock, days=1)
        with reading() as session:
            assert session.scalars(select(Enrolment.state)).all() == ["finished"]
        assert vendors.sent == []

    def test_reason_and_time_are_kept(self, define, vendors):
        """The history names the system and when it sent."""
        define(FOUR)
        enter("four", "day_3", anchor=START)
        with reading() as session:
            line = session.scalars(select(JourneyDecision).where(JourneyDecision.kind == "handed_over")).one()
        assert (line.step, line.reason) == ("day_3", f"sent_by_kestra at {(START + timedelta(days=1)).isoformat()}")

    def test_does_not_come_back_with_a_suspended_person(self, define, vendors, test_clock):
        """A step that was cancelled by a booking, and which the old system has sent, stays done when the booking goes."""
        define(FOUR)
        number = enter("four")
        transact(lambda s: engine.signal(s, "booking.created", ["lead:1"], {}, event_key="b1"))
        transact(lambda s: handover.mark_done(s, number, "day_3", START, "kestra"))
        transact(lambda s: engine.signal(s, "booking.cancelled", ["lead:1"], {}, event_key="b2"))
        run(test_clock, days=7)
        assert vendors.steps() == ["day_6"]


class TestResults:
    """What comes after a step that the old system has done."""

    def test_unknown_result_is_waited_for_from_then_on(self, define, vendors):
        """The wait counts from the call of the old system, not from the handover."""
        define(CALL)
        transact(lambda s: engine.enrol(s, "calls", "lead:1", START, ANA, "e1"))
        transact(lambda s: handover.mark_done(s, 1, "call", START - timedelta(minutes=15), "pauta"))
        assert due() == {"missed": START + timedelta(minutes=25)}

    def test_known_result_decides(self, define, vendors):
        """After an answered call nothing follows."""
        define(CALL)
        enter("calls", "call", results={"call": "answered"})
        assert states() == {"call": "sent", "missed": "skipped"}

    def test_missed_call_is_followed(self, define, vendors):
        """After a missed one the message follows its delay, from the call on."""
        define(CALL)
        enter("calls", "call", results={"call": "no-answer"})
        assert due() == {"missed": START + timedelta(days=1, minutes=10)}


class TestRefusals:
    """What cannot be marked, and what is harmless."""

    def test_second_time_changes_nothing(self, define, vendors):
        """A repeated import finds it done."""
        define(FOUR)
        number = enter("four", "day_3")
        assert not transact(lambda s: handover.mark_done(s, number, "day_3", LATER, "kestra"))
        with reading() as session:
            assert session.scalar(select(func.count()).where(JourneyDecision.kind == "handed_over")) == 1

    def test_sent_by_us_stays_ours(self, define, vendors, test_clock):
        """A step that we have sent is not attributed to the old system."""
        define(FOUR)
        number = enter("four")
        run(test_clock, days=4)
        assert not transact(lambda s: handover.mark_done(s, number, "day_3", LATER, "kestra"))

    def test_step_under_way_is_asked_for_again(self, define, vendors, test_clock):
        """While it is being sent nobody can say that it was not."""
        define(FOUR)
        number = enter("four")
        refused = []

        def answer(delivery):
            with pytest.raises(RetryableError, match="being sent"):
                transact(lambda s: handover.mark_done(s, number, "day_3", LATER, "kestra"))
            refused.append(delivery.id)
            return Done({"id": "V1"})

        vendors.answer = answer
        run(test_clock, days=4)
        assert refused
        assert states()["day_3"] == "sent"

    def test_unknown_names(self, define, vendors):
        """An enrolment or a step that does not exist is named."""
        define(FOUR)
        number = enter("four")
        with pytest.raises(PermanentError, match="no step 'day_4'"):
            transact(lambda s: handover.mark_done(s, number, "day_4", LATER, "kestra"))
        with pytest.raises(RefusedError, match="no enrolment 99"):
            transact(lambda s: handover.mark_done(s, 99, "day_3", LATER, "kestra"))


@settings(max_examples=examples(24), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(marks=st.lists(st.sampled_from(["day_3", "day_6", "day_9", "day_12"]), min_size=1, max_size=8))
def test_any_order_and_repetition_end_the_same(vendors, marks):
    """What waits afterwards is what was not marked, however often and in which order the marks came."""
    from shared.journeys import load

    journey = load.parse(FOUR)

    def work(session):
        number = engine.enrol(session, "four", "lead:1", START, ANA, "e1")
        for step in marks:
            handover.mark_done(session, number, step, START, "kestra")
        session.flush()
        return dict(session.execute(select(EnrolmentStep.step, EnrolmentStep.state)).all())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "definitions", lambda: {journey.name: journey})
        found = rehearse(work)
    assert found == {step.id: "sent" if step.id in marks else "owed" for step in journey.steps}
