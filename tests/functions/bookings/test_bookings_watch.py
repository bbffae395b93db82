"""The subscription at Calendly is watched, through the real client and the sandbox's stand-in."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from functions.bookings import calendly_api, watch
from sandbox.calendly import Calendly
from shared.errors import PuenteError
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.vendors import registry, rest_client
from tests.functions.bookings.test_bookings import rows
from tests.support.sandbox import connect


@pytest.fixture
def vendor(world, environment: pytest.MonkeyPatch) -> Iterator[Calendly]:
    """The stand-in, with a token for it in the settings, and an address for alerts."""
    known = {"CALENDLY_TOKEN": "token", "CALENDLY_BASE_URL": "http://127.0.0.1:7072/calendly/api"}
    for name, value in (known | {"ALERT_WEBHOOK_URL": "https://alerts.invalid/x"}).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    made = Calendly()

    connect(environment, {"Calendly": made})
    yield made
    rest_client.drop_connections()


def alerts() -> list[str]:
    """What people are told."""
    return [json.loads(json.dumps(row.payload))["text"] for row in rows(Delivery, target="alerts")]


def asked() -> Mapping[str, Any]:
    """What the health report says of Calendly."""
    try:
        return {"ok": registry.ping(calendly_api.CALENDLY_API)}
    except PuenteError as error:
        return {"failed": str(error)}


def test_active_subscription_is_well(vendor: Calendly) -> None:
    """Nobody is told anything."""
    assert (watch.watch_subscription(), alerts(), asked()) == (0, [], {"ok": "subscribed"})


@pytest.mark.parametrize(("state", "words"), [("disabled", "has disabled our"), ("deleted", "has no webhook subscription")])
def test_disabled_subscription_is_told_once_a_day(vendor: Calendly, test_clock, state: str, words: str) -> None:
    """By an alert, and by the health report at once."""
    vendor.act("subscription", {"state": state})
    assert [watch.watch_subscription() for _ in range(3)] == [1, 1, 1]
    (text,) = alerts()
    assert words in text
    assert words in asked()["failed"]
    test_clock.advance(days=1)
    watch.watch_subscription()
    assert len(alerts()) == 2


def test_events_that_are_left_out_are_named(vendor: Calendly, environment: pytest.MonkeyPatch) -> None:
    """Without them a cancellation never comes."""
    environment.setattr(vendor, "_subscriptions", lambda: [subscription(["invitee.created"])])
    assert watch.watch_subscription() == 1
    assert "invitee.canceled" in alerts()[0]


def test_subscription_of_another_app_is_not_ours(vendor: Calendly, environment: pytest.MonkeyPatch) -> None:
    """At another host than PUBLIC_BASE_URL, or another path."""
    environment.setenv("PUBLIC_BASE_URL", "https://puente.example")
    get_settings.cache_clear()
    events = list(calendly_api.TRIGGERS)
    for address, count in (("https://other.example/api/calendly", 1), ("https://puente.example/api/calendly", 0)):
        environment.setattr(vendor, "_subscriptions", lambda address=address: [subscription(events, address)])
        assert watch.watch_subscription() == count


def test_without_a_token_nothing_is_asked(vendor: Calendly, environment: pytest.MonkeyPatch) -> None:
    """Nor is it part of the health report."""
    environment.delenv("CALENDLY_TOKEN")
    get_settings.cache_clear()
    vendor.act("subscription", {"state": "deleted"})
    assert (watch.watch_subscription(), alerts()) == (0, [])
    assert calendly_api.CALENDLY_API not in registry.with_ping()


def subscription(events: list[str], address: str = "http://127.0.0.1:7071/api/calendly") -> dict[str, Any]:
    """A subscription as Calendly lists it."""
    return {"state": "active", "callback_url": address, "events": events}
