"""Journeys over an empty database, with vendors in the test's hand."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from shared import clock
from shared.journeys import load
from shared.journeys.definition import Journey
from shared.settings import get_settings
from tests.support.journeys import SETTINGS, Post, post
from tests.support.listeners import listen
from tests.support.talks import Notified
from tests.support.world import FakeStorage


@pytest.fixture
def journeys_settings(environment: pytest.MonkeyPatch) -> None:
    """Every carrier is set up, and no hour is quiet."""
    for name, value in SETTINGS.items():
        environment.setenv(name, value)
    environment.setenv("QUIET_HOURS", "00:00-00:00")
    environment.setenv("WORKING_DAYS", "mon,tue,wed,thu,fri,sat,sun")
    environment.setenv("HOLIDAYS_COUNTRY", "XX")
    environment.setenv("DEFAULT_TIME_ZONE", "Etc/UTC")
    get_settings.cache_clear()


@pytest.fixture
def vendors(database: Engine, journeys_settings: None, storage: FakeStorage, test_clock: clock.TestClock) -> Iterator[Post]:
    """Everything that is sent."""
    with post() as vendors:
        yield vendors


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch):
    """Put journeys, given as YAML, in place of the project's own."""
    known: dict[str, Journey] = {}

    def work(text: str) -> Journey:
        journey = load.parse(text)
        known[journey.name] = journey
        return journey

    monkeypatch.setattr(load, "definitions", lambda: known)
    return work


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Notified:
    """Listens to every event of talks."""
    found = Notified()
    listen(monkeypatch, "talk.moved", "test", lambda _session, event: found.moved.append(event))
    listen(monkeypatch, "talk.ended", "test", lambda _session, event: found.ended.append(event))
    for name in ("talk.tagged", "talk.assigned"):
        listen(monkeypatch, name, "test", lambda _session, act: found.acts.append(act))
    return found
