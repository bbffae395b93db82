"""The whole app with every outside system set up and a network that is watched: what would go out is seen, and nothing does."""

import asyncio
import random
import smtplib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial, partialmethod
from typing import Any

import azure.functions as func
import pytest
import requests
from requests.adapters import HTTPAdapter
from sqlalchemy import func as sql
from sqlalchemy import select

from functions.leads import endpoint, guard, triggers
from shared import clock, flows
from shared.intake.endpoint import webhook_routes
from shared.intake.webhook import Sender, Webhook
from shared.journeys import due_beginnings
from shared.settings import get_settings
from shared.store.journey_models import JourneyBeginning
from shared.store.models import Delivery
from shared.store.session import reading
from tests.support import journeys, stripe
from tests.support.payloads import as_sent, payload
from tests.support.world import FakeStorage, Out, World, contact, opportunity

type Events = list[tuple[str, bytes]]
type Log = list[dict[str, Any]]

AT_LEAST = timedelta(minutes=1)
QUESTIONS = ("/query", "/jsonrpc")  # systems that want a question as a POST; which of Odoo's it may be is told by its method
ODOO_READS = ("search_read", "search_count", "fields_get", "context_get", "authenticate", "get_metadata")
SETTINGS = journeys.SETTINGS | {
    "QUIET_HOURS": "00:00-00:00",
    "WORKING_DAYS": "mon,tue,wed,thu,fri,sat,sun",
    "HOLIDAYS_COUNTRY": "XX",
    "ODOO_SYNC_MODE": "both",
    "KOMMO_BASE_URL": "https://kommo.invalid",
    "KOMMO_ACCESS_TOKEN": "k",
    "KOMMO_REQUESTS_PER_SECOND": "7",
    "KOMMO_PIPELINE_ID": "1",
    "KOMMO_STATUS_ID_INICIAL": "10",
    "KOMMO_STATUS_ID_AGENDADO": "11",
    "MANYCHAT_API_KEY": "k",
    "NOTION_TOKEN": "k",
    "NOTION_CONTACTS_DB_ID": "c" * 32,
    "NOTION_EMAIL_SEQUENCE_DB_ID": "d" * 32,
    "DISCORD_WEBHOOK_URL": "https://discord.invalid/api/webhooks/1/t0ken",
    "SLACK_WEBHOOK_URL": "https://slack.invalid/services/x",
    "SHEETS_WEBHOOK_URL": "https://sheets.invalid/exec",
    "SHEETS_TOKEN": "a-token-of-the-sheet",
    "OPENAI_API_KEY": "k",
    "ALERT_WEBHOOK_URL": "https://alerts.invalid/hook",
    "PAYMENTS_ALERT_ABOVE": '{"MXN": "1"}',
    "TURNSTILE_SECRET": "a-secret-of-turnstile",
    "CALENDLY_SIGNING_KEYS": "calendly-signing-key",
    "STRIPE_SIGNING_SECRET": "whsec_of-the-tests",
    "BOOKING_URL": "https://cal.invalid/cita",
    "RESOURCE_URL": "https://recursos.invalid/guia",
    "SURVEY_URL": "https://encuesta.invalid",
    "PUBLIC_BASE_URL": "https://puente.invalid",
    "LEAD_FIRST_CONTACTS_PER_HOUR": "100000",
    "MESSAGES_PER_SECOND": '{"brevo": 1000, "resend": 1000, "twilio": 1000}',
    "CAMPAIGN_VARIABLES": '{"calendly_link": "https://calendly.example/cita", "portal_url": "https://portal.example"}',
}


@dataclass
class Network:
    """What was asked of it; whatever would change something outside is in `writes`."""

    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)

    def send(self, _adapter: HTTPAdapter, request: requests.PreparedRequest, **_options: Any) -> requests.Response:
        """Note a request; answer that nothing is there."""
        line = f"{request.method} {request.url}"
        (self.reads if _is_question(request) else self.writes).append(line)
        response = requests.Response()
        response.status_code, response.request = 200, request
        response._content = b'{"jsonrpc": "2.0", "result": []}'
        return response

    def connect(self, *_given: Any, **_named: Any) -> Any:
        """A mail server would have been connected to."""
        self.writes.append("SMTP")
        raise OSError


def _send(adapter: HTTPAdapter, network: Network, request: requests.PreparedRequest, **options: Any) -> requests.Response:
    return network.send(adapter, request, **options)


def _is_question(request: requests.PreparedRequest) -> bool:
    if request.method in ("GET", "HEAD"):
        return True
    if not str(request.url).endswith(QUESTIONS):
        return False
    body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
    return "/jsonrpc" not in str(request.url) or any(f'"{word}"' in body for word in ODOO_READS)


@contextmanager
def watched(environment: pytest.MonkeyPatch, **settings: str) -> Iterator[Network]:
    """Set every outside system up, and watch the network."""
    for name, value in (SETTINGS | settings).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    guard.forget()
    network = Network()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPAdapter, "send", partialmethod(_send, network))
        patch.setattr(smtplib, "SMTP", network.connect)
        patch.setattr(smtplib, "SMTP_SSL", network.connect)
        yield network


