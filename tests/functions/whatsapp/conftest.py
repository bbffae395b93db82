"""Meta's stand-in behind our own client, and its webhooks before our own functions, without a network."""

import json
from collections.abc import Iterator
from typing import Any

import azure.functions as func
import pytest
from sqlalchemy import select

from sandbox.meta import Meta
from sandbox.meta.server import APP_SECRET, NUMBERS, TOKEN, VERIFY_TOKEN
from sandbox.meta.webhooks import ACCOUNT
from sandbox.vendor import Reply, Webhook
from shared import clock
from shared.intake.endpoint import EVENTS_QUEUE
from shared.messages.content import Content
from shared.messages.message import Message
from shared.settings import get_settings
from shared.store.message_models import MessageStatus, ReceivedMessage
from shared.store.session import reading
from shared.vendors import http, rest_client
from tests.support import loops
from tests.support.functions import named
from tests.support.messages import ANA_PHONE, CONFIGURED, carry_out, message
from tests.support.sandbox import APP, Exchange, wired
from tests.support.world import Out, World
from tests.unit.web.calls import KEYS, Api

SETTINGS = {
    "WHATSAPP_PROVIDER": "meta",
    "META_BASE_URL": "http://127.0.0.1:7072/meta/v23.0",
    "META_ACCESS_TOKEN": TOKEN,
    "META_APP_SECRETS": APP_SECRET,
    "META_VERIFY_TOKEN": VERIFY_TOKEN,
    "META_BUSINESS_ACCOUNT_ID": ACCOUNT,
    "META_NUMBERS": "{" + ",".join(f'"{key}":"{phone}"' for key, phone in NUMBERS.items()) + "}",
}


class Town:
    """Our functions, Meta, and the people who write."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.handlers |= {EVENTS_QUEUE: named("events_handler")}
        self.meta, _, self.wire = wired(Meta())
        self.network = Exchange(self.meta)
        self.wire.app = self.take

    def take(self, webhook: Webhook, headers: dict[str, str]) -> Reply:
        """One request of Meta's to our webhook."""
        lower = {name.lower(): value for name, value in headers.items()}
        request = func.HttpRequest(method="POST", url=f"{APP}/api/meta/webhook", headers=lower, body=webhook.body)
        out = Out()
        answer = loops.run(named("meta_webhook")(request, out))
        if out.value is not None:
            self.world.storage.send(EVENTS_QUEUE, out.value)
        return Reply(status=answer.status_code, body=answer.get_body())

    def lose_answers(self, count: int) -> None:
        """So many of Meta's next answers never reach us; what was asked for is done."""
        self.network.adapters["/meta"].lose_answers = count

    def settle(self, *, backwards: bool = False, copies: int = 1) -> None:
        """Let everything arrive, and everything that follows from it, until nothing is on its way."""
        self.world.run()
        while self.wire.sent:
            self.wire.deliver(backwards=backwards, copies=copies)
            self.world.run()
            carry_out()

    def act(self, action: str, **given: Any) -> Any:
        """Meta or a person does something, and all that follows happens."""
        done = self.meta.act(action, given)
        self.settle()
        return done

    def says(self, text: str, **more: Any) -> Any:
        """Ana writes, unless somebody else is named."""
        return self.act("reply", **{"from": ANA_PHONE, "name": "Ana", "text": text} | more)

    def got(self) -> list[dict[str, Any]]:
        """What went out, as Meta has it, oldest first."""
        return [row for row in self.meta.shelf.rows("messages") if row["direction"] == "outbound"]


@pytest.fixture
def town(environment: pytest.MonkeyPatch, world: World, test_clock: clock.TestClock) -> Iterator[Town]:
    """On a Monday at noon in Mexico, with Meta as the provider of WhatsApp."""
    for name, value in (CONFIGURED | SETTINGS).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = test_clock.moment.replace(hour=18)
    made = Town(world)
    environment.setattr(http, "HTTPAdapter", lambda **_more: made.network)
    rest_client.drop_connections()
    yield made
    rest_client.drop_connections()


@pytest.fixture
def api(town: Town, environment: pytest.MonkeyPatch) -> Api:
    """A client of the API, with a key that may do everything."""
    environment.setenv("API_KEYS", json.dumps(KEYS))
    get_settings.cache_clear()
    return Api()


def asking(key: str = "q1", text: str = "¿Qué quieres?", **content: Any) -> Message:
    """A text of ours, with what it carries."""
    more: dict[str, Any] = {"content": Content(**content)} if content else {}
    return message(dedupe_key=key, template="", text=text, variables={}, transactional=True, **more)


def received() -> list[ReceivedMessage]:
    """What people have written, oldest first."""
    with reading() as session:
        return list(session.scalars(select(ReceivedMessage).order_by(ReceivedMessage.id)))


def statuses() -> list[tuple[str | None, str | None]]:
    """What our record says of every message, in the order of their deliveries."""
    with reading() as session:
        rows = sorted(session.scalars(select(MessageStatus)), key=lambda row: row.delivery_id or 0)
        return [(row.status, row.reason) for row in rows]
