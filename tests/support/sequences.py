"""The campaign driven by hand: its webhooks, the sandbox's Notion, mails and alerts that are noted, and time that passes."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import azure.functions as func
import pytest
from sqlalchemy import select

from functions.christmas import notion_sync
from functions.christmas.tables import MailSequence, SequenceContact
from shared import clock
from shared.intake.endpoint import EVENTS_QUEUE
from shared.journeys import outcomes
from shared.outbox import actions, dispatch
from shared.outbox.dispatch import free_expired
from shared.outbox.execute import drain
from shared.settings import get_settings
from shared.store.session import reading, transact
from shared.vendors import discord
from shared.vendors.notion import Notion
from tests.support import journeys, loops
from tests.support import notion as notion_in_hand
from tests.support.functions import named
from tests.support.notion import NotionInHand
from tests.support.payloads import payload
from tests.support.world import LOCAL_KEY, Out, World

MONDAY = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 11:00 in Mexico
SLOWER = ("discord", notion_sync.TARGET)
SIGNING_KEY = "calendly-signing-key"
SETTINGS = journeys.SETTINGS | {
    **notion_in_hand.SETTINGS,
    "DISCORD_WEBHOOK_URL": "https://discord.invalid/api/webhooks/1/t0ken",
    "CALENDLY_SIGNING_KEYS": SIGNING_KEY,
    "CAMPAIGN_VARIABLES": '{"calendly_link": "https://calendly.example/cita", "portal_url": "https://portal.example"}',
}


@dataclass
class Campaign:
    """The campaign's handlers, and everything outside that they reach."""

    world: World
    clock: clock.TestClock
    post: journeys.Post
    notion: NotionInHand
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
        answer = loops.run(christmas.accept(request, out))
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
            due = journeys.next_delivery(*journeys.CARRIERS, *SLOWER) or end
            self.clock.moment = min(end, max(due, self.clock.moment + journeys.AT_LEAST))
            self.settle()

    def settle(self) -> None:
        """Carry out what is due now, Notion after the mails."""
        free_expired()
        journeys.dispatch()
        transact(outcomes.sweep)
        dispatch.requeue_lost()
        for target in SLOWER:
            drain(target)

    def sequences(self) -> list[MailSequence]:
        """All sequences, oldest first."""
        with reading() as session:
            return list(session.scalars(select(MailSequence).order_by(MailSequence.id)))

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


@contextmanager
def campaign(
    world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, sandbox: Mapping[str, str] | None = None
) -> Iterator[Campaign]:
    """The campaign on a Monday morning in Mexico, with nobody in it. `sandbox`: settings of real clients instead."""
    for name, value in (SETTINGS | dict(sandbox or {})).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = MONDAY
    notion, alerts = NotionInHand(), []
    client = notion.client()

    def posted(_self: Any, content: str = "", embed: Any = None) -> str:
        alerts.append((content, embed))
        return f"m{len(alerts)}"

    if sandbox is None:
        environment.setattr(Notion, "from_settings", staticmethod(lambda _settings: client))
        environment.setattr(discord.Discord, "post", posted)
    world.handlers[EVENTS_QUEUE] = named("events_handler")
    for target in SLOWER:
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
    return payload("christmas.assessment", "assessment", **more)


def noshow(**more: Any) -> dict[str, Any]:
    """Ana did not come."""
    return payload("christmas.noshow", "noshow", **more)


def postcall(**more: Any) -> dict[str, Any]:
    """Ana said maybe."""
    return payload("christmas.postcall", "postcall", **more)


def onboarding(**more: Any) -> dict[str, Any]:
    """Ana has paid."""
    return payload("christmas.onboarding", "onboarding", **more)


def invitee(number: str = "1", **more: Any) -> dict[str, Any]:
    """Ana in a meeting of Calendly's, in three days."""
    uri = f"https://api.calendly.com/scheduled_events/ev-{quote(number)}"
    start = MONDAY + timedelta(days=3)
    sent = payload("calendly.invitee", "invitee.created")["payload"]
    meeting = sent["scheduled_event"] | {"uri": uri, "start_time": start.isoformat()}
    return sent | {"uri": f"{uri}/invitees/inv-{number}", "event": uri, "scheduled_event": meeting} | more


__all__: Sequence[str] = [
    "Campaign",
    "assessment",
    "campaign",
    "invitee",
    "noshow",
    "onboarding",
    "postcall",
    "signed",
]
