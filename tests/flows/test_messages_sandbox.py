"""Messages all the way: planned by us, sent by our clients, answered in the sandbox, and what it reports back, applied."""

from collections.abc import Iterator
from urllib.parse import parse_qsl

import azure.functions as func
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import messages as message_webhooks
from sandbox import brevo as sandbox_brevo
from sandbox import resend as sandbox_resend
from sandbox.brevo import Brevo
from sandbox.resend import Resend
from sandbox.shelf import Shelved
from sandbox.twilio import Twilio
from sandbox.twilio.resources import ACCOUNT, TOKEN
from sandbox.vendor import Reply, Webhook
from shared import clock
from shared.intake.endpoint import EVENTS_QUEUE
from shared.messages import Fallback
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.message_models import MessageStatus
from shared.store.session import reading
from shared.vendors import http, rest_client
from tests.support import loops
from tests.support.examples import examples
from tests.support.functions import named
from tests.support.messages import ANA_EMAIL, ANA_PHONE, CONFIGURED, carry_out, deliveries, enqueue, message
from tests.support.sandbox import APP, Exchange, Wire, wired
from tests.support.world import Out, World

CONTENT = "HX" + "0c" * 16
SMS = Fallback(channel="sms", to=ANA_PHONE, template="lead_day_3")
SETTINGS = {
    "TWILIO_BASE_URL": "http://127.0.0.1:7072/twilio",
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_CONTENT_SIDS": f'{{"lead_day_3": "{CONTENT}"}}',
    "BREVO_BASE_URL": "http://127.0.0.1:7072/brevo/v3",
    "SENDINBLUE_API_KEY": sandbox_brevo.API_KEY,
    "BREVO_WEBHOOK_SECRETS": sandbox_brevo.TOKEN,
    "RESEND_BASE_URL": "http://127.0.0.1:7072/resend",
    "RESEND_API_KEY": sandbox_resend.API_KEY,
    "RESEND_WEBHOOK_SECRETS": sandbox_resend.SECRET,
}
# Where a webhook goes: which function takes it, and on which queue.
DOORS = {
    "/api/twilio/status": ("twilio_status_webhook", message_webhooks.STATUS_QUEUE),
    "/api/twilio/message": ("twilio_message_webhook", message_webhooks.REPLY_QUEUE),
    "/api/brevo/events": ("brevo_events_webhook", message_webhooks.STATUS_QUEUE),
    "/api/resend/events": ("resend_events_webhook", message_webhooks.STATUS_QUEUE),
    "/api/unsubscribe": ("unsubscribe_webhook", EVENTS_QUEUE),
}


class Town:
    """Our functions, the vendors, and the people."""

    def __init__(self, world: World) -> None:
        self.world, self.patience = world, 0
        world.handlers |= {
            message_webhooks.STATUS_QUEUE: named("message_status_handler"),
            message_webhooks.REPLY_QUEUE: named("message_reply_handler"),
            EVENTS_QUEUE: named("events_handler"),
        }
        self.vendors: dict[str, Shelved] = {}
        self.wires: list[Wire] = []
        for made in (Twilio(), Brevo(), Resend()):
            vendor, _, wire = wired(made)
            wire.app = self.take
            self.vendors[vendor.name] = vendor
            self.wires.append(wire)

    def take(self, webhook: Webhook, headers: dict[str, str]) -> Reply:
        """One request to the app, as the host hands it over."""
        url = webhook.url if "://" in webhook.url else APP + webhook.url
        path, _, query = url.removeprefix(APP).partition("?")
        lower = {name.lower(): value for name, value in headers.items()}
        body = webhook.body if webhook.method == "POST" else b""
        request = func.HttpRequest(method=webhook.method, url=url, headers=lower, params=dict(parse_qsl(query)), body=body)
        if path == "/api/twilio/voice":
            answer = message_webhooks.twilio_voice(request)
            return Reply(status=answer.status_code, body=answer.get_body())
        name, queue = DOORS[path]
        out = Out()
        answer = loops.run(named(name)(request, out))
        if out.value is not None:
            self.world.storage.send(queue, out.value)
        return Reply(status=answer.status_code, body=answer.get_body())

    def settle(self, *, backwards: bool = False, copies: int = 1) -> None:
        """Let everything arrive, and everything that follows from it, until nothing is on its way."""
        while any(wire.sent for wire in self.wires):
            for wire in self.wires:
                wire.deliver(backwards=backwards, copies=copies)
            self.world.run()
            carry_out()

    def seen(self) -> list[tuple[str, str]]:
        """What Ana has got, oldest first: kind and status."""
        items = [item for vendor in self.vendors.values() for item in vendor.inbox() if not item.incoming]
        return [(item.kind, item.status) for item in items]


