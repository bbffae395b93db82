"""An account at HubSpot and a page at ManyChat behind our own clients, and what HubSpot's webhooks bring to us."""

import asyncio
import json
from datetime import datetime
from typing import Any

import azure.functions as func
import pytest

from functions.hubspot import triggers
from sandbox.hubspot import HubSpot
from sandbox.hubspot.shapes import APP_ID, PORTAL_ID, SECRET, TOKEN
from sandbox.manychat import API_KEY, ManyChat
from sandbox.vendor import Reply, Webhook
from shared import clock
from shared.messages.providers.manychat import MANYCHAT
from shared.settings import get_settings
from shared.vendors import rest_client
from tests.support.functions import named
from tests.support.sandbox import APP, SandboxAdapter, wired
from tests.support.world import Out, World

HOOK = "/api/v1/hubspot/webhook"
PRODUCT, SUBSCRIBER = "interes_producto", "manychat_user_id"
SETTINGS = {
    "HUBSPOT_BASE_URL": "http://127.0.0.1:7072/hubspot",
    "HUBSPOT_TOKEN": TOKEN,
    "HUBSPOT_CLIENT_SECRET": SECRET,
    "MANYCHAT_BASE_URL": "http://127.0.0.1:7072/manychat",
    "MANYCHAT_API_KEY": API_KEY,
    "PUBLIC_BASE_URL": APP,
}


class Account:
    """HubSpot and ManyChat as they are, and our app."""

    def __init__(self, world: World, test_clock: clock.TestClock) -> None:
        self.world, self.clock = world, test_clock
        self.hubspot, self.calls, self.wire = wired(HubSpot())
        self.manychat, self.messages_wire, _ = wired(ManyChat())
        self.wire.app = self._answered

    def _answered(self, webhook: Webhook, headers: dict[str, str]) -> Reply:
        return self.post(webhook.body, headers, webhook.url)

    def post(self, body: Any, headers: dict[str, str] | None = None, path: str = HOOK) -> Reply:
        """A request to the webhook; what it accepts is on its queue afterwards."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | {name.lower(): value for name, value in (headers or {}).items()}
        request = func.HttpRequest(method="POST", url=APP + path, headers=sent, body=raw)
        out = Out()
        answer = asyncio.run(triggers.WEBHOOK.accept(request, out))
        if out.value is not None:
            self.world.storage.send(triggers.WEBHOOK.queue, out.value)
        return Reply(status=answer.status_code, body=answer.get_body())

    def signed(self, body: Any, path: str = HOOK) -> dict[str, str]:
        """The headers with which HubSpot would send that body there."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return dict(self.hubspot.signature(Webhook(what="", url=path, body=raw)))

    def report(self, *events: dict[str, Any]) -> None:
        """HubSpot reports these events in one request."""
        reply = self.post(list(events), self.signed(list(events)))
        assert reply.status == 202, reply.body

    def deliver(self, **how: Any) -> None:
        """HubSpot's waiting webhooks reach us."""
        self.wire.deliver(**how)

    def settle(self, minutes: int = 2) -> None:
        """Let time pass until what is due has gone out."""
        self.world.run_for(self.clock, minutes=minutes, step_seconds=20)

    def person(self, **properties: str) -> dict[str, Any]:
        """A salesman makes a contact; nothing is delivered yet."""
        known = {"firstname": "Ana", "lastname": "López", PRODUCT: "Plan Anual", SUBSCRIBER: "123456789"}
        return dict(self.hubspot.act("create", {"properties": known | properties}))

    @property
    def sent(self) -> list[tuple[str, str]]:
        """The messages in ManyChat: to whom, and the text."""
        return [(row["subscriber_id"], row["text"]) for row in self.manychat.records("messages", {}, None)[0]]


def event(contact: int = 51, at: datetime | None = None, **more: Any) -> dict[str, Any]:
    """An event as HubSpot sends it: a property that a person has changed."""
    moment = int((at or clock.now()).timestamp() * 1000)
    known: dict[str, Any] = {"eventId": 7, "subscriptionId": 22, "portalId": PORTAL_ID, "appId": APP_ID, "occurredAt": moment}
    known |= {"subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": contact, "changeSource": "CRM_UI"}
    return known | {"sourceId": "userId:1", "propertyName": PRODUCT, "propertyValue": "Plan Anual"} | more


def install(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Account:
    """The account, set up."""
    for name, value in SETTINGS.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    account = Account(world, test_clock)
    adapters: dict[str, tuple[SandboxAdapter, str]] = {
        "HubSpot": (account.calls, TOKEN),
        "ManyChat": (account.messages_wire, API_KEY),
    }
    real, connect = rest_client.RestClient.connected, rest_client.RestClient.connect

    def connected(self: rest_client.RestClient, *more: Any, **named_more: Any) -> Any:
        if self.name not in adapters:
            return real(self, *more, **named_more)
        adapter, key = adapters[self.name]
        return connect(self, getattr(get_settings(), self.address), key, adapter=adapter)

    def of_page(self: rest_client.RestClient, address: str, key: str = "", **more: Any) -> Any:
        return connect(self, address, key, **more | ({"adapter": account.messages_wire} if self is MANYCHAT else {}))

    environment.setattr(rest_client.RestClient, "connected", connected)
    environment.setattr(rest_client.RestClient, "connect", of_page)
    world.handlers["events-queue"] = named("events_handler")
    rest_client.drop_connections()
    return account
