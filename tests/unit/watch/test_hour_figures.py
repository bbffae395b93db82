"""Attempts and events by the hour: whoever asks gets what the tables would say, whenever and however often is counted."""

import itertools
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from shared import clock
from shared.store.figure_models import HourFigure, HourFold
from shared.store.models import ActionLog, InboxEvent
from shared.store.session import reading, transact
from shared.store.trial_keys import trial_key
from shared.watch import hour_figures
from shared.watch.flow_figures import SETTLED, hour_of
from shared.watch.hour_figures import ATTEMPTS, EVENTS, Of
from tests.support import tsql
from tests.support.examples import examples

NUMBERS = itertools.count()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CONTACT = Of("odoo", "contact", "done")


@pytest.fixture(autouse=True)
def empty(database, test_clock):
    """Nothing has happened, and nothing was counted."""


def attempted(action="odoo.contact", result="done", attempt=1):
    """An attempt ends now; none is a line of the log of which somebody else is the author."""
    line = ActionLog(actor="system", action=action, result=result, attempt=attempt)
    transact(lambda session: session.add(line))


def handled(kind="manychat.contact", outcome="applied", key=None):
    """An event is handled now."""
    now, number = clock.now(), next(NUMBERS)
    facts = {"key": key or f"k{number}", "event_id": f"e{number}", "source": "manychat", "type": kind, "data": {}}
    transact(lambda session: session.add(InboxEvent(**facts, outcome=outcome, occurred_at=now, received_at=now)))


def lately(name=ATTEMPTS, time=DAY):
    with reading() as session:
        return dict(hour_figures.lately(session, name, time))


def between(name, since, until):
    with reading() as session:
        return dict(hour_figures.between(session, name, since, until))


def truth(name, since, until):
    """What the tables themselves say of a time."""
    with reading() as session:
        if name == EVENTS:
            columns = (InboxEvent.source, InboxEvent.type, InboxEvent.outcome)
            moment = InboxEvent.handled_at
        else:
            columns, moment = (ActionLog.action, ActionLog.result), ActionLog.at
        rows = session.execute(select(*columns).where(moment >= since, moment < until)).all()
    return Counter(Of(*row) if name == EVENTS else Of(*row[0].split("."), row[1]) for row in rows)


def caught_up():
    """Count until there is nothing left."""
    for _ in range(30):
        hour_figures.count()


def kept():
    """How many attempts and events are added up in the hours."""
    with reading() as session:
        return session.scalar(select(func.sum(HourFigure.number))) or 0


class Killed(BaseException):
    """The worker dies."""


def counted_and_killed(session):
    """Count, and die before the commit."""
    hour_figures.fold(session)
    raise Killed


def test_what_nobody_has_counted_is_read():
    """Before the job's first run the figures are there already."""
    attempted()
    attempted("odoo.contact", "unavailable")
    assert lately() == {CONTACT: 1, Of("odoo", "contact", "unavailable"): 1}


def test_lines_that_are_no_attempts_do_not_count(test_clock):
    """Manual actions stand in the same log."""
    attempted(attempt=None)
    test_clock.advance(hours=2)
    caught_up()
    assert (lately(), kept()) == ({}, 0)


def test_test_events_do_not_count(test_clock):
    """Neither read nor added up."""
    handled(key=trial_key("k"))
    assert lately(EVENTS) == {}
    test_clock.advance(hours=2)
    caught_up()
    assert (lately(EVENTS), kept()) == ({}, 0)


def test_first_run_begins_a_day_before(test_clock):
    """What stood in the log before the job was there is counted as well, once."""
    attempted()
    test_clock.advance(hours=20)
    attempted()
    test_clock.advance(hours=2)
    assert lately() == {CONTACT: 2}
    caught_up()
    assert (lately(), kept()) == ({CONTACT: 2}, 2)


def test_what_is_counted_needs_its_rows_no_more(test_clock):
    """The page reads hours, and of the tables only what came since."""
    for _ in range(3):
        attempted()
    test_clock.advance(hours=1)
    caught_up()
    transact(lambda session: session.execute(delete(ActionLog)))
    attempted()
    assert lately() == {CONTACT: 4}


def test_repeated_runs_add_nothing(test_clock):
    """However soon they come."""
    hour_figures.count()
    attempted()
    test_clock.advance(seconds=90)
    caught_up()
    assert (kept(), hour_figures.count()) == (1, 0)


