"""The sandbox's web server: every vendor on its prefixes, the controls under `/_sandbox`, the page at `/`."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from sandbox import control
from sandbox.config import Config
from sandbox.faults import Fault, FaultBox
from sandbox.inbox import add_inbox
from sandbox.page import add_page
from sandbox.recorder import Recorder
from sandbox.smtp import mail_server
from sandbox.state import Snapshot
from sandbox.vendor import Answer, Call, Vendor
from sandbox.vendors import makers
from sandbox.webhooks import Manner, Webhooks, sender

MAX_BODY_BYTES = 64 * 1024 * 1024
GARBAGE = (
    b"<!DOCTYPE html>\n<html><head><title>One moment, please</title></head><body><h1>One moment, please</h1></body></html>\n"
)
HTML = "text/html; charset=utf-8"


@dataclass
class Sandbox:
    """All that the sandbox remembers."""

    vendors: dict[str, Vendor]
    latency_seconds: float = 0.0
    snapshot: Snapshot | None = None
    recorder: Recorder = field(default_factory=Recorder)
    faults: dict[str, FaultBox] = field(default_factory=dict)
    webhook_manner: Manner = field(default_factory=Manner)
    webhooks: Webhooks = field(init=False)
    config: Config = field(default_factory=Config)
    smtp_port: int | None = None
    """Where the mail server listens: None for none, 0 for a free one until it has started."""

    def __post_init__(self) -> None:
        self.faults = {name: FaultBox() for name in self.vendors}
        self.webhooks = Webhooks(self.touch, usual=self.webhook_manner)
        for vendor in self.vendors.values():
            vendor.courier = sender(self.webhooks, vendor)

    def configure(self, config: Config) -> None:
        """Tell every vendor where the app and the sandbox are."""
        self.config = config
        for vendor in self.vendors.values():
            vendor.config = config

    def touch(self) -> None:
        """Say that records may have changed."""
        if self.snapshot:
            self.snapshot.touch()

    async def take_mails(self, _app: web.Application) -> AsyncIterator[None]:
        """Listen for SMTP while the server runs, if that is wanted."""
        if self.smtp_port is None:
            yield
            return
        vendor = self.vendors["smtp"]
        async with mail_server(self.smtp_port, lambda call: self.serve(vendor, call)) as self.smtp_port:
            yield

    async def serve(self, vendor: Vendor, call: Call, prefix: str = "") -> Answer | None:
        """Answer a call that came in below `prefix`, under the fault it meets; None means: cut the connection."""
        at, started = datetime.now(UTC), time.perf_counter()
        what = vendor.what(call)
        fault = self.faults[vendor.name].draw(what)
        await asyncio.sleep(self.latency_seconds)
        answer, outcome = await self._under(fault, vendor, call)
        self.recorder.add(
            vendor=vendor.name,
            what=what,
            method=call.method,
            path=prefix + vendor.shown_path(call),
            headers=dict(call.headers),
            body=call.body,
            at=at,
            status=answer.status if answer else None,
            outcome=outcome,
            fault=None if fault.mode == "none" else fault.mode,
            ms=(time.perf_counter() - started) * 1000,
        )
        self.touch()
        return answer

    async def _under(self, fault: Fault, vendor: Vendor, call: Call) -> tuple[Answer | None, str]:
        """The answer, and the outcome to record: of a call that was cut after the work, that of the work."""
        match fault.mode:
            case "none":
                answer = vendor.answer(call)
            case "slow":
                await asyncio.sleep(fault.seconds)
                answer = vendor.answer(call)
            case "accept_then_drop":
                return None, f"{vendor.answer(call).outcome}, answer dropped"
            case "down":
                if fault.status is None:
                    return None, "down"
                answer = Answer(status=fault.status, body=GARBAGE, content_type=HTML, outcome="down")
            case "flaky":
                if self.faults[vendor.name].cuts():
                    return None, "cut"
                answer = Answer(status=503, body=b"Service Unavailable", content_type="text/plain", outcome="unavailable")
            case _:
                answer = _refused(fault, call) or vendor.fail(fault.mode, call)
        return answer, answer.outcome


def _refused(fault: Fault, call: Call) -> Answer | None:
    """The answer under a shared fault that needs nothing of the vendor; None for another."""
    match fault.mode:
        case "rate_limited":
            headers = {"Retry-After": f"{fault.seconds:g}"}
            return Answer(status=429, body=b"Too Many Requests", content_type="text/plain", headers=headers, outcome="limited")
        case "garbage":
            return Answer(body=GARBAGE, content_type=HTML, outcome="garbage")
        case "moved":
            headers = {"Location": f"http://127.0.0.1/moved{call.path}"}
            return Answer(status=301, content_type=HTML, headers=headers, outcome="moved")
    return None


SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox", Sandbox)


def create_app(
    *,
    latency_seconds: float = 0.0,
    snapshot: Snapshot | None = None,
    config: Config | None = None,
    webhook_manner: Manner | None = None,
    smtp_port: int | None = None,
) -> web.Application:
    """The whole sandbox as an aiohttp application. With a snapshot it continues with what was saved there.

    With an `smtp_port` (0 for a free one) it takes mails by SMTP as well.
    """
    vendors = {vendor.name: vendor for vendor in (make() for make in makers())}
    manner = webhook_manner or Manner()
    sandbox = Sandbox(vendors, latency_seconds, snapshot, webhook_manner=manner, smtp_port=smtp_port)
    sandbox.configure(config or Config())
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[SANDBOX] = sandbox
    if snapshot:
        snapshot.attach(app, vendors)
    app.cleanup_ctx.append(sandbox.webhooks.while_running)
    app.cleanup_ctx.append(sandbox.take_mails)
    control.add_routes(app, sandbox)
    add_inbox(app, sandbox)
    add_page(app)
    for vendor in vendors.values():
        for prefix in vendor.prefixes:
            for route in vendor.routes:
                app.router.add_route("*", prefix + route, _handler(sandbox, vendor, prefix))
    return app


def _handler(sandbox: Sandbox, vendor: Vendor, prefix: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        call = Call(
            method=request.method,
            path=request.path.removeprefix(prefix),
            headers=request.headers,
            query=request.query,
            body=await request.read(),
        )
        answer = await sandbox.serve(vendor, call, prefix)
        if answer is None:
            return _cut(request)
        headers = {"Content-Type": answer.content_type, **answer.headers}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    return handle


def _cut(request: web.Request) -> web.StreamResponse:
    """Close the connection without a word, as a server that dies does; the client sees it reset."""
    if request.transport is not None:
        request.transport.abort()
    # Nothing of this is sent: the connection is gone. aiohttp wants a response all the same.
    return web.Response(status=500)
