"""The campaign driven by hand: its webhooks, a pretended Notion and Discord, mails that are noted, and time that passes."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import azure.functions as func
import pytest
from sqlalchemy import func as sql
from sqlalchemy import select

from functions.christmas import notion_facts, notion_pages, notion_sync
from functions.christmas.tables import Sequence as Row
from functions.christmas.tables import SequenceContact
from shared import clock
from shared.errors import PermanentError, PuenteError
from shared.intake.endpoint import EVENTS_QUEUE
from shared.journeys import outcomes
from shared.outbox import actions, dispatch
from shared.outbox.dispatch import free_expired
from shared.outbox.execute import drain
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import get_engine, reading, transact
from shared.vendors import discord
from shared.vendors.notion import Notion
from tests.support import journeys
from tests.support.functions import named
from tests.support.world import LOCAL_KEY, Out, World

MONDAY = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 11:00 in Mexico
SIGNING_KEY = "calendly-signing-key"
SETTINGS = journeys.SETTINGS | {
    "NOTION_TOKEN": "secret",
    "NOTION_CONTACTS_DB_ID": "contacts",
    "NOTION_EMAIL_SEQUENCE_DB_ID": "sequences",
    "DISCORD_WEBHOOK_URL": "https://discord.invalid/api/webhooks/1/t0ken",
    "CALENDLY_SIGNING_KEYS": SIGNING_KEY,
    "CAMPAIGN_VARIABLES": '{"calendly_link": "https://calendly.example/cita", "portal_url": "https://portal.example"}',
}
_TYPES = {
    "email": "email",
    "Email": "email",
    "first_name": "title",
    "First Name": "title",
    "Unsubscribed": "checkbox",
    "Assessment Score": "number",
    "Sequence Completed": "date",
    "Last Email Sent": "number",
    "Payment Amount": "number",
    "Objections": "multi_select",
    "Calendly Event URI": "url",
}


def schema(names: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """A database as the replaced system's users have it, with a property for each fact."""
    return {name: {"type": _type(name)} for name in names.values()}


def _type(name: str) -> str:
    if name in _TYPES:
        return _TYPES[name]
    if name.endswith((" Systems",)):
        return "number"
    if name.endswith((" Sent", " At", " Date", " Time", " Created")) or name == "Assessment Completed":
        return "date"
    is_choice = name.endswith((" Status", " Type", " By", "Segment", "Campaign"))
    return "select" if is_choice else "rich_text"


@dataclass
class FakeNotion:
    """Stands where Notion's client would. Pages are plain values by property; `failures` come after or before the effect."""

    databases: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {"contacts": schema(notion_facts.CONTACT), "sequences": schema(notion_facts.SEQUENCE)}
    )
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    of: dict[str, str] = field(default_factory=dict)
    trash: set[str] = field(default_factory=set)
    calls: list[tuple[str, datetime]] = field(default_factory=list)
    before: list[PuenteError | None] = field(default_factory=list)
    after: list[PuenteError | None] = field(default_factory=list)

    def properties(self, database_id: str) -> dict[str, dict[str, Any]]:
        self._begin("properties")
        return {name: dict(of) for name, of in self.databases[database_id].items()}

    def query(self, database_id: str, where: Any = None, *, sorts: Any = (), limit: int | None = None) -> list[Any]:
        self._begin("query")
        kind = next(key for key in where if key != "property")
        wanted, name = where[kind]["equals"], where["property"]
        assert self.databases[database_id][name]["type"] == kind, "Notion refuses a filter of another type"
        found = [page for page in self.pages if self.of[page] == database_id and page not in self.trash]
        return [self._shown(page) for page in found if self.pages[page].get(name) == wanted][:limit]

    def create_page(self, database_id: str, properties: Mapping[str, Any]) -> Any:
        self._begin("create")
        page = f"page-{len(self.pages) + 1}"
        self._checked(database_id, properties)
        self.of[page], self.pages[page] = database_id, {}
        self._set(page, properties)
        self._end()
        return self._shown(page)

    def update_page(self, page_id: str, properties: Mapping[str, Any]) -> Any:
        self._begin("update")
        if page_id not in self.pages:
            raise PermanentError("notion-not-found", "no such page")
        if page_id in self.trash:
            raise PermanentError("notion-validation-error", "archived")
        self._checked(self.of[page_id], properties)
        self._set(page_id, properties)
        self._end()
        return self._shown(page_id)

    def page(self, page_id: str) -> Any:
        self._begin("page")
        if page_id not in self.pages:
            raise PermanentError("notion-not-found", "no such page")
        return self._shown(page_id) | {"in_trash": page_id in self.trash}

    def rows(self, database: str) -> list[dict[str, Any]]:
        """What the pages of a database say, oldest first, those in the trash left out."""
        return [page for key, page in self.pages.items() if self.of[key] == database and key not in self.trash]

    def _begin(self, what: str) -> None:
        assert not get_engine().pool.checkedout(), "Notion is called while a transaction is open (law 4)"
        self.calls.append((what, clock.now()))
        if self.before and (error := self.before.pop(0)):
            raise error

    def _end(self) -> None:
        if self.after and (error := self.after.pop(0)):
            raise error

    def _checked(self, database: str, properties: Mapping[str, Any]) -> None:
        known = self.databases[database]
        for name, value in properties.items():
            if name not in known or known[name]["type"] not in value:
                raise PermanentError("notion-validation-error", f"{name} is not a property that exists")

    def _set(self, page: str, properties: Mapping[str, Any]) -> None:
        for name, value in properties.items():
            self.pages[page][name] = _plain(value)

    def _shown(self, page: str) -> dict[str, Any]:
        types = self.databases[self.of[page]]
        said = {name: _full(value, types[name]["type"]) for name, value in self.pages[page].items() if name in types}
        return {"id": page, "properties": said}


