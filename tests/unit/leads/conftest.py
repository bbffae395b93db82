"""Every test begins with a door that remembers nobody."""

from collections.abc import Iterator

import pytest

from functions.leads import guard
from shared import clock
from tests.conftest import START


@pytest.fixture(autouse=True)
def fresh(environment: pytest.MonkeyPatch) -> Iterator[clock.TestClock]:
    """A new instance on a clock that stands still."""
    del environment
    guard.forget()
    with clock.frozen(START) as test_clock:
        yield test_clock
    guard.forget()
