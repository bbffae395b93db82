"""Retention keeps pace with a million events a day on the lab's database."""

from sqlalchemy import Engine

from bench.retention import DAYS, NEEDED, removed_a_second
from shared.settings import get_settings


def test_a_day_removes_what_a_day_of_a_million_events_leaves(lab: Engine, environment, record_property) -> None:
    """Measured in real time (`make bench` does the same): rows a second, held against what a night and its rounds have."""
    for name, days in DAYS.items():
        environment.setenv(name, days)
    get_settings.cache_clear()
    rate = removed_a_second(20_000)
    record_property("rows a second", round(rate))
    assert rate > NEEDED, f"{rate:.0f} rows a second"
