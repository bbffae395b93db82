"""The host: loads the app, starts what listens, reports when all of it runs, and stops it in order."""

import asyncio
import hashlib
import logging
import os
import re
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

from devhost.admin import Admin
from devhost.functions import Function, HttpTrigger, QueueTrigger, TimerTrigger, load_functions
from devhost.hostjson import HostOptions
from devhost.http import BODY_LIMIT_SETTING, HttpFront, Keys, body_limit
from devhost.invoker import Invoker
from devhost.locks import lock_times
from devhost.outputs import OutputWriter
from devhost.queues import LEASE_SECONDS, QueueListener
from devhost.settings import Settings, SettingsError
from devhost.storage import Account, Storage, open_session
from devhost.timers import TimerListener
from devhost.worker import Worker

logger = logging.getLogger("devhost")

DRAIN_SECONDS = 30
MAX_HEADER_BYTES = 32768
MAX_LINE_BYTES = 65536  # of method, path and query: an address that is too long gets the app's own answer
LAG_CHECK_SECONDS = 0.5
LAG_WARNING_SECONDS = 1.0


class PortError(RuntimeError):
    """The address cannot be listened on; the text says which."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to listen, and for which app."""

    app_dir: Path
    address: str
    port: int
    keys: Keys | None = None

    @property
    def base_url(self) -> str:
        """The root that is printed and reported."""
        return f"http://{self.address}:{self.port}"


class Host:
    """One running app. `start`, wait, `stop`."""

    def __init__(self, place: Place, settings: Settings, options: HostOptions) -> None:
        self.place, self.settings, self.options = place, settings, options
        self.state = "Starting"
        self.started_at = time.monotonic()
        self.lease_seconds = lease_seconds(settings)
        self.lock_times = lock_times(settings)
        self.host_id = host_id(settings, place.app_dir)
        self.worker = Worker(place.app_dir)
        self.functions: list[Function] = []
        self.queue_listeners: list[QueueListener] = []
        self.timers: dict[str, TimerListener] = {}
        self._listeners: list[QueueListener | TimerListener] = []
        self._storages: dict[Account, Storage] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> list[str]:
        """Load the app and start everything; the problems of functions that were left out come back as sentences.

        Raises IndexingError when the app cannot be loaded, and PortError when the port is taken.
        """
        self.functions, problems = load_functions(await self.worker.load(), self.settings, self.options)
        self.session: ClientSession = open_session()
        outputs = OutputWriter(self._storage, self._wake_listeners, use_base64=self.options.queues.base64)
        self.invoker = Invoker(self.worker, outputs)
        await self._open_http()
        self._start_listeners()
        self._tasks.append(asyncio.create_task(self._warn_of_blocking()))
        return problems

    async def wait_until_running(self) -> None:
        """Return once every listener has reached its queue or its status record; from then on the state is Running."""
        await asyncio.gather(*(listener.ready.wait() for listener in self._listeners))
        if self.state == "Starting":
            self.state = "Running"

    async def stop(self) -> bool:
        """Take no new work, let what runs end (30 s at most), close. False when something had to be left running."""
        self.state = "Stopping"
        for listener in self._listeners:
            listener.stop()
        self.server.close()
        self.web_server.pre_shutdown()
        deadline = time.monotonic() + DRAIN_SECONDS
        idle = await self.invoker.wait_until_idle(DRAIN_SECONDS)
        await self.web_server.shutdown(timeout=1)
        *work, lag = self._tasks
        lag.cancel()
        if work:
            _, left = await asyncio.wait(work, timeout=max(deadline - time.monotonic(), 1) if idle else 0.1)
            idle = idle and not left
        await self.session.close()
        self.worker.stop()
        return idle

    def status(self) -> Mapping[str, Any]:
        """What `/admin/host/status` says."""
        return {
            "id": self.host_id,
            "state": self.state,
            "version": "devhost",
            "processUptime": round((time.monotonic() - self.started_at) * 1000),
        }

    async def _open_http(self) -> None:
        prefix = self.options.route_prefix
        admin = Admin(
            self.functions,
            self.invoker,
            base_url=self.place.base_url + (f"/{prefix}" if prefix else ""),
            status=self.status,
            timers=self.timers,
        )
        limit = body_limit(self.settings.get(BODY_LIMIT_SETTING))
        front = HttpFront(
            self.functions,
            self.invoker,
            route_prefix=prefix,
            keys=self.place.keys,
            home_page=not self.settings.is_true("AzureWebJobsDisableHomepage"),
            admin=admin.handle,
            body_limit=limit,
        )
        loop = asyncio.get_running_loop()

        def request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
            return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=limit)

        self.web_server = web.Server(
            front.handle,
            request_factory=request,
            access_log=None,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            auto_decompress=False,
        )
        try:
            self.server = await loop.create_server(self.web_server, self.place.address, self.place.port, backlog=512)
        except OSError as error:
            await self.session.close()
            raise PortError(
                f"Cannot listen on {self.place.address}:{self.place.port} ({error.strerror or error}): "
                "choose another port with --port."
            ) from error

    def _start_listeners(self) -> None:
        """Start what is not disabled. Timers all exist, as each can be run by hand."""
        for function in self.functions:
            if isinstance(function.trigger, QueueTrigger) and not function.disabled:
                self.queue_listeners.append(self._queue_listener(function, function.trigger))
            elif isinstance(function.trigger, TimerTrigger):
                storage = self._storage(function.trigger.account)
                self.timers[function.name] = TimerListener(function, storage, self.invoker, self.host_id, self.lock_times)
        timers = [timer for timer in self.timers.values() if not timer.function.disabled]
        self._listeners = [*self.queue_listeners, *timers]
        self._tasks += [asyncio.create_task(listener.run()) for listener in self._listeners]

    def _queue_listener(self, function: Function, trigger: QueueTrigger) -> QueueListener:
        return QueueListener(
            function,
            self._storage(trigger.account),
            self.invoker,
            self.options.queues,
            lease_seconds=self.lease_seconds,
            enqueued=self._wake_listeners,
        )

    def _storage(self, account: Account) -> Storage:
        if account not in self._storages:
            self._storages[account] = Storage(self.session, account)
        return self._storages[account]

    def _wake_listeners(self, account: Account, queue: str) -> None:
        for listener in self.queue_listeners:
            if listener.queue == queue and listener.trigger.account == account:
                listener.wake()

    async def _warn_of_blocking(self) -> None:
        """Say when an async function has blocked the loop, which in Azure stalls every invocation of the worker process."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(LAG_CHECK_SECONDS)
            lag = time.monotonic() - before - LAG_CHECK_SECONDS
            if lag > LAG_WARNING_SECONDS:
                logger.warning("Everything stood still for %.1f s: an async function made a call that blocks", lag)


def lease_seconds(settings: Settings) -> int:
    """How long a received message stays hidden: the host's 600 s, or DEVHOST_QUEUE_LEASE_SECONDS. Raises SettingsError."""
    text = settings.get("DEVHOST_QUEUE_LEASE_SECONDS") or str(LEASE_SECONDS)
    if not text.isdecimal() or not 1 <= int(text) <= LEASE_SECONDS:
        raise SettingsError(f"DEVHOST_QUEUE_LEASE_SECONDS must be 1 to {LEASE_SECONDS}, not '{text}'.")
    return int(text)


