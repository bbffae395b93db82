"""Time stands still, so that waiting costs none."""

from collections.abc import Iterator

import pytest

from shared import clock
from tests.unit.vendors.network import NOW


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.TestClock]:
    """The clock of every test here; it moves when a wait is asked for."""
    with clock.frozen(NOW) as test_clock:
        yield test_clock