def _plain(value: Mapping[str, Any]) -> Any:
    kind, content = next(iter(value.items()))
    if kind in ("title", "rich_text"):
        return "".join(piece["text"]["content"] for piece in content)
    if kind in ("select", "status"):
        return content["name"] if content else None
    if kind == "multi_select":
        return [one["name"] for one in content]
    return content["start"] if kind == "date" and content else content


def _full(value: Any, kind: str) -> dict[str, Any]:
    if kind in ("title", "rich_text"):
        return {"type": kind, kind: [{"plain_text": value}]}
    if kind in ("select", "status"):
        return {"type": kind, kind: {"name": value} if value else None}
    return {"type": kind, kind: {"start": value} if kind == "date" and value else value}


@dataclass
class Campaign:
    """The campaign's handlers, and everything outside that they reach."""

    world: World
    clock: clock.TestClock
    post: journeys.Post
    notion: FakeNotion
    alerts: list[tuple[str, Any]]

    def send(
        self,
        handler: str,
        payload: Any,
        *,
        key: str | None = LOCAL_KEY,
        headers: Mapping[str, str] | None = None,
        path: str = "",
    ) -> func.HttpResponse:
        """Post a body to a handler; what it accepts is on the queue. `path` is what follows the handler's name."""
        from functions.christmas import triggers as christmas

        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = {"content-type": "application/json"} | ({"x-api-key": key} if key else {}) | dict(headers or {})
        params = {"handler": handler} | ({"key": path} if path else {})
        url = f"http://localhost/api/v1/christmas/{handler}"
        request = func.HttpRequest(method="POST", url=url, headers=sent, route_params=params, body=body)
        out = Out()
        answer = asyncio.run(christmas.accept(request, out))
        if out.value is not None:
            self.world.storage.send(EVENTS_QUEUE, out.value)
        return answer

    def take(self, handler: str, payload: Any, **more: Any) -> None:
        """Post a body, see it accepted, and handle it."""
        answer = self.send(handler, payload, **more)
        assert answer.status_code == 202, answer.get_body()
        self.world.run()

    def take_quietly(self, handler: str, payload: Any) -> None:
        """Post a body and handle it, and let nothing be carried out yet."""
        assert self.send(handler, payload).status_code == 202
        while self.world.step(EVENTS_QUEUE):
            pass

    def calendly(self, name: str, at: datetime | None = None, /, **invitee: Any) -> None:
        """Post a webhook as Calendly signs it, and handle it."""
        moment = at or self.clock.moment
        body = json.dumps({"event": name, "created_at": moment.isoformat(), "payload": invitee}).encode()
        self.take("noshow-recovery-handler", body, key=None, headers=signed(body, self.clock.moment))

    def run(self, **delta: float) -> None:
        """Let time pass from one due time to the next, and carry out what becomes due."""
        end = self.clock.moment + timedelta(**delta)
        self.settle()
        while self.clock.moment < end:
            self.clock.moment = min(end, max(_next_due() or end, self.clock.moment + timedelta(minutes=1)))
            self.settle()

    def settle(self) -> None:
        """Carry out what is due now, Notion after the mails."""
        free_expired()
        journeys.dispatch()
        transact(outcomes.sweep)
        dispatch.requeue_lost()
        for target in ("discord", notion_sync.TARGET):
            drain(target)

    def sequences(self) -> list[Row]:
        """All sequences, oldest first."""
        with reading() as session:
            return list(session.scalars(select(Row).order_by(Row.id)))

    def contact(self, email: str = "ana@example.com") -> SequenceContact:
        """A person."""
        with reading() as session:
            return session.scalars(select(SequenceContact).where(SequenceContact.email == email)).one()

    def outcomes(self) -> list[str]:
        """What came of each event, in order."""
        from shared.store.models import InboxEvent

        with reading() as session:
            return list(session.scalars(select(InboxEvent.outcome).order_by(InboxEvent.id)))

    def steps(self) -> list[str]:
        """The steps whose mails went out, in order."""
        return self.post.steps()