@pytest.fixture
def town(environment: pytest.MonkeyPatch, world: World, test_clock: clock.TestClock) -> Iterator[Town]:
    """On a Monday at noon in Mexico, all clients unchanged."""
    for name, value in (CONFIGURED | SETTINGS).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = test_clock.moment.replace(hour=18)
    made = Town(world)
    environment.setattr(http, "HTTPAdapter", lambda **_more: Exchange(*made.vendors.values()))
    rest_client.drop_connections()
    yield made
    rest_client.drop_connections()


def statuses() -> list[tuple[str | None, str | None]]:
    """What our record says of every message, in the order of their deliveries."""
    with reading() as session:
        rows = sorted(session.query(MessageStatus), key=lambda row: row.delivery_id or 0)
        return [(row.status, row.reason) for row in rows]


@pytest.mark.parametrize("provider", ["brevo", "resend"])
def test_a_mail_is_followed_to_its_end(town: Town, provider: str) -> None:
    """Delivered, opened, a link followed: our record knows it from the vendor's own webhooks."""
    enqueue(message("email", provider=provider))
    town.settle()
    assert (town.seen(), statuses()) == ([("mail", "delivered")], [("delivered", None)])
    (item,) = town.vendors[provider].inbox()
    assert item.person == ANA_EMAIL
    for action, status in (("open", "opened"), ("click", "clicked")):
        town.vendors[provider].act(action, {"id": item.id})
        town.settle()
        assert statuses() == [(status, None)]


@pytest.mark.parametrize("provider", ["brevo", "resend"])
@pytest.mark.parametrize("deed", ["bounce", "complain", "unsubscribe"])
def test_whoever_cannot_or_will_not_be_written_to_gets_nothing_more(town: Town, provider: str, deed: str) -> None:
    """After a hard bounce, a complaint, or one click in the mail program."""
    enqueue(message("email", provider=provider))
    town.settle()
    town.vendors[provider].act(deed, {"id": town.vendors[provider].inbox()[0].id})
    town.settle()
    enqueue(message("email", provider=provider, dedupe_key="k2"))
    first, second = deliveries()
    assert (first.state, second.state) == (State.DONE, State.SKIPPED)
    assert len(town.vendors[provider].inbox()) == 1


def test_a_template_opens_the_conversation_and_free_text_goes_on(town: Town) -> None:
    """Outside the 24 hours the approved template is sent, after their answer our own text."""
    enqueue(message())
    town.settle()
    town.vendors["twilio"].act("reply", {"from": ANA_PHONE, "text": "¿Cuánto cuesta?"})
    town.settle()
    enqueue(message(dedupe_key="k2"))
    town.settle()
    template, free = (item for item in town.vendors["twilio"].inbox() if not item.incoming)
    assert template.facts["Template"] == CONTENT
    assert "Hola, Ana." in free.text
    assert statuses() == [("delivered", None), ("delivered", None)]


