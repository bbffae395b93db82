"""A simulated year: whatever goes wrong, each person gets each step once, at a time that is allowed, or there is a reason.

SIMULATION_PEOPLE and SIMULATION_SEED choose how many people and which year; `make simulate` runs 10,000 of them.
"""

import gc
import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from shared import clock
from shared.journeys import outcomes
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyDecision
from shared.store.models import DeadLetter, Delivery
from shared.store.session import reading, transact
from tests.simulation import laws
from tests.simulation.people import START
from tests.simulation.year import Year
from tests.support.journeys import SETTINGS, post
from tests.support.world import FakeStorage

pytestmark = pytest.mark.nightly

PEOPLE = int(os.environ.get("SIMULATION_PEOPLE") or 120)
SEEDS = [int(seed) for seed in (os.environ.get("SIMULATION_SEED") or "1").split(",")]


@pytest.fixture
def settings(environment: pytest.MonkeyPatch) -> None:
    """All carriers are set up; quiet hours, working days, holidays and cap are the defaults."""
    for name, value in SETTINGS.items():
        environment.setenv(name, value)
    get_settings.cache_clear()


@pytest.fixture
def memory(settings: None, database: Engine, storage: FakeStorage) -> Iterator[Engine]:
    """A database that need not survive a power cut."""

    @event.listens_for(database, "connect")
    def _fast(connection, _record) -> None:
        if database.dialect.name == "sqlite":
            connection.execute("PRAGMA synchronous=OFF")

    database.dispose()
    yield database
    event.remove(database, "connect", _fast)


def lived(seed: int, people: int) -> Year:
    """The year of a seed, to its end. A failure names the seed with which it happens again."""
    with clock.frozen(START, seed) as test_clock:
        year = Year(seed, people, test_clock)
        gc.freeze()  # all that is still to happen need not be looked through again and again
        with post(year.vendors):
            try:
                year.run()
                test_clock.advance(hours=2)
                transact(lambda session: outcomes.sweep(session, limit=100_000))
            except BaseException:
                print(f"\nSIMULATION_SEED={seed} SIMULATION_PEOPLE={people} replays this")  # noqa: T201
                raise
            finally:
                gc.unfreeze()
    return year


def rows(*columns: Any) -> list[Any]:
    """Those columns of every row of a table: values, or tuples of them."""
    with reading() as session:
        found = session.execute(select(*columns)).all()
    return [row[0] if len(columns) == 1 else tuple(row) for row in found]


@pytest.mark.parametrize("seed", SEEDS)
def test_year(memory: Engine, seed: int) -> None:
    """Laws are checked at each sending (`Year.check`); here: nothing planned is missing, and every non-send has a reason."""
    begun = time.monotonic()
    year = lived(seed, PEOPLE)
    steps = rows(EnrolmentStep.enrolment_id, EnrolmentStep.step, EnrolmentStep.state, EnrolmentStep.reason)
    journeys = Counter(rows(Enrolment.journey))
    what = f"seed {seed}"

    assert [row for row in rows(Delivery.id, Delivery.state) if row[1] in ("pending", "sending")] == [], what
    assert [row for row in rows(Enrolment.id, Enrolment.state) if row[1] == "active"] == [], what
    assert [row for row in steps if row[2] in ("waiting", "owed")] == [], what
    assert [row for row in steps if row[2] != "sent" and not row[3]] == [], what
    planned = select(EnrolmentStep.enrolment_id, EnrolmentStep.step).where(EnrolmentStep.delivery_id.is_not(None))
    with reading() as session:
        sent = {tuple(row) for row in session.execute(planned.where(EnrolmentStep.state == "sent"))}
        in_doubt = {tuple(row) for row in session.execute(planned.where(EnrolmentStep.state == "uncertain"))}
        moved = {tuple(row) for row in session.execute(planned.where(EnrolmentStep.generation > 0))}
    # A reminder that was sent is open again when its meeting is moved; then the meeting may be cancelled.
    again = {(number, step) for number, step in moved if step == "reminder"}
    assert sent <= year.book.steps_sent, what
    assert year.book.steps_sent - sent <= again | in_doubt, what
    assert set(rows(Enrolment.id)) == {number for known in year.book.known.values() for number in known.enrolments}, what
    assert journeys["lead_followup"] == PEOPLE, what
    decided = set(rows(JourneyDecision.enrolment_id, JourneyDecision.step))
    assert {row[:2] for row in steps} <= decided, what
    assert rows(DeadLetter.id) == [], what
    standing, channels = dict(Counter(row[2] for row in steps)), Counter(one.channel for one in year.vendors.sent)
    print(  # noqa: T201
        f"\n{PEOPLE} people, seed {seed}: {year.handled} events, {journeys.total()} enrolments, {channels.total()} messages "
        f"({len(year.book.refused)} steps refused later), {year.crashes} crashes, {time.monotonic() - begun:.0f} s; "
        f"steps: {standing}; {dict(channels)}"
    )


def test_same_seed_is_the_same_year(memory: Engine) -> None:
    """A failing seed replays exactly: to the message and to the microsecond."""
    logs = []
    for _ in range(2):
        year = lived(7, 12)
        logs.append([(one.at, one.person, one.channel, one.step) for one in year.vendors.sent])
        with memory.begin() as connection:
            from shared.store.models import Base

            for table in reversed(Base.metadata.sorted_tables):
                if table.name != "stage_map":
                    connection.execute(table.delete())
    assert logs[0] == logs[1]
    assert len(logs[0]) > 30


def test_broken_law_is_noticed(memory: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The code under test takes an error of a vendor for an outcome; a broken law must come through, with its seed."""
    monkeypatch.setattr(laws, "CAP", 0)
    with pytest.raises(laws.BrokenLawError, match="over the daily cap"):
        lived(3, 4)
    assert "SIMULATION_SEED=3 SIMULATION_PEOPLE=4 replays this" in capsys.readouterr().out
