"""Fixtures of scored leads: ManyChat reports them, and a HubSpot account takes them."""

from typing import Any

import pytest
from sqlalchemy import select

from functions.scoring.tables import ScoredLead
from sandbox.hubspot import HubSpot
from sandbox.hubspot.shapes import TOKEN
from shared import clock
from shared.settings import get_settings
from shared.store.session import reading
from shared.vendors import rest_client
from tests.support.functions import named
from tests.support.sandbox import APP, SandboxAdapter, wired
from tests.support.world import World

BASE = "http://127.0.0.1:7072/hubspot"


class Account:
    """The account at HubSpot, behind our own client, and what ManyChat reports to us."""

    def __init__(self, world: World, vendor: HubSpot, wire: SandboxAdapter, test_clock: clock.TestClock) -> None:
        self.world, self.hubspot, self.wire, self.clock = world, vendor, wire, test_clock

    def report(self, *leads: dict[str, Any]) -> None:
        """ManyChat reports these leads, a second apart; nothing is handled yet."""
        for lead in leads:
            self.clock.advance(seconds=1)
            answer = self.world.post("lead", lead)
            assert answer.status_code == 202, answer.get_body()

    def settle(self, minutes: int = 2) -> None:
        """Let time pass until what is due has gone out."""
        self.world.run_for(self.clock, minutes=minutes, step_seconds=20)

    @property
    def leads(self) -> list[ScoredLead]:
        """All that we have kept, in the order in which they came."""
        with reading() as session:
            return list(session.scalars(select(ScoredLead).order_by(ScoredLead.id)))

    @property
    def contacts(self) -> list[dict[str, str]]:
        """The properties of the contacts in HubSpot, oldest first."""
        return [row["properties"] for row in self.hubspot.records("contacts", {}, None)[0]]

    def calls(self, path: str) -> int:
        """How often a path was called."""
        return sum(call.path.endswith(path) for call in self.wire.calls)


@pytest.fixture
def account(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Account:
    """An account that is set up, and empty."""
    from functions.scoring import triggers

    vendor, adapter, _wire = wired(HubSpot())
    for name, value in {"HUBSPOT_BASE_URL": BASE, "HUBSPOT_TOKEN": TOKEN, "PUBLIC_BASE_URL": APP}.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    real = rest_client.RestClient.connected

    def connected(self: rest_client.RestClient, *more: Any, **named_more: Any) -> Any:
        if self.name != "HubSpot":
            return real(self, *more, **named_more)
        return self.connect(BASE, rest_client.secret(get_settings(), "hubspot_token"), adapter=adapter)

    environment.setattr(rest_client.RestClient, "connected", connected)
    world.webhooks["lead"] = triggers.WEBHOOK
    world.handlers["events-queue"] = named("events_handler")
    return Account(world, vendor, adapter, test_clock)


def lead(number: str = "1", **more: Any) -> dict[str, Any]:
    """What ManyChat sends of a lead; `phone` is a custom field."""
    fields = {name: more.pop(name) for name in ("phone",) if name in more}
    known: dict[str, Any] = {"id": number, "first_name": "Ana", "email": f"ana{number}@example.com"}
    return known | {"user": {"custom_fields": fields}} | more