def test_free_text_that_came_too_late_becomes_an_sms(town: Town) -> None:
    """Our window and Twilio's may differ: 63016 comes later, and the fallback goes out once."""
    town.vendors["twilio"].act("reply", {"from": ANA_PHONE, "text": "Hola"})
    town.settle()
    town.vendors["twilio"].shelf.clear()  # Twilio knows nothing of what Ana wrote
    enqueue(message(fallback=(SMS,)))
    town.settle(copies=2)
    assert town.seen() == [("whatsapp", "undelivered"), ("sms", "delivered")]
    assert statuses() == [("failed", "twilio-outside-window"), ("delivered", None)]


@pytest.mark.parametrize("word", ["STOP", "BAJA"])
def test_a_wish_for_silence_is_recorded(town: Town, word: str) -> None:
    """Nothing more by WhatsApp, SMS or phone, until they want it again."""
    town.vendors["twilio"].act("reply", {"from": ANA_PHONE, "text": word, "channel": "sms"})
    town.settle()
    enqueue(message(), message("sms", dedupe_key="k2"), message("voice", dedupe_key="k3"))
    assert town.seen() == []
    town.vendors["twilio"].act("reply", {"from": ANA_PHONE, "text": "START", "channel": "sms"})
    town.settle()
    enqueue(message("sms", dedupe_key="k4"))
    town.settle()
    assert town.seen() == [("sms", "delivered")]


def test_a_call_says_our_words_to_a_person(town: Town) -> None:
    """Fetched from us, signed, once somebody answers."""
    enqueue(message("voice", fallback=(SMS,)))
    town.settle()
    (item,) = town.vendors["twilio"].inbox()
    assert item.text.startswith("Hola, Ana. Te habla Javier Virtual")
    assert (town.seen(), statuses()) == ([("call", "completed (human)")], [("answered", None)])


@pytest.mark.parametrize("outcome", ["no-answer", "busy", "failed", "machine"])
def test_a_call_that_reaches_nobody_becomes_a_message(town: Town, outcome: str) -> None:
    """Once, however often and in whatever order Twilio says so; a machine is left its own words."""
    town.vendors["twilio"].act("answer", {"outcome": outcome, "once": True})
    enqueue(message("voice", fallback=(SMS,)))
    town.settle(backwards=True, copies=2)
    assert sorted(kind for kind, _ in town.seen()) == ["call", "sms"]
    call = next(item for item in town.vendors["twilio"].inbox() if item.kind == "call")
    assert bool(call.text) is (outcome == "machine")


def test_a_lost_answer_sends_nothing_twice(town: Town, test_clock: clock.TestClock, environment: pytest.MonkeyPatch) -> None:
    """Twilio and Brevo are asked, Resend is told the same key: one message each."""
    exchange = Exchange(*town.vendors.values())
    for adapter in exchange.adapters.values():
        adapter.lose_answers = 1
    environment.setattr(http, "HTTPAdapter", lambda **_more: exchange)
    enqueue(
        message("sms", dedupe_key="k1"),
        message("email", dedupe_key="k2", provider="brevo"),
        message("email", dedupe_key="k3", provider="resend"),
    )
    for _ in range(4):
        test_clock.advance(minutes=1)
        carry_out()
    town.settle()
    assert [len(vendor.inbox()) for vendor in town.vendors.values()] == [1, 1, 1]
    assert [each.state for each in deliveries()] == [State.DONE] * 3
    assert statuses() == [("delivered", None)] * 3


@given(order=st.lists(st.booleans(), max_size=4), copies=st.integers(1, 3))
@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_and_repetition_of_words_change_nothing(town: Town, order: list[bool], copies: int) -> None:
    """However they come, the furthest word counts, and each is taken once."""
    for number, backwards in enumerate([*order, True]):
        before = len(statuses())
        town.vendors["twilio"].act("deliver", {"outcome": "read"})
        key = f"{clock.now().isoformat()}-{number}-{copies}-{len(deliveries())}"
        enqueue(message(dedupe_key=key, transactional=True))
        town.settle(backwards=backwards, copies=copies)
        assert statuses()[before:] == [("opened", None)]
