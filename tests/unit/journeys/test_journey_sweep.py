"""The retry timer notifies journeys of deliveries that were closed without it."""

import logging
from datetime import timedelta

import azure.functions as func

from functions import system
from shared.errors import PermanentError
from shared.journeys import outcomes
from shared.outbox import operator_actions
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.models import Delivery
from tests.conftest import START
from tests.support.journeys import Done, dispatch, run
from tests.unit.journeys.test_journey_engine import ANA, SIMPLE, rows, signal

FALLS_BACK = """
name: falls
title: Falls back
enrol_on: [lead.created]
steps:
  - {id: hello, channel: whatsapp, template: a, fallback: [{channel: sms, template: b}]}
  - {id: later, delay: 30d, channel: email, template: c}
"""


def timer():
    """The timer, as the host runs it."""
    system.retry_errored_syncs(func.TimerRequest())


def test_timer_ends_what_a_person_took_back(define, vendors, test_clock):
    """Deliveries that were cancelled by hand end their steps, and the enrolment with them."""
    define(SIMPLE)
    signal("lead.created")
    run(test_clock, minutes=5)
    for delivery in rows(Delivery, state="pending"):
        operator_actions.cancel(delivery.id, "test")
    test_clock.advance(days=8)
    timer()
    assert [row.state for row in rows(EnrolmentStep)] == ["sent", "skipped", "skipped"]
    assert [row.state for row in rows(Enrolment)] == ["finished"]


def test_fallback_that_waits_is_not_taken_for_a_failure(define, vendors, test_clock, environment):
    """The first channel fails as the quiet hours begin: the step is open until the second has gone out after them."""
    define(FALLS_BACK)
    environment.setenv("QUIET_HOURS", "03:01-20:00")  # in Mexico, by her phone; it is 03:00
    get_settings.cache_clear()

    def answer(delivery):
        test_clock.moment = START + timedelta(minutes=2)
        return PermanentError("no", "no") if delivery.payload["channel"] == "whatsapp" else Done({"id": "1"})

    vendors.answer = answer
    signal("lead.created")
    dispatch()
    test_clock.moment = START + timedelta(hours=3)
    timer()
    assert rows(EnrolmentStep, step="hello")[0].state == "owed"
    vendors.answer = lambda _delivery: Done({"id": "1"})
    test_clock.moment = START + timedelta(hours=18)
    dispatch()
    assert rows(EnrolmentStep, step="hello")[0].state == "sent"


def test_one_that_cannot_be_taken_in_does_not_stop_the_others(define, vendors, test_clock, monkeypatch, caplog):
    """It is logged, and looked at again the next time."""
    define(SIMPLE)
    signal("lead.created", event_key="e1")
    signal("lead.created", ANA | {"email": "b@example.com"}, keys=("lead:2",), event_key="e2")
    for delivery in rows(Delivery):
        operator_actions.cancel(delivery.id, "test")
    test_clock.advance(days=8)
    real = outcomes._go_on

    def breaks_for_the_first(book, name, word):
        if book.enrolment.person == "lead:1":
            raise ValueError("broken")
        real(book, name, word)

    monkeypatch.setattr(outcomes, "_go_on", breaks_for_the_first)
    with caplog.at_level(logging.ERROR):
        timer()
    assert [row.state for row in rows(Enrolment)] == ["active", "finished"]
    assert "broken" in caplog.text
    monkeypatch.setattr(outcomes, "_go_on", real)
    timer()
    assert [row.state for row in rows(Enrolment)] == ["finished", "finished"]
