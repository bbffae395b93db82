"""Every race ends well with its lock, on PostgreSQL with real concurrent transactions, and badly without it."""

import os

import pytest
from sqlalchemy import Engine

from shared.store.session import reading, transact
from tests.lab.races import RACES, Race
from tests.lab.together import together

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        not os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql"), reason="races need PostgreSQL: make test-lab"
    ),
]
each_race = pytest.mark.parametrize("race", RACES.values(), ids=RACES.keys())


def run(engine: Engine, race: Race) -> None:
    """The race, from its beginning to what must be true."""
    transact(race.before, engine)
    together(engine, race.first, race.second)
    with reading(engine) as session:
        race.check(session)


@each_race
def test_ends_well(lab: Engine, race: Race) -> None:
    """With the lock, what must be true is true."""
    run(lab, race)


@each_race
def test_ends_badly_without_its_lock(lab: Engine, race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same race, the lock taken away: the test above would fail."""
    race.without_lock(monkeypatch)
    with pytest.raises(AssertionError):
        run(lab, race)
