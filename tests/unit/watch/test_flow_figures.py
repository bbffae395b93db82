"""Counters of what each flow has handled: each event once, however often and late it is counted."""

import itertools
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from shared import clock, flows
from shared.store.figure_models import EventHour
from shared.store.flow_models import Trial
from shared.store.models import DeadLetter, EventFigure, InboxEvent
from shared.store.session import reading, transact
from shared.store.trial_keys import trial_key
from shared.watch import flow_figures, summary
from shared.watch.flow_figures import Figures
from tests.support.examples import examples

NUMBERS = itertools.count()
CONTACT = "manychat.contact"


@pytest.fixture(autouse=True)
def counting(database, test_clock):
    """Counting has begun."""
    flow_figures.count()


def handled(kind=CONTACT, seconds=2.0):
    """An event is handled now, so many seconds after it came."""
    now, number = clock.now(), next(NUMBERS)
    facts = {"key": f"k{number}", "event_id": f"e{number}", "source": kind.split(".")[0], "type": kind, "data": {}}
    transact(lambda session: session.add(InboxEvent(**facts, occurred_at=now, received_at=now - timedelta(seconds=seconds))))


def failed(kind=CONTACT):
    """An event becomes a dead letter now."""
    facts = {"key": f"d{next(NUMBERS)}", "original_queue": "q", "original_event": "{}", "reason": "r", "error_message": "e"}
    transact(lambda session: session.add(DeadLetter(**facts, type=kind, error_time=clock.now())))


def figures():
    """What has been counted of contacts."""
    return flow_figures.by_flow().get("contacts", Figures())


def is_behind():
    """Whether there is something left to look at."""
    with reading() as session:
        return session.get_one(EventFigure, flow_figures.ALL).counted_to < clock.now() - flow_figures.SETTLED


def test_what_somebody_tries_counts_in_no_figures(test_clock):
    """Neither a test event that was handled nor one that was stopped; the real ones beside them do."""
    test_clock.moment += timedelta(minutes=5)
    handled()
    failed()
    now, number = clock.now(), next(NUMBERS)
    facts = {"event_id": f"test-{number}", "type": CONTACT, "source": "manychat"}
    event = InboxEvent(**facts, key=trial_key(f"k{number}"), data={}, occurred_at=now, received_at=now)
    letter = {"key": f"d{number}", "original_queue": "q", "original_event": "{}", "reason": "r", "error_message": "e"}
    trial = Trial(event_key=event.key, event_id=event.event_id, flow="contacts", actor="key:olga")
    transact(lambda session: session.add_all([event, DeadLetter(**facts, **letter, error_time=now), trial]))
    test_clock.moment += timedelta(minutes=5)
    assert flow_figures.count() == 2
    assert (figures().handled, figures().failed) == (1, 1)
    events = summary.summary(now - timedelta(hours=1), clock.now())["events"]
    assert [(one["type"], one["count"]) for one in events] == [(CONTACT, 1)]


class Killed(BaseException):
    """The worker dies."""


def counted_and_killed(session):
    """Count, and die before the commit."""
    flow_figures._count(session)
    raise Killed


def test_what_was_handled_and_what_was_not_counts_for_its_flow(test_clock):
    """With the seconds from the door to the record."""
    handled(seconds=2)
    handled(seconds=3)
    failed()
    test_clock.advance(seconds=90)
    assert flow_figures.count() == 3
    assert figures() == Figures(handled=2, milliseconds=5000, failed=1)
    assert figures().executions == 3


def test_second_run_counts_nothing_twice(test_clock):
    """However soon it comes."""
    handled()
    test_clock.advance(seconds=90)
    assert [flow_figures.count(), flow_figures.count()] == [1, 0]
    test_clock.advance(seconds=90)
    assert flow_figures.count() == 0
    assert figures().handled == 1


def test_event_at_the_moment_to_which_was_counted_counts_once(test_clock):
    """It is in the time that ends there, and not in the one that begins."""
    handled()
    failed()
    test_clock.advance(seconds=flow_figures.SETTLED.total_seconds())
    assert flow_figures.count() == 2
    test_clock.advance(seconds=90)
    assert flow_figures.count() == 0


def test_what_may_still_be_under_way_waits(test_clock):
    """An event of the last minute may stand beside one whose transaction has not ended; both count later."""
    handled()
    test_clock.advance(seconds=59)
    assert flow_figures.count() == 0
    test_clock.advance(seconds=2)
    assert flow_figures.count() == 1


def test_counters_outlive_the_rows(test_clock):
    """Retention takes the events; what has been counted stays."""
    handled()
    test_clock.advance(seconds=90)
    flow_figures.count()
    transact(lambda session: session.execute(delete(InboxEvent)))
    assert figures().handled == 1


def test_long_stop_is_made_good_in_steps(test_clock):
    """An hour with each run, and nothing is left out."""
    for _ in range(3):
        handled()
        test_clock.advance(hours=1)
    counted = [flow_figures.count() for _ in range(5)]
    assert (sum(counted), max(counted)) == (3, 1)


def test_type_of_a_flow_that_is_no_more_is_shown_as_unknown(test_clock):
    """Nothing is lost in silence."""
    handled("gone.event")
    test_clock.advance(seconds=90)
    flow_figures.count()
    assert flow_figures.by_flow() == {"unknown": Figures(handled=1, milliseconds=2000)}


def test_every_type_that_a_flow_handles_has_its_flow():
    """What is handled on the shared queue among them."""
    assert flow_figures.flow_of(CONTACT) == "contacts"
    for flow in flows.installed():
        assert {flow_figures.flow_of(kind) for kind in flow.handlers} <= {flow.name}


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(st.just("event"), st.just("letter"), st.just("count"), st.just("killed"), st.integers(1, 7200)), max_size=12
    )
)
def test_any_order_of_events_counts_and_deaths_counts_each_once(test_clock, steps):
    """Whenever it is counted, and whoever dies before the commit."""
    transact(lambda session: [session.execute(delete(table)) for table in (InboxEvent, DeadLetter, EventFigure)])
    flow_figures.count()
    test_clock.advance(seconds=61)
    for step in steps:
        if step == "event":
            handled()
        elif step == "letter":
            failed()
        elif step == "count":
            flow_figures.count()
        elif step == "killed":
            with pytest.raises(Killed):
                transact(counted_and_killed)
        else:
            test_clock.advance(seconds=step)
    test_clock.advance(seconds=61)
    while is_behind():
        flow_figures.count()
    assert (figures().handled, figures().failed) == (steps.count("event"), steps.count("letter"))


def test_hours_add_up_to_the_counters(test_clock):
    """What is kept by the hour is what was counted, under the hour in which it was handled, where one count spans two hours."""
    test_clock.advance(minutes=31)
    flow_figures.count()
    for _ in range(3):
        handled()
        test_clock.advance(minutes=20)
    while is_behind():
        flow_figures.count()
    with reading() as session:
        hours = {row.hour: row.handled for row in session.scalars(select(EventHour).where(EventHour.type == CONTACT))}
        moments = session.scalars(select(InboxEvent.handled_at)).all()
    assert len(hours) == 2, "the events are meant to lie in two hours"
    assert hours == Counter(flow_figures.hour_of(moment) for moment in moments)