def _next_due() -> datetime | None:
    with reading() as session:
        return session.scalar(select(sql.min(Delivery.due_at)).where(Delivery.state == "pending"))


@contextmanager
def campaign(
    world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, sandbox: Mapping[str, str] | None = None
) -> Iterator[Campaign]:
    """The campaign on a Monday morning in Mexico, with nobody in it. `sandbox`: settings of real clients instead."""
    for name, value in (SETTINGS | dict(sandbox or {})).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = MONDAY
    notion, alerts = FakeNotion(), []
    notion_pages.forget()

    def posted(_self: Any, content: str = "", embed: Any = None) -> str:
        alerts.append((content, embed))
        return f"m{len(alerts)}"

    if sandbox is None:
        environment.setattr(Notion, "from_settings", staticmethod(lambda _settings: notion))
        environment.setattr(discord.Discord, "post", posted)
    world.handlers[EVENTS_QUEUE] = named("events_handler")
    for target in ("discord", notion_sync.TARGET):
        world.handlers.pop(target, None)
    with journeys.post() as post:
        held = dict(actions._policies)
        yield Campaign(world, test_clock, post, notion, alerts)
        actions._policies.update(held)


def signed(body: bytes, at: datetime, key: str = SIGNING_KEY) -> dict[str, str]:
    """Calendly's signature of a body, written out again from its documentation."""
    stamp = int(at.timestamp())
    digest = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"calendly-webhook-signature": f"t={stamp},v1={digest}"}


def assessment(**more: Any) -> dict[str, Any]:
    """What the website sends when Ana has answered."""
    return {
        "email": "Ana@Example.com ",
        "first_name": "Ana",
        "business_name": "Salón Aurora",
        "red_systems": 1,
        "orange_systems": 2,
        "yellow_systems": 3,
        "green_systems": 2,
        "assessment_score": 55,
        "email_1_sent_at": MONDAY.isoformat(),
        "weakest_system_1": "Crew",
    } | more


def noshow(**more: Any) -> dict[str, Any]:
    """Ana did not come."""
    return {"email": "ana@example.com", "first_name": "Ana", "calendly_event_id": "ev-1"} | more


def postcall(**more: Any) -> dict[str, Any]:
    """Ana said maybe."""
    return {
        "email": "ana@example.com",
        "first_name": "Ana",
        "business_name": "Salón Aurora",
        "call_date": "2026-03-02T16:00:00Z",
    } | more


def onboarding(**more: Any) -> dict[str, Any]:
    """Ana has paid."""
    return {
        "email": "ana@example.com",
        "first_name": "Ana",
        "business_name": "Salón Aurora",
        "payment_status": "paid",
        "payment_date": "2026-03-02",
    } | more


def invitee(number: str = "1", **more: Any) -> dict[str, Any]:
    """Ana in a meeting of Calendly's, in three days."""
    uri = f"https://api.calendly.com/scheduled_events/ev-{quote(number)}"
    start = MONDAY + timedelta(days=3)
    return {
        "uri": f"{uri}/invitees/inv-{number}",
        "email": "ana@example.com",
        "name": "Ana Pérez",
        "event": uri,
        "rescheduled": False,
        "timezone": "America/Mexico_City",
        "scheduled_event": {"uri": uri, "name": "Diagnóstico", "start_time": start.isoformat()},
    } | more


__all__: Sequence[str] = [
    "Campaign",
    "FakeNotion",
    "assessment",
    "campaign",
    "invitee",
    "noshow",
    "onboarding",
    "postcall",
    "signed",
]
