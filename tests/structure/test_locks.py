"""Every place in the code that locks rows has a race in the concurrency lab."""

from tests.lab.sites import sites
from tests.lab.waits import SKIPS, WAITS


def test_every_place_that_locks_has_its_race() -> None:
    """A new lock comes with a way to it: add the place to WAITS of `tests/lab/waits.py`, or to SKIPS where it must not wait."""
    places = sites()
    assert len(places) > 50
    assert sorted(WAITS | SKIPS) == places
