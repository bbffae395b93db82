"""The webhooks that vendors send to the app: each is kept with what became of it, and can be sent again.

In which manner they go (later, more than once, in another order, held until told) is for a test or a person to choose.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from yarl import URL

from sandbox.vendor import Card, Column, Reply, Vendor, Webhook

KEEP = 2_000
WAIT_SECONDS = 15.0
SHOWN = 12
_HERE = ("127.0.0.1", "localhost", "::1")


class Manner(BaseModel):
    """How webhooks go. `order` is that of a line's webhooks that wait at the same time, and of those held when let go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delay_seconds: float = Field(default=0, ge=0, le=60, description="wait before each of them")
    copies: int = Field(default=1, ge=1, le=10, description="how often each arrives; what is asked of the app is asked once")
    order: Literal["as sent", "reversed", "shuffled"] = "as sent"
    hold: bool = Field(default=False, description="kept back until they are released")
    seed: int | None = Field(default=None, description="makes the shuffling the same every time")


@dataclass(kw_only=True)
class Delivery:
    """One webhook and its tries. `status` is what the app answered last, None when it could not be reached."""

    id: int
    vendor: Vendor
    webhook: Webhook
    made_at: datetime
    line: str = ""
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
class Line:
    """Webhooks that go one after another. Whose turn it is takes whichever of them the order says is next."""

    waiting: list[Delivery] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Webhooks:
    """Delivers what vendors hand over, each try once: whoever wants another asks for it."""

    changed: Callable[[], None]
    revision: int = 0
    usual: Manner = field(default_factory=Manner)
    manner: Manner = field(init=False)
    _chance: random.Random = field(default_factory=random.Random)
    _lines: dict[str, Line] = field(default_factory=dict)
    _kept: deque[Delivery] = field(default_factory=lambda: deque(maxlen=KEEP))
    _last_id: int = 0
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None

    def __post_init__(self) -> None:
        self.manner = self.usual

    def add(self, vendor: Vendor, webhook: Webhook) -> Delivery:
        """Take a webhook and have it delivered when its time has come."""
        self._last_id += 1
        delivery = Delivery(id=self._last_id, vendor=vendor, webhook=webhook, made_at=datetime.now(UTC), line=webhook.line)
        self._kept.append(delivery)
        if self.manner.hold and not webhook.asks:
            delivery.state = "held"
            self._news()
        else:
            self._start(delivery, webhook.after_seconds)
        return delivery

    def set(self, manner: Manner) -> None:
        """From now on in this manner; those held stay held until they are released."""
        self.manner, self._chance = manner, random.Random(manner.seed)
        self._news()

    def release(self) -> list[Delivery]:
        """Let go all that are held, one after another in the order of the manner; which they were, in that order."""
        held = self._ordered(self.since(state="held"))
        for delivery in held:
            delivery.line = f"release {held[0].id}"
            self._start(delivery, 0.0, first_come=True)
        return held

    def again(self, delivery: Delivery) -> None:
        """Send it once more, whatever became of it before; harmless while it is on its way."""
        delivery.line = ""
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
        self._lines.clear()
        self._kept.clear()
        self.set(self.usual)

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

    def _start(self, delivery: Delivery, after_seconds: float, *, first_come: bool = False) -> None:
        if self._session is None or delivery.id in self._tasks:
            return
        delivery.state = "waiting"
        waited = after_seconds + self.manner.delay_seconds
        if delivery.line:
            self._lines.setdefault(delivery.line, Line()).waiting.append(delivery)
            trying = self._try_next(self._session, delivery.line, waited, first_come=first_come)
        else:
            trying = self._try(self._session, delivery, waited)
        task = self._tasks[delivery.id] = asyncio.create_task(trying)
        task.add_done_callback(lambda _task: self._tasks.pop(delivery.id, None))
        self._news()

    async def _try_next(self, session: aiohttp.ClientSession, name: str, after_seconds: float, *, first_come: bool) -> None:
        line = self._lines[name]
        async with line.turn:
            delivery = line.waiting[0] if first_come else self._ordered(line.waiting)[0]
            line.waiting.remove(delivery)
            await self._try(session, delivery, after_seconds)
        if not line.waiting and not line.turn.locked():
            self._lines.pop(name, None)

    def _ordered(self, deliveries: list[Delivery]) -> list[Delivery]:
        if self.manner.order == "reversed":
            return deliveries[::-1]
        return self._chance.sample(deliveries, len(deliveries)) if self.manner.order == "shuffled" else list(deliveries)

    async def _try(self, session: aiohttp.ClientSession, delivery: Delivery, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        for _ in range(1 if delivery.webhook.asks else self.manner.copies):
            reply, delivery.error = await _asked(session, delivery)
            delivery.tries += 1
        delivery.status = reply.status
        # As vendors count it: a redirect is not followed, and is no delivery.
        good = reply.status is not None and 200 <= reply.status < 300  # noqa: PLR2004  # the good answers of HTTP
        delivery.state = "delivered" if good else "failed"
        delivery.vendor.on_reply(delivery.webhook, reply)
        self._news()


async def _asked(session: aiohttp.ClientSession, delivery: Delivery) -> tuple[Reply, str]:
    webhook = delivery.webhook
    headers = {"Content-Type": webhook.content_type, **webhook.headers, **delivery.vendor.signature(webhook)}
    try:
        text = address(webhook.url, delivery.vendor.config.app_url)
        # Letter by letter as it is signed: left to itself, the library writes escapes in its own way.
        url = URL(text, encoded=text.isascii())
        body = webhook.body if webhook.method == "POST" else None
        async with session.request(webhook.method, url, data=body, headers=headers, allow_redirects=False) as response:
            return Reply(status=response.status, body=await response.read()), ""
    except aiohttp.ClientConnectorError as error:
        return Reply(status=None), f"nobody listens at {error.host}:{error.port}"
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
