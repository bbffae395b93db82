"""Fixtures of HubSpot."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from functions.hubspot.tables import HubSpotMessage
from shared import clock
from shared.settings import get_settings
from shared.store.session import reading
from shared.vendors.rest_client import drop_connections
from tests.support import hubspot
from tests.support.hubspot import Account
from tests.support.world import World
from tests.unit.web.calls import KEYS, Api

HOOK_KEYS = [{"name": "hubspot", "key": "hubspot-hook-key", "scopes": ["webhook:hubspot"]}]


@pytest.fixture
def account(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Account]:
    """An account whose webhooks are set up, and a page at ManyChat."""
    yield hubspot.install(world, environment, test_clock)
    drop_connections()


@pytest.fixture
def api(account: Account, environment: pytest.MonkeyPatch) -> Api:
    """The API over the same database."""
    environment.setenv("API_KEYS", json.dumps(KEYS + HOOK_KEYS))
    get_settings.cache_clear()
    return Api()


def stored() -> list[tuple[str, str | None]]:
    """Each event's state and reason, sorted."""
    with reading() as session:
        rows = session.scalars(select(HubSpotMessage)).all()
        return sorted(((row.status, row.reason) for row in rows), key=str)
