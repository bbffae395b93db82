"""Fixtures of onboarding: every outside system is its stand-in, behind our own clients and without a network."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from sqlalchemy import select

from functions.onboarding import services
from functions.onboarding.tables import Onboarding, OnboardingStep, OnboardingTask
from sandbox.google import Google
from sandbox.hris import SECRET, Hris
from sandbox.microsoft import Microsoft
from sandbox.okta import Okta
from sandbox.slack import Slack
from sandbox.teams import Teams
from sandbox.vendor import Call
from shared import clock
from shared.settings import get_settings
from shared.store.session import reading
from shared.vendors import rest_client
from shared.vendors.connection import Connection
from tests.support.functions import named
from tests.support.messages import CONFIGURED, PostOffice
from tests.support.sandbox import HOST, Exchange, wired
from tests.support.world import LOCAL_KEY, World
from tests.unit.web.calls import Answer, Api

SIGNED = Path(__file__).with_name("signed_contract.json")
"""What the system of the contracts sends to `POST /api/v1/onboarding`, which is no webhook: it is answered with the result."""

BEA = "bea@empresa.example"


@dataclass
class Faults:
    """Faults of stand-ins: the next calls of a name have that mode; `accept_then_drop` loses the answer."""

    waiting: list[tuple[str, str]] = field(default_factory=list)

    def take(self, what: str) -> str | None:
        """The mode for this call."""
        for number, (name, mode) in enumerate(self.waiting):
            if name == what:
                del self.waiting[number]
                return mode
        return None


class Company:
    """The HR system, IT and the employee; what is reported of contracts, and what we have kept."""

    def __init__(self, world: World, post: PostOffice, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> None:
        self.world, self.post, self.environment, self.clock = world, post, environment, test_clock
        self.api = Api()
        self.okta, self.microsoft, self.google = Okta(), Microsoft(), Google()
        self.hris, self.slack, self.teams = Hris(), Slack(), Teams()
        self.vendors = (self.okta, self.microsoft, self.google, self.hris, self.slack, self.teams)
        for vendor in self.vendors:
            wired(vendor)
        self.exchange = Exchange(*self.vendors)

    def set_up(self, **settings: str) -> None:
        """Settings from now on; an empty one is taken away."""
        for name, value in settings.items():
            self.environment.setenv(name, value)
        get_settings.cache_clear()
        rest_client.drop_connections()

    def sign(self, status: int = 202, **more: Any) -> dict[str, Any]:
        """A contract is reported, and all that is due is done; the answer."""
        answer = self.report(contract(**more))
        assert answer.status == status, answer.body
        self.world.run()
        return dict(answer.json)

    def report(self, body: Any, path: str = "", **headers: str) -> Answer:
        """A request of the HR system, signed unless it has headers of its own."""
        raw = json.dumps(body).encode()
        signed = headers or {"X-HR-Signature": hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()}
        key = signed.pop("key", None)
        return self.api(
            "POST", f"/api/v1/onboarding{path}", key=key, body=raw, headers={"content-type": "application/json", **signed}
        )

    def cancel(self, status: int = 202, **more: Any) -> dict[str, Any]:
        """A contract is cancelled, and all that is due is done; the answer."""
        answer = self.report({"email": BEA, **more}, "/cancellations")
        assert answer.status == status, answer.body
        self.world.run()
        return dict(answer.json)

    def ask(self, method: str, path: str = "", status: int = 200, body: Any = None, **query: Any) -> Any:
        """The answer of the API; what it has planned is done."""
        answer = self.api(method, f"/api/v1/onboarding{path}", key=LOCAL_KEY, body=body, **query)
        assert answer.status == status, answer.body
        self.world.run()
        return answer.json

    def go_to(self, day: str) -> None:
        """It is noon of that day in Mexico City, the five minutes' jobs have run, and all that is due is done."""
        from datetime import datetime

        self.clock.moment = datetime.fromisoformat(f"{day}T18:00:00+00:00")
        self.look()

    def look(self) -> None:
        """The job of every five minutes, the dispatcher, and what follows."""
        services.look()
        self.world.timers()
        self.world.run()

    def wait(self, **later: float) -> None:
        """Time passes, with the timers."""
        self.clock.advance(**later)
        self.look()

    @property
    def rows(self) -> list[Onboarding]:
        """All onboardings, in the order in which they were made."""
        with reading() as session:
            return list(session.scalars(select(Onboarding).order_by(Onboarding.id)))

    @property
    def row(self) -> Onboarding:
        """The only one."""
        (found,) = self.rows
        return found

    def steps(self, number: int | None = None) -> dict[str, OnboardingStep]:
        """The steps of an onboarding (the only one), by name."""
        wanted = number or self.row.id
        with reading() as session:
            query = select(OnboardingStep).where(OnboardingStep.onboarding_id == wanted).order_by(OnboardingStep.id)
            return {step.name: step for step in session.scalars(query)}

    def states(self, number: int | None = None) -> dict[str, str]:
        """How the steps stand."""
        return {name: step.state for name, step in self.steps(number).items()}

    @property
    def tasks(self) -> list[OnboardingTask]:
        """All tasks."""
        with reading() as session:
            return list(session.scalars(select(OnboardingTask).order_by(OnboardingTask.id)))

    @property
    def okta_users(self) -> list[dict[str, Any]]:
        """Okta's users."""
        return self.okta.shelf.rows("users")

    @property
    def accounts(self) -> list[dict[str, Any]]:
        """Workspace's accounts."""
        return self.google.shelf.rows("users")

    @property
    def events(self) -> list[dict[str, Any]]:
        """The calendars' events."""
        return self.google.shelf.rows("events")

    @property
    def reports(self) -> list[dict[str, Any]]:
        """What the HR system was told."""
        return self.hris.shelf.rows("reports")

    @property
    def notices(self) -> list[str]:
        """The first lines of what IT reads in Slack."""
        return [row["text"].partition("\n")[0] for row in self.slack.shelf.rows("messages")]