def test_what_may_be_under_way_waits(test_clock):
    """A line of the last minute may stand beside one whose transaction has not ended."""
    attempted()
    test_clock.advance(seconds=59)
    caught_up()
    assert (kept(), lately()) == (0, {CONTACT: 1})
    test_clock.advance(seconds=2)
    caught_up()
    assert (kept(), lately()) == (1, {CONTACT: 1})


def test_line_numbered_before_an_older_one_counts(test_clock):
    """Two hosts write at once: the number of a line does not say exactly when it was."""
    now, facts = clock.now(), {"actor": "system", "action": "odoo.contact", "result": "done", "attempt": 1}
    rows = [ActionLog(**facts, at=now - timedelta(seconds=50 * bool(number))) for number in range(3_000)]
    transact(lambda session: session.add_all(rows))
    for counted in (2_999, 3_000):
        test_clock.advance(seconds=45)
        caught_up()
        assert (kept(), lately()) == (counted, {CONTACT: 3_000})


def test_clock_that_goes_back_counts_nothing_twice(test_clock):
    """The count stands still until the clock is where it was."""
    attempted()
    test_clock.advance(minutes=2)
    caught_up()
    test_clock.advance(minutes=-10)
    assert hour_figures.count() == 0
    test_clock.advance(minutes=30)
    caught_up()
    assert (kept(), lately()) == (1, {CONTACT: 1})


def test_times_longer_than_hours_are_kept_are_read(test_clock):
    """Retention takes the oldest hours: of those the rows themselves are asked, where they are still there."""
    handled()
    begin = clock.now()
    test_clock.advance(days=95)
    fold = {"begun_at": hour_of(begin), "counted_to": clock.now() - SETTLED}
    transact(lambda session: session.add(HourFold(name=hour_figures.ALL, **fold)))
    assert between(EVENTS, begin, clock.now()) == {Of("manychat", "manychat.contact", "applied"): 1}


STEPS = st.one_of(
    st.sampled_from(("attempt", "failure", "event", "duplicate", "count", "count", "killed")),
    st.integers(1, 5400),
)


def test_time_that_cuts_hours_is_exact(test_clock):
    """Whole hours come from the figures, and what lies before the first and after the last of them from the tables."""
    begin = hour_of(clock.now()) + HOUR
    test_clock.moment = begin
    for _ in range(12):
        handled()
        test_clock.advance(minutes=20)
    caught_up()
    cuts = [begin + timedelta(minutes=each) for each in range(0, 250, 10)]
    for since, until in itertools.combinations(cuts, 2):
        assert between(EVENTS, since, until) == truth(EVENTS, since, until), (since, until)


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=25), span=st.tuples(st.integers(0, 20_000), st.integers(0, 20_000)))
def test_any_order_of_attempts_counts_and_deaths_says_what_the_tables_say(test_clock, steps, span):
    """Of any time, exactly; whenever it is counted, and whoever dies before the commit."""
    transact(lambda session: [session.execute(delete(table)) for table in (InboxEvent, ActionLog, HourFigure, HourFold)])
    caught_up()
    ways = {
        "attempt": attempted,
        "failure": lambda: attempted("kommo.lead", "unavailable"),
        "event": handled,
        "duplicate": lambda: handled(outcome="ignored"),
        "count": hour_figures.count,
    }
    for step in steps:
        if step == "killed":
            with pytest.raises(Killed):
                transact(counted_and_killed)
        elif isinstance(step, int):
            test_clock.advance(seconds=step)
        else:
            ways[step]()
    now = clock.now()
    until, since = (now - timedelta(seconds=each) for each in sorted(span))
    for name in (ATTEMPTS, EVENTS):
        assert between(name, since, until) == truth(name, since, until)
        begin = hour_of(now - 6 * HOUR) + HOUR
        assert lately(name, 6 * HOUR) == truth(name, begin, now + SETTLED)


def test_statements_are_tsql(test_clock):
    """Those of the job and of whoever asks."""
    with tsql.recorded() as statements:
        attempted()
        handled()
        for _ in range(3):
            test_clock.advance(hours=1)
            hour_figures.count()
        lately()
        lately(EVENTS)
    texts = {tsql.compiled(statement) for statement in statements}
    assert any("hour_folds WITH (UPDLOCK, HOLDLOCK, ROWLOCK)" in text for text in texts)
    for text in texts:
        tsql.check(text)
