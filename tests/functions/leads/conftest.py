"""An instance of the public endpoint that remembers no sender."""

from collections.abc import Iterator

import pytest

from functions.leads import guard
from shared import clock
from tests.conftest import START


@pytest.fixture
def fresh(environment: pytest.MonkeyPatch) -> Iterator[clock.TestClock]:
    """A new instance on a clock that stands still."""
    del environment
    guard.forget()
    with clock.frozen(START) as test_clock:
        yield test_clock
    guard.forget()