def whole(storage: FakeStorage) -> World:
    """The app with a handler for each queue that it declares."""
    world = World(storage)
    for blueprint in flows.parts("functions"):
        for one in blueprint._function_builders:
            trigger = one._function.get_trigger()
            if trigger is not None and trigger.type == "queueTrigger" and "poison" not in trigger.queue_name:
                world.handlers.setdefault(trigger.queue_name, one._function.get_user_function())
    return world


def webhooks() -> dict[str, Webhook]:
    """All webhooks, by name, each open to everybody: who sends is tested elsewhere."""
    routes = webhook_routes(flows.parts("functions"))
    found = [webhook for route in routes for webhook in (*route.webhooks.values(), *route.also)]
    return {one.name: replace(one, authenticate=lambda *_request: Sender()) for one in found}


def recorded(known: Mapping[str, Webhook], name: str, data: Mapping[str, Any]) -> tuple[str, bytes]:
    """An event as it lies on its queue: taken in by its webhook, with the name of the queue."""
    body, headers = as_sent(name, data)
    request = func.HttpRequest(method="POST", url="http://localhost/hook", headers=headers, body=body)
    out, webhook = Out(), known[name]
    entrance = partial(endpoint.take, webhook) if name == triggers.WEBHOOK.name else webhook.accept
    answer = asyncio.run(entrance(request, out))
    assert answer.status_code in (200, 202), answer.get_body()
    return webhook.queue, out.value


def live(world: World, test_clock: clock.TestClock, until: datetime) -> None:
    """Let time pass from one due time to the next; all that becomes due is handled and carried out."""
    _settle(world)
    while test_clock.moment < until:
        test_clock.moment = min(until, max(_next_due() or until, test_clock.moment + AT_LEAST))
        _settle(world)


def _settle(world: World) -> None:
    due_beginnings.begin_due()
    world.timers()
    world.run()


def _next_due() -> datetime | None:
    with reading() as session:
        sent = session.scalar(select(sql.min(Delivery.due_at)).where(Delivery.state == "pending"))
        begun = session.scalar(select(sql.min(JourneyBeginning.due_at)).where(JourneyBeginning.state == "waiting"))
    return min((moment for moment in (sent, begun) if moment is not None), default=None)


@dataclass(frozen=True)
class History:
    """Recorded events of several flows, as they lie on their queues, and what the replaced system did because of them."""

    events: Events
    log: Log


def history(count: int, start: datetime, seed: int = 7) -> History:
    """About `count` events: contacts and their stages, lead forms, payments of some of these; some twice, in any order.

    The log is written by the rules of the replaced systems, from the events alone: the last stage by its date, a welcome and a
    call for each lead, a message on the third day unless they have paid.
    """
    known, dice = webhooks(), random.Random(seed)  # noqa: S311  # made-up people
    events: Events = []
    log: Log = []
    for number in range(max(count // 10, 1)):
        events += _patient(known, log, dice, number) + _lead(known, log, dice, number, start)
    events += [dice.choice(events) for _ in range(count - len(events))]
    dice.shuffle(events)
    return History(events, log)


def _patient(
    known: Mapping[str, Webhook], log: list[dict[str, Any]], dice: random.Random, number: int
) -> list[tuple[str, bytes]]:
    who, phone = f"p{number}", f"55{dice.randrange(10_000_000, 100_000_000)}"
    facts = {"nombre_lead": f"Paciente {number}", "apellido_lead": "Ruiz", "whatsapp": f"+52{phone}"}
    found = [recorded(known, "manychat.contact", contact(who, "2026-03-01T08:00:00Z", **facts))]
    for hour in (10, 12, 14):
        stage = dice.randrange(16, 27)
        found.append(recorded(known, "manychat.opportunity", opportunity(who, stage, f"2026-03-01T{hour}:00:00Z")))
    whom = {"manychat_id": who, "at": "2026-03-01T14:00:05Z"}
    log.append({"effect": "odoo.opportunity", "fields": {"stage": stage}} | whom)
    log.append({"effect": "odoo.contact", "fields": {"phone": f"+52{phone}"}} | whom)
    return found


def _lead(known: Mapping[str, Webhook], log: Log, dice: random.Random, number: int, start: datetime) -> Events:
    email, phone = f"lead{number}@example.com", f"55{dice.randrange(10_000_000, 100_000_000)}"
    form = payload("lead.form", "form", nombre=f"Luz {number}", email=email, telefono=phone)
    found = [recorded(known, "lead.form", form)]
    reached = {"email": {"email": email}, "voice": {"phone": f"+52{phone}"}, "whatsapp": {"phone": f"+52{phone}"}}
    at = start.isoformat()
    log.append({"effect": "kommo.lead", "email": email, "at": at, "fields": {"company": "Acme"}})
    log.append({"effect": "email", "name": "lead_welcome", "at": at} | reached["email"])
    log.append({"effect": "voice", "at": at} | reached["voice"])
    if number % 4 == 0:
        paid = stripe.intent(f"pi_{number}", receipt_email=email, customer=f"cus_{number}")
        found.append(recorded(known, "stripe.event", stripe.event("payment_intent.succeeded", paid, number=f"p{number}")))
    else:
        later = (start + timedelta(days=3)).isoformat()
        log.append({"effect": "whatsapp", "name": "lead_day_3", "at": later} | reached["whatsapp"])
    return found
