"""A Workspace of Google's and a tenant of Microsoft's behind our own clients, and what their notices bring to us."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import pytest

from functions.meetings import triggers
from functions.meetings.calendars import GOOGLE, OUTLOOK
from sandbox.google import Google
from sandbox.microsoft import Microsoft
from sandbox.vendor import Reply, Webhook
from shared import clock
from shared.settings import get_settings
from shared.vendors import rest_client
from shared.vendors.connection import Connection
from tests.support import loops
from tests.support.meetings import Desk
from tests.support.messages import PostOffice
from tests.support.sandbox import APP, SandboxAdapter, Wire, wired
from tests.support.world import Out, World

HOST = "http://127.0.0.1:7072"
JUAN, MARIA, PEDRO = "juan@empresa.example", "maria@empresa.example", "pedro@empresa.example"
STRANGER = "ana@otra.example"
AT_NINE = datetime(2026, 3, 3, 15, tzinfo=UTC)  # of Tuesday, in Mexico City


class Office(Desk):
    """People with calendars, and what they do in them."""

    def __init__(self, name: str, world: World, post: PostOffice, test_clock: clock.TestClock) -> None:
        super().__init__(world, post, test_clock)
        self.name = name
        self.vendor: Any
        self.calls: SandboxAdapter
        self.wire: Wire
        self.vendor, self.calls, self.wire = wired(Google() if name == "google" else Microsoft())
        self.wire.app = self.take

    def ask(self, status: int = 202, **more: Any) -> Any:
        """Ask for a meeting of people with calendars."""
        return super().ask(status, **{"organizer_email": JUAN, "attendees": [MARIA]} | more)

    def busy(self, who: str, start: datetime, minutes: int = 60) -> None:
        """Somebody is busy then."""
        self.vendor.act(
            "busy", {"email": who, "start": start.isoformat(), "end": (start + timedelta(minutes=minutes)).isoformat()}
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event, also those that were deleted (Google)."""
        found: list[dict[str, Any]] = self.vendor.shelf.rows("events")
        return found

    @property
    def event(self) -> dict[str, Any]:
        """The only one."""
        (found,) = self.events
        return found

    def start_of(self, event: dict[str, Any]) -> datetime:
        """When an event begins."""
        moment = datetime.fromisoformat(event["start"]["dateTime"].partition(".")[0])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def guests(self) -> list[str]:
        """Who is invited to the event."""
        return sorted(one.get("email") or one["emailAddress"]["address"] for one in self.event["attendees"])

    def invitations(self) -> int:
        """How many times the calendar has told the attendees something."""
        return len(self.event["told"] if self.name == "google" else self.event["invited"])

    def by_hand(self, action: str, **more: Any) -> None:
        """Somebody does something in the calendar itself."""
        self.vendor.act(action, {"id": self.event["id"], **more})

    def receive(self, **how: Any) -> int:
        """The calendar's notices reach us, and what follows from them is done."""
        count = self.wire.deliver(**how)
        self.settle()
        return count

    def take(self, webhook: Webhook, headers: dict[str, str]) -> Reply:
        parts = urlsplit(webhook.url)
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        sent = {name.lower(): value for name, value in headers.items()}
        request = func.HttpRequest(method="POST", url=webhook.url, headers=sent, params=params, body=webhook.body)
        take = triggers.GOOGLE.accept if parts.path.endswith("/google") else triggers.take_outlook
        out = Out()
        answer = loops.run(take(request, out))
        if out.value is not None:
            self.world.storage.send(triggers.GOOGLE.queue, out.value)
        return Reply(status=answer.status_code, body=answer.get_body())


def install(name: str, world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, post: PostOffice) -> Office:
    """The office, set up."""
    office = Office(name, world, post, test_clock)
    for setting, value in office.vendor.connection.items():
        if setting.isupper():
            environment.setenv(setting, f"{HOST}{value}" if value.startswith("/") else value)
    environment.setenv("MEETINGS_CALENDAR", name)
    environment.setenv("PUBLIC_BASE_URL", APP)
    get_settings.cache_clear()
    real, made = rest_client.RestClient.connected, {}

    def connected(self: rest_client.RestClient, *more: Any, **named_more: Any) -> Connection:
        if self not in (GOOGLE, OUTLOOK):
            return real(self, *more, **named_more)
        if self.name not in made:
            settings = get_settings()
            known = {one: rest_client.secret(settings, one) for one in self.credentials.settings} if self.credentials else {}
            address = rest_client.secret(settings, self.address)
            made[self.name] = self.connect(address, adapter=office.calls, known_as=known)
        return made[self.name]

    environment.setattr(rest_client.RestClient, "connected", connected)
    return office
