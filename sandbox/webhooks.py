"""The webhooks that vendors send to the app: each is kept with what became of it, and can be sent again."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiohttp import web

from sandbox.vendor import Card, Column, Reply, Vendor, Webhook

KEEP = 2_000
WAIT_SECONDS = 15.0
SHOWN = 12
_HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(kw_only=True)
class Delivery:
    """One webhook and its tries. `status` is what the app answered last, None when it could not be reached."""

    id: int
    vendor: Vendor
    webhook: Webhook
    made_at: datetime
    state: str = "waiting"
    tries: int = 0
    status: int | None = None
    error: str = ""

    def shown(self) -> dict[str, Any]:
        """As JSON; the body as text, without the signature."""
        return {
            "id": self.id,
            "vendor": self.vendor.name,
            "what": self.webhook.what,
            "about": self.webhook.about,
            "url": self.webhook.url,
            "body": self.webhook.body.decode("utf-8", "replace"),
            "made_at": self.made_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "state": self.state,
            "tries": self.tries,
            "status": self.status,
            "error": self.error,
        }

    def card(self) -> Card:
        """For the board."""
        said = self.error or (f"{self.status}" if self.status else "not tried yet")
        times = f"{self.tries} tries" if self.tries > 1 else ""
        lines = (f"{self.made_at:%H:%M:%S}", said, times)
        return Card(id=f"webhook-{self.id}", title=self.webhook.what, lines=tuple(line for line in lines if line))


@dataclass
class Webhooks:
    """Delivers what vendors hand over, each try once: whoever wants another asks for it."""

    changed: Callable[[], None]
    revision: int = 0
    _kept: deque[Delivery] = field(default_factory=lambda: deque(maxlen=KEEP))
    _last_id: int = 0
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None

    def add(self, vendor: Vendor, webhook: Webhook) -> Delivery:
        """Take a webhook and have it delivered when its time has come."""
        self._last_id += 1
        delivery = Delivery(id=self._last_id, vendor=vendor, webhook=webhook, made_at=datetime.now(UTC))
        self._kept.append(delivery)
        self._start(delivery, webhook.after_seconds)
        return delivery

    def again(self, delivery: Delivery) -> None:
        """Send it once more, whatever became of it before; harmless while it is on its way."""
        self._start(delivery, 0.0)

    def since(self, number: int = 0, *, vendor: str | None = None, state: str | None = None) -> list[Delivery]:
        """Those after the one with this number, oldest first."""
        return [
            each
            for each in self._kept
            if each.id > number and vendor in (None, each.vendor.name) and state in (None, each.state)
        ]

    @property
    def last_id(self) -> int:
        """The number of the newest."""
        return self._last_id

    def find(self, number: int) -> Delivery | None:
        """The one with this number, if it is still kept."""
        return next((each for each in self._kept if each.id == number), None)

    async def tried(self, deliveries: list[Delivery]) -> None:
        """Wait until each of them that is due at once has been tried."""
        due = [self._tasks[each.id] for each in deliveries if each.id in self._tasks and not each.webhook.after_seconds]
        if due:
            await asyncio.wait(due)

    def columns(self, vendor: Vendor) -> list[Column]:
        """What of the vendor's webhooks a person sees: those that need a look, and those that arrived."""
        mine = self.since(vendor=vendor.name)[::-1]
        if not mine:
            return []
        arrived = [each for each in mine if each.state == "delivered"]
        others = [each for each in mine if each.state != "delivered"]
        named = ((-1, "Webhooks not delivered", others), (-2, "Webhooks delivered", arrived))
        return [
            Column(id=number, title=title, total=len(found), cards=tuple(each.card() for each in found[:SHOWN]))
            for number, title, found in named
        ]

    def reset(self) -> None:
        """Forget all of them, also those on their way. Numbers go on."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._kept.clear()
        self._news()

    async def while_running(self, _app: web.Application) -> AsyncIterator[None]:
        """Hold the connections while the server runs."""
        timeout = aiohttp.ClientTimeout(total=WAIT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as self._session:
            yield
            tasks = list(self._tasks.values())
            self.reset()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
        self._session = None

    def _news(self) -> None:
        self.revision += 1
        self.changed()

    def _start(self, delivery: Delivery, after_seconds: float) -> None:
        if self._session is None or delivery.id in self._tasks:
            return
        delivery.state = "waiting"
        self._tasks[delivery.id] = asyncio.create_task(self._try(self._session, delivery, after_seconds))
        self._news()

    async def _try(self, session: aiohttp.ClientSession, delivery: Delivery, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        reply, delivery.error = await _posted(session, delivery)
        delivery.tries += 1
        delivery.status = reply.status
        # As vendors count it: a redirect is not followed, and is no delivery.
        good = reply.status is not None and 200 <= reply.status < 300  # noqa: PLR2004  # the good answers of HTTP
        delivery.state = "delivered" if good else "failed"
        self._tasks.pop(delivery.id, None)
        delivery.vendor.heard(delivery.webhook, reply)
        self._news()


async def _posted(session: aiohttp.ClientSession, delivery: Delivery) -> tuple[Reply, str]:
    webhook = delivery.webhook
    headers = {"Content-Type": webhook.content_type, **webhook.headers, **delivery.vendor.signature(webhook)}
    url = address(webhook.url, delivery.vendor.config.app_url)
    try:
        async with session.post(url, data=webhook.body, headers=headers, allow_redirects=False) as response:
            return Reply(status=response.status, body=await response.read()), ""
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Reply(status=None), str(error) or type(error).__name__


def address(url: str, app_url: str) -> str:
    """Where a webhook for `url` goes on this machine: a path, and any other host, stand for the app."""
    parts = urlsplit(url)
    if parts.hostname in _HERE:
        return url
    return app_url.rstrip("/") + urlunsplit(("", "", parts.path, parts.query, ""))


def sender(webhooks: Webhooks, vendor: Vendor) -> Callable[[Webhook], Delivery]:
    """What a vendor hands its webhooks to."""
    return lambda webhook: webhooks.add(vendor, webhook)


def listed(deliveries: list[Delivery]) -> list[Mapping[str, Any]]:
    """As JSON."""
    return [each.shown() for each in deliveries]