def contract(**more: Any) -> dict[str, Any]:
    """The contract of Beatriz, who begins on 11 January 2027 (it is 30 November 2026)."""
    signed: dict[str, Any] = json.loads(SIGNED.read_text(encoding="utf-8"))
    return signed | more


class Away(BaseAdapter):
    """Systems that have nothing to do with onboarding: none of them is there."""

    def send(self, request: requests.PreparedRequest, **_more: object) -> requests.Response:
        """No answer."""
        raise requests.ConnectionError(OSError(f"nobody is at {request.url}"))

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def company(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, faults: Faults) -> Iterator[Company]:
    """A company with Okta and Google Workspace, where everything is set up."""
    from datetime import UTC, datetime

    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    test_clock.moment = datetime(2026, 11, 30, 18, tzinfo=UTC)
    world.handlers["events-queue"] = named("events_handler")
    post = PostOffice()
    found = Company(world, post, environment, test_clock)
    settings = {
        name: HOST + value if value.startswith("/") else value
        for vendor in found.vendors
        if vendor is not found.microsoft
        for name, value in vendor.connection.items()
        if name.isupper()
    }
    original = rest_client.RestClient.connect

    def connect(self: rest_client.RestClient, address: str, *given: Any, **more: Any) -> Connection:
        adapter = found.exchange if address.startswith(HOST) else Away()
        return original(self, address, *given, **({**more, "adapter": adapter}))

    environment.setattr(rest_client.RestClient, "connect", connect)
    for prefix, adapter in found.exchange.adapters.items():
        _with_faults(environment, adapter, faults, prefix)
    found.set_up(**settings)
    with post.installed(environment):
        yield found
    rest_client.drop_connections()


@pytest.fixture
def faults() -> Faults:
    """No faults; a test adds some: `("okta POST users", "accept_then_drop")`."""
    return Faults()


def _with_faults(environment: pytest.MonkeyPatch, adapter: Any, faults: Faults, prefix: str) -> None:
    vendor = adapter.vendor
    answer = vendor.answer

    def answered(call: Call) -> Any:
        mode = faults.take(f"{prefix.strip('/')} {vendor.what(call)}")
        if mode is None:
            return answer(call)
        if mode == "accept_then_drop":
            adapter.lose_answers += 1
            return answer(call)
        return vendor.fail(mode, call)

    environment.setattr(vendor, "answer", answered)