def host_id(settings: Settings, app_dir: Path) -> str:
    """The id under which timers keep their status: the setting AzureFunctionsWebHost__hostid, or machine and folder."""
    configured = settings.get("AzureFunctionsWebHost__hostid")
    if configured:
        return configured.lower()
    machine = re.sub(r"[^a-z0-9]+", "", socket.gethostname().lower())[:20] or "host"
    return f"{machine}-{hashlib.sha256(os.fsencode(app_dir)).hexdigest()[:10]}"


def keys_from(settings: Settings) -> Keys:
    """The keys for --enable-auth: DEVHOST_FUNCTION_KEY and DEVHOST_MASTER_KEY, each made up when it is not set."""
    return Keys(
        function=settings.get("DEVHOST_FUNCTION_KEY") or secrets.token_urlsafe(24),
        master=settings.get("DEVHOST_MASTER_KEY") or secrets.token_urlsafe(24),
    )


def describe(function: Function, base_url: str) -> str:
    """One line of the table that is printed at the start."""
    trigger = function.trigger
    off = " (disabled)" if function.disabled else ""
    if isinstance(trigger, HttpTrigger):
        methods = ",".join(sorted(trigger.methods)) if trigger.methods else "any method"
        return f"{function.name}: [{methods}] {base_url}/{trigger.route}{off}"
    if isinstance(trigger, QueueTrigger):
        return f"{function.name}: queue {trigger.queue}{off}"
    return f"{function.name}: timer {trigger.expression} (UTC){off}"
