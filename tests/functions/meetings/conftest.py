"""Fixtures of the meetings."""

from collections.abc import Iterator

import pytest

from shared import clock
from shared.settings import get_settings
from shared.vendors.rest_client import drop_connections
from tests.support import calendars
from tests.support.calendars import Office
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


@pytest.fixture(params=["google", "outlook"])
def office(
    request: pytest.FixtureRequest,
    world: World,
    environment: pytest.MonkeyPatch,
    test_clock: clock.TestClock,
    post: PostOffice,
) -> Iterator[Office]:
    """An office whose calendars are Google's, and one whose are Microsoft's."""
    yield calendars.install(request.param, world, environment, test_clock, post)
    drop_connections()
