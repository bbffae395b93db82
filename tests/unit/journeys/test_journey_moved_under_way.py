"""A meeting is moved while its reminder is on its way: the current delivery of the step is reached, whatever became of it."""

from datetime import timedelta

import pytest

from shared import clock
from shared.errors import PermanentError, RetryableError
from shared.outbox.actions import Done
from shared.settings import get_settings
from shared.store.journey_models import EnrolmentStep
from shared.store.models import Delivery
from tests.conftest import START
from tests.support.journeys import dispatch, run
from tests.unit.journeys.test_journey_engine import ANA, MEETING, SIMPLE, due, rows, signal

WITH_FALLBACK = MEETING.replace(
    "{id: remind, delay: -24h, channel: sms, template: b,",
    "{id: remind, delay: -24h, channel: whatsapp, template: b, fallback: [{channel: sms, template: b}],",
)


def day(number):
    """So many days after the start."""
    return START + timedelta(days=number)


def booked(when, **more):
    """A booking at that time, as an event has it."""
    times = {"start_at": when.isoformat(), "end_at": (when + timedelta(hours=1)).isoformat()}
    return ANA | {"time_zone": "Etc/UTC", "booking_uid": "u1"} | times | more


def is_reminder(delivery):
    """Whether a delivery is of the reminder."""
    return delivery.payload["context"]["step"] == "remind"


def step(name="remind"):
    """The row of a step."""
    return rows(EnrolmentStep, step=name)[0]


def test_while_the_call_is_under_way(define, vendors, test_clock):
    """The reminder of the old date goes out; that of the new date comes all the same."""
    define(MEETING)
    signal("booking.created", booked(day(3)), event_key="e1")
    run(test_clock, hours=1)
    moved = []

    def answer(delivery):
        if is_reminder(delivery) and not moved:
            moved.append(signal("booking.rescheduled", booked(day(10)), event_key="e2"))
        return Done({"id": f"V{delivery.id}"})

    vendors.answer = answer
    run(test_clock, days=11)
    reminders = [one.at for one in vendors.sent if one.step == "remind"]
    assert reminders == [day(2), day(9)]


def test_while_the_call_is_under_way_and_is_tried_again(define, vendors, test_clock):
    """The try that failed is not repeated for the old date: it waits for the new one, and says it."""
    define(MEETING)
    signal("booking.created", booked(day(3)), event_key="e1")
    run(test_clock, hours=1)
    moved, texts = [], []

    def answer(delivery):
        if is_reminder(delivery) and not moved:
            moved.append(signal("booking.rescheduled", booked(day(10)), event_key="e2"))
            return RetryableError("busy")
        texts.append((clock.now(), delivery.payload["context"]["step"], delivery.payload["variables"]["start_at"]))
        return Done({"id": f"V{delivery.id}"})

    vendors.answer = answer
    run(test_clock, days=9, hours=1)
    assert texts == [(day(9), "remind", day(10).isoformat())]


def test_while_a_fallback_waits(define, vendors, test_clock, environment):
    """The first channel has failed and the next one waits for the morning: it moves, and names the new date."""
    environment.setenv("QUIET_HOURS", "20:00-09:00")
    get_settings.cache_clear()
    define(WITH_FALLBACK)
    signal("booking.created", booked(day(3).replace(hour=19, minute=59)), event_key="e1")
    texts = []

    def answer(delivery):
        if delivery.payload["channel"] == "whatsapp":
            test_clock.advance(minutes=2)  # 20:01 is quiet
            return PermanentError("twilio-63016", "outside the window")
        texts.append(
            (delivery.payload["context"]["step"], delivery.payload["channel"], delivery.payload["variables"]["start_at"])
        )
        return Done({"id": f"V{delivery.id}"})

    vendors.answer = answer
    run(test_clock, days=2, hours=11, minutes=30)
    later = day(10).replace(hour=15)
    signal("booking.rescheduled", booked(later, phone="+525599999999"), event_key="e2")
    waiting = rows(Delivery, state="pending")
    assert {(one.due_at, one.payload["to"]) for one in waiting if is_reminder(one)} == {
        (day(9).replace(hour=15), "+525599999999")
    }
    run(test_clock, days=8)
    assert [one for one in texts if one[0] == "remind"] == [("remind", "sms", later.isoformat())]


