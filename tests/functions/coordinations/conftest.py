"""Fixtures of coordinations: Flowable and the robots of the sandbox behind our clients, without a network."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import azure.functions as func
import pytest
from sqlalchemy import select

from functions.coordinations import triggers
from functions.coordinations.tables import Coordination
from sandbox.flowable import Flowable
from sandbox.robots import Robots
from sandbox.vendor import Reply, Webhook
from shared import clock
from shared.outbox import dispatch
from shared.settings import get_settings
from shared.store.models import ActionLog, Delivery
from shared.store.session import reading
from shared.vendors import rest_client
from shared.vendors.connection import Connection
from tests.support import loops
from tests.support.functions import named
from tests.support.payloads import payload
from tests.support.sandbox import HOST, SandboxAdapter, Wire, wired
from tests.support.world import LOCAL_KEY, Out, World
from tests.unit.web.calls import Answer, Api

KEYS = [
    {"name": "local", "key": LOCAL_KEY, "scopes": ["admin"]},
    {"name": "shop", "key": "key-of-shop", "scopes": ["webhook:coordinations"]},
    {"name": "bruno", "key": "key-of-bruno", "scopes": ["write", "read"]},
]


class Desk:
    """Where processes and robots are asked for, and what has become of them."""

    def __init__(self, world: World, flowable: SandboxAdapter, robots: SandboxAdapter, wire: Wire) -> None:
        self.world, self.flowable, self.robots, self.wire = world, flowable, robots, wire
        wire.app = self._answer

    @property
    def engine(self) -> Flowable:
        """The stand-in of Flowable."""
        assert isinstance(self.flowable.vendor, Flowable)
        return self.flowable.vendor

    @property
    def crew(self) -> Robots:
        """The stand-in of the robots."""
        assert isinstance(self.robots.vendor, Robots)
        return self.robots.vendor

    def ask(self, **more: Any) -> func.HttpResponse:
        """Ask for a process with its robot, and carry out what is due."""
        answer = self.world.post("coordinations", payload("coordinations.request", "order", **more))
        self.world.run()
        return answer

    def report(self, copies: int = 1) -> int:
        """Let the robots' reports arrive, and carry out what follows; how many there were."""
        count = self.wire.deliver(copies=copies)
        self.world.run()
        return count

    def pass_time(self, test_clock: clock.TestClock, **delta: float) -> None:
        """Let time pass, and the jobs of each minute run."""
        from functions.coordinations import watch

        test_clock.advance(**delta)
        watch.look()
        dispatch.free_expired()
        dispatch.dispatch_due()
        self.world.run()

    def api(self, method: str, path: str = "", key: str = "key-of-bruno", **more: Any) -> Answer:
        """The answer of the API."""
        return Api()(method, f"/api/v1/coordinations{path}", key=key, **more)

    @property
    def rows(self) -> Sequence[Coordination]:
        """All coordinations."""
        with reading() as session:
            return session.scalars(select(Coordination).order_by(Coordination.id)).all()

    @property
    def row(self) -> Coordination:
        """The only one."""
        (found,) = self.rows
        return found

    @property
    def processes(self) -> list[dict[str, Any]]:
        """Flowable's processes."""
        return self.engine.records("processes", {}, None)[0]

    @property
    def runs(self) -> list[dict[str, Any]]:
        """The robots' runs and work items."""
        return self.crew.records("runs", {}, None)[0]

    @property
    def alerts(self) -> list[str]:
        """What the operators were alerted of."""
        with reading() as session:
            return [row.payload["text"] for row in session.scalars(select(Delivery).where(Delivery.target == "alerts"))]

    @property
    def states(self) -> list[str]:
        """The states through which it went, by the action log."""
        with reading() as session:
            rows = session.scalars(select(ActionLog).where(ActionLog.action.like("coordination-%")).order_by(ActionLog.id))
            return [row.action.removeprefix("coordination-") for row in rows]

    def post_result(self, body: dict[str, Any], *, token: str = "", key: str | None = None) -> int:
        """Report a result by hand; the status of the answer."""
        headers = {"content-type": "application/json"} | ({"x-api-key": key} if key else {})
        raw = json.dumps(body).encode()
        request = func.HttpRequest(method="POST", url="/", headers=headers, params={"t": token} if token else {}, body=raw)
        out = Out()
        answer = loops.run(triggers.RESULT.accept(request, out))
        if out.value is not None:
            self.world.storage.send("events-queue", out.value)
        self.world.run()
        status: int = answer.status_code
        return status

    def _answer(self, webhook: Webhook, _headers: dict[str, str]) -> Reply:
        token = urlsplit(webhook.url).query.removeprefix("t=")
        return Reply(status=self.post_result(json.loads(webhook.body), token=token))


@pytest.fixture
def desk(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Desk:
    """A desk with everything set up; the process waits at a task for the robot."""
    flowable, robots = wired(Flowable()), wired(Robots())
    for vendor, _adapter, _wire in (flowable, robots):
        for name, value in vendor.connection.items():
            environment.setenv(name, HOST + value if value.startswith("/") else value)
    environment.setenv("LINK_SIGNING_SECRETS", "uno")
    environment.setenv("PUBLIC_BASE_URL", "https://puente.example")
    environment.setenv("ALERT_WEBHOOK_URL", "https://hooks.example/1")
    environment.setenv("API_KEYS", json.dumps(KEYS))
    get_settings.cache_clear()
    adapters = {"Flowable": flowable[1], "OpenRPA": robots[1], "OpenFlow": robots[1], "OpenFlow API": robots[1]}

    def connected(self: rest_client.RestClient, *_more: object, **_named: object) -> Connection:
        settings = get_settings()
        self.require(settings)
        key = rest_client.secret(settings, self.key) if self.key else ""
        return self.connect(rest_client.secret(settings, self.address), key, adapter=adapters[self.name])

    environment.setattr(rest_client.RestClient, "connected", connected)
    environment.setattr("shared.alerts._send", lambda _text: None)
    world.webhooks["coordinations"] = triggers.REQUEST
    world.handlers["events-queue"] = named("events_handler")
    return Desk(world, flowable[1], robots[1], robots[2])


def variables(desk: Desk) -> dict[str, Any]:
    """The variables of the only process."""
    (process,) = desk.processes
    return dict(process["variables"])


def setting(environment: pytest.MonkeyPatch, **values: str) -> None:
    """Set these settings."""
    for name, value in values.items():
        environment.setenv(name.upper(), value)
    get_settings.cache_clear()
