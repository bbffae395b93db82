"""The ledger alone keeps the rate: in no window of an hour more than the limit, whatever instances, retries and clocks do."""

import random
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from functions.broadcasts import ledger
from functions.broadcasts.running_tables import Slots
from functions.broadcasts.tables import Automation
from shared import clock
from shared.store.session import reading, transact
from tests.functions.broadcasts.conftest import FLOW_ID

HOUR = timedelta(hours=1)
BEFORE_AUTUMN = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # Europe puts its clocks back half an hour later


@pytest.fixture
def automation(database: Engine) -> int:
    """The number of an automation."""

    def work(session) -> int:
        row = Automation(name="Navidad", flow_id=FLOW_ID)
        session.add(row)
        session.flush()
        return row.id

    return transact(work)


def ask(automation: int, rate: int) -> datetime | None:
    """One instance asks for one slot, in a transaction of its own."""
    return transact(lambda session: ledger.take(session, automation, rate))


def most_in_an_hour(moments: list[datetime]) -> int:
    """The largest number of moments in any closed window of an hour."""
    ordered = sorted(moments)
    return max((bisect_right(ordered, at + HOUR) - place for place, at in enumerate(ordered)), default=0)


@settings(max_examples=8, deadline=None)
@given(rate=st.integers(1, 40), seed=st.integers(0, 10_000), number=st.integers(20, 80))
def test_never_one_too_many_in_an_hour(database_of_module: int, rate: int, seed: int, number: int) -> None:
    """Instances with clocks some seconds apart ask at random, in bursts, over the night on which clocks are put back.

    A call begins up to GOOD_FOR after its slot. No closed window of an hour holds more calls than the rate.
    """
    automation, dice = database_of_module, random.Random(seed)  # noqa: S311  # a test's dice
    transact(lambda session: [session.delete(row) for row in session.scalars(select(Slots))])
    transact(lambda session: setattr(ledger.lock(session, automation), "last_slot_at", None))
    calls = list[datetime]()
    with clock.frozen(BEFORE_AUTUMN) as time:
        for _ in range(number):
            time.advance(seconds=dice.choice([0, 0, 0, 1, 7, 30, 600]) * dice.random())
            if ask(automation, rate) is None:
                calls.append(time.moment + ledger.GOOD_FOR * dice.random())
    assert most_in_an_hour(calls) <= rate


@pytest.fixture(scope="module")
def database_of_module(tmp_path_factory: pytest.TempPathFactory):
    """One database for all examples of a property: each example empties what it uses."""
    from shared.store import session as store
    from shared.store.migrate import upgrade

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}")
        store.get_engine.cache_clear()
        upgrade(store.get_engine())

        def work(session) -> int:
            row = Automation(name="Navidad", flow_id=FLOW_ID)
            session.add(row)
            session.flush()
            return row.id

        yield transact(work)
        store.get_engine().dispose()
        store.get_engine.cache_clear()


def test_all_of_the_rate_is_given_out(automation: int, test_clock: clock.TestClock) -> None:
    """Asked without pause, exactly the rate goes out at once, then nothing until the hour and its spare time are over."""
    answers = [ask(automation, 10) for _ in range(12)]
    assert answers[:10] == [None] * 10
    first = test_clock.moment
    assert answers[10] is not None
    assert answers[10] >= first + HOUR
    test_clock.moment = first + HOUR
    assert ask(automation, 10) is not None
    test_clock.moment = first + ledger.COUNTED
    assert ask(automation, 10) is None


def test_latest_call_and_the_earliest_of_its_place_are_more_than_an_hour_apart(
    automation: int, test_clock: clock.TestClock
) -> None:
    """A slot is taken at the end of its second and used as late as it may be; the next call in its place comes later still."""
    test_clock.moment = test_clock.moment.replace(microsecond=999_999)
    assert ask(automation, 1) is None
    called, asked = test_clock.moment + ledger.GOOD_FOR, ask(automation, 1)
    assert asked is not None
    test_clock.moment = called + HOUR
    assert ask(automation, 1) is not None
    test_clock.moment = test_clock.moment.replace(microsecond=0) + timedelta(seconds=1)
    assert ask(automation, 1) is None
    assert test_clock.moment - called > HOUR


def test_those_put_off_get_different_times(automation: int, test_clock: clock.TestClock) -> None:
    """They come back one after the other, at the pace of the rate, not all for the first place."""
    for _ in range(10):
        ask(automation, 10)
    answers = [ask(automation, 10) for _ in range(5)]
    assert all(at is not None for at in answers)
    gaps = {later - at for at, later in pairwise(answers)}
    assert gaps == {ledger.pace.spacing(10)}


def test_clock_that_runs_behind_writes_nothing_into_the_past(automation: int, test_clock: clock.TestClock) -> None:
    """A slot that an instance takes whose clock is behind counts from the newest slot, not from its own time."""
    ask(automation, 2)
    newest = test_clock.moment
    test_clock.advance(seconds=-300)
    ask(automation, 2)
    test_clock.moment = newest + ledger.COUNTED - timedelta(seconds=200)
    assert ask(automation, 2) is not None


def test_lowered_rate_counts_what_has_gone_out(automation: int, test_clock: clock.TestClock) -> None:
    """After ten at a rate of ten, a rate of five lets nothing out until enough of them count no more."""
    for _ in range(10):
        assert ask(automation, 10) is None
        test_clock.advance(minutes=5)
    assert ask(automation, 5) is not None
    test_clock.advance(minutes=36)
    assert ask(automation, 5) is None


def test_slots_of_a_transaction_that_is_rolled_back_are_free(automation: int, test_clock: clock.TestClock) -> None:
    """A worker that dies before its claim is committed has taken nothing."""

    def dies(session) -> None:
        assert ledger.take(session, automation, 1) is None
        raise ValueError("killed")

    with pytest.raises(ValueError, match="killed"):
        transact(dies)
    assert ask(automation, 1) is None


def test_old_seconds_are_forgotten(automation: int, test_clock: clock.TestClock) -> None:
    """What counts no more is deleted, so that a ledger stays small."""
    for _ in range(20):
        ask(automation, 100)
        test_clock.advance(seconds=2)
    test_clock.advance(hours=3)
    transact(lambda session: ledger.forget(session, automation))
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Slots)) == 0