@pytest.mark.parametrize(("error", "state"), [("no-such-number", "failed"), ("resend-invalid-idempotent-request", "uncertain")])
def test_after_it_failed_or_may_have_arrived(define, vendors, test_clock, error, state):
    """Whatever became of the reminder of the old date, the new date has one of its own."""
    define(MEETING)
    signal("booking.created", booked(day(3)), event_key="e1")
    run(test_clock, hours=1)
    vendors.answer = lambda one: PermanentError(error, "no") if is_reminder(one) else Done({"id": f"V{one.id}"})
    run(test_clock, days=2, hours=2)
    assert step().state == state
    vendors.answer = lambda one: Done({"id": f"V{one.id}"})
    signal("booking.rescheduled", booked(day(10)), event_key="e2")
    run(test_clock, days=8)
    assert [one.at for one in vendors.sent if one.step == "remind"] == [day(9)]


def test_suspended_while_it_is_tried_comes_back(define, vendors, test_clock):
    """The try fails, a booking suspends the journey meanwhile: when it is cancelled, the step comes."""
    define(SIMPLE)
    signal("lead.created")
    dispatch()
    seen = []

    def answer(delivery):
        if delivery.payload["context"]["step"] == "day_3" and not seen:
            seen.append(signal("booking.created", ANA | {"booking_uid": "m"}, event_key="b1"))
            return RetryableError("busy")
        return Done({"id": f"V{delivery.id}"})

    vendors.answer = answer
    run(test_clock, days=4)
    assert step("day_3").state == "cancelled"
    signal("booking.cancelled", ANA | {"booking_uid": "m"}, event_key="b2")
    run(test_clock, days=10)
    assert vendors.steps() == ["now", "day_3", "day_6"]


def test_suspended_while_a_fallback_waits_comes_back(define, vendors, test_clock, environment):
    """The message that waits in place of the first is taken back with the rest, and comes when the journey goes on."""
    environment.setenv("QUIET_HOURS", "20:00-09:00")
    get_settings.cache_clear()
    define(SIMPLE.replace("template: b}", "template: b, fallback: [{channel: sms, template: b}]}"))
    test_clock.moment = START.replace(hour=19, minute=59)
    signal("lead.created", ANA | {"time_zone": "Etc/UTC"})

    def answer(delivery):
        if delivery.payload["channel"] == "whatsapp":
            test_clock.advance(minutes=2)
            return PermanentError("not-on-whatsapp", "no")
        return Done({"id": f"V{delivery.id}"})

    vendors.answer = answer
    run(test_clock, days=3, minutes=5)
    signal("booking.created", ANA | {"booking_uid": "m"}, event_key="b1")
    assert (due(), step("day_3").state) == ({}, "cancelled")
    test_clock.advance(days=2)
    signal("booking.cancelled", ANA | {"booking_uid": "m"}, event_key="b2")
    run(test_clock, days=9)
    assert vendors.steps() == ["now", "day_3", "day_6"]


def test_meeting_moved_while_suspended(define, vendors, test_clock):
    """Who is back is reminded of the date that counts now."""
    define(MEETING.replace("[booking.cancelled]", "[{event: booking.noshow, resume_on: booking.attended, match: booking_uid}]"))
    signal("booking.created", booked(day(3)), event_key="e1")
    run(test_clock, days=2, hours=1)
    signal("booking.noshow", {"booking_uid": "u1"}, event_key="n")
    signal("booking.rescheduled", booked(day(10)), event_key="m")
    signal("booking.attended", {"booking_uid": "u1"}, event_key="a")
    run(test_clock, days=8)
    assert [one.at for one in vendors.sent if one.step == "remind"] == [day(2), day(9)]


def test_reminder_moved_into_the_past_is_not_sent_again(define, vendors, test_clock):
    """It was sent; the meeting is put forward so far that its time has gone: nobody is reminded twice of a meeting."""
    define(MEETING.replace("if_late: skip, ", ""))
    signal("booking.created", booked(day(3)), event_key="e1")
    run(test_clock, days=2, hours=1)
    signal("booking.rescheduled", booked(day(3) - timedelta(hours=12)), event_key="e2")
    run(test_clock, days=2)
    assert vendors.steps().count("remind") == 1
