"""Fixtures of the meetings."""

from collections.abc import Iterator

import pytest

from shared import clock
from shared.settings import get_settings
from tests.support.meetings import Desk
from tests.support.messages import CONFIGURED, PostOffice
from tests.support.world import World


@pytest.fixture
def post(environment: pytest.MonkeyPatch, test_clock: clock.TestClock, world: World) -> Iterator[PostOffice]:
    """All vendors of messages, in the test's hand, on a Monday at ten in Mexico City."""
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = test_clock.moment.replace(hour=16, minute=0)
    with PostOffice().installed(environment) as office:
        yield office


@pytest.fixture
def desk(world: World, post: PostOffice, test_clock: clock.TestClock) -> Desk:
    """Somebody's desk, where no calendar is set up."""
    return Desk(world, post, test_clock)
