"""`World`: the app's real handlers on a real database, with storage queues that a test can look into, duplicate and reorder."""

import heapq
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func
from azure.functions.queue import QueueMessage

from shared import clock, queues
from shared.errors import PermanentError, UnavailableError
from tests.support import loops
from tests.support.functions import named
from tests.support.payloads import payload

LOCAL_KEY = "local-dev-key"
RETRY_EVERY = timedelta(minutes=5)  # as RETRY_ERRORED_SCHEDULE says


class Out:
    """The worker's output object: one value, the last one set wins."""

    def __init__(self) -> None:
        self.value: Any = None

    def set(self, value: Any) -> None:
        self.value = value

    def get(self) -> Any:
        return self.value


def request(body: bytes, headers: dict[str, str] | None = None, key: str | None = LOCAL_KEY) -> func.HttpRequest:
    """A POST as the worker hands it to a function: lower-case header names, a body of bytes."""
    sent = {"content-type": "application/json"} | ({"x-api-key": key} if key else {}) | (headers or {})
    return func.HttpRequest(method="POST", url="http://localhost/hook", headers=sent, body=body)


@dataclass(order=True)
class _Queued:
    visible_at: datetime
    number: int
    body: bytes = field(compare=False)
    dequeues: int = field(default=0, compare=False)


class FakeStorage:
    """Queues and blobs in memory, with the delays of the real ones. `broken` makes every call fail, as an outage would."""

    def __init__(self) -> None:
        self.queues: dict[str, list[_Queued]] = {}
        self.blobs: dict[str, bytes] = {}
        self.kept: dict[str, bytes] = {}  # in other containers than that of claim checks
        self.broken = False
        self._numbers = itertools.count()

    def send(self, queue: str, body: bytes, *, delay_seconds: float = 0) -> None:
        self._check()
        item = _Queued(clock.now() + timedelta(seconds=delay_seconds), next(self._numbers), body)
        heapq.heappush(self.queues.setdefault(queue, []), item)

    def put_blob(self, name: str, data: bytes, *, container: str = queues.CLAIM_CHECK_CONTAINER) -> str:
        self._check()
        (self.blobs if container == queues.CLAIM_CHECK_CONTAINER else self.kept)[name] = data
        return f"{container}/{name}"

    def take_all(self, queue: str, *, at_most: int, lease_seconds: int = 60) -> Iterator[bytes]:
        self._check()
        for item in list(self.queues.get(queue, []))[:at_most]:
            yield item.body
            self.queues[queue].remove(item)
            heapq.heapify(self.queues[queue])

    def get_blob(self, reference: str, *, of: str = queues.CLAIM_CHECK_CONTAINER) -> bytes:
        self._check()
        try:
            return (self.blobs if of == queues.CLAIM_CHECK_CONTAINER else self.kept)[reference.partition("/")[2]]
        except KeyError:
            raise PermanentError("claim-check-missing", reference) from None

    def read_blob(self, name: str, *, container: str) -> bytes:
        self._check()
        try:
            return self.kept[name]
        except KeyError:
            raise PermanentError("file-missing", f"{container}/{name}") from None

    def delete_blobs(self, names: Iterable[str], *, container: str) -> int:
        self._check()
        found = self.blobs if container == queues.CLAIM_CHECK_CONTAINER else self.kept
        return sum(found.pop(name, None) is not None for name in names)

    def take(self, queue: str) -> _Queued | None:
        waiting = self.queues.get(queue, [])
        if waiting and waiting[0].visible_at <= clock.now():
            return heapq.heappop(waiting)
        return None

    def next_visible(self) -> datetime | None:
        return min((items[0].visible_at for items in self.queues.values() if items), default=None)

    def bodies(self, queue: str) -> list[Any]:
        return [json.loads(item.body) for item in sorted(self.queues.get(queue, []))]

    def _check(self) -> None:
        if self.broken:
            raise UnavailableError("the storage account is down")


class World:
    """The app, driven by hand. `handlers` are the queue functions by queue, as registered in the flows."""

    def __init__(self, storage: FakeStorage) -> None:
        from functions import campaigns, contacts, opportunities
        from functions import system as engine
        from functions.leads import triggers as leads

        self.storage = storage
        self.handlers: dict[str, Callable[[QueueMessage], None]] = {
            contacts.QUEUE: named("manychat_contact_handler"),
            opportunities.QUEUE: named("manychat_opportunity_handler"),
            campaigns.QUEUE: named("manychat_campaign_handler"),
            leads.QUEUE: named("lead_handler"),
            queues.RECONCILE_QUEUE: named("reconcile_handler"),
            queues.DELIVERY_QUEUE: engine.deliver,
            queues.BULK_DELIVERY_QUEUE: engine.deliver_bulk,
            queues.DEAD_LETTER_QUEUE: engine.store_dead_letter,
        }
        self.webhooks = {"contact": contacts.WEBHOOK, "opportunity": opportunities.WEBHOOK, "assignment": campaigns.WEBHOOK}

    def post(self, hook: str, payload: Any, **headers: str) -> func.HttpResponse:
        """Send a webhook; what it accepts is on its queue afterwards, as the host's output binding would put it."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        out = Out()
        answer = loops.run(self.webhooks[hook].accept(request(body, headers), out))
        if out.value is not None:
            self.storage.send(self.webhooks[hook].queue, out.value)
        return answer

    def step(self, queue: str) -> bool:
        """Handle one visible message of a queue as the host would: gone if it succeeds, back after 30 s if it raises."""
        item = self.storage.take(queue)
        if item is None:
            return False
        item.dequeues += 1
        try:
            self.handlers[queue](QueueMessage(body=item.body, dequeue_count=item.dequeues))
        except Exception:
            item.visible_at = clock.now() + timedelta(seconds=30)
            target = queue if item.dequeues < 5 else queue + queues.POISON_SUFFIX
            heapq.heappush(self.storage.queues.setdefault(target, []), item)
            raise
        return True

    def run(self, *, swallow: tuple[type[BaseException], ...] = ()) -> None:
        """Handle messages until none is visible."""
        busy = True
        while busy:
            busy = False
            for queue in list(self.handlers):
                try:
                    while self.step(queue):
                        busy = True
                except swallow:
                    busy = True

    def run_for(
        self,
        test_clock: clock.TestClock,
        *,
        swallow: tuple[type[BaseException], ...] = (),
        step_seconds: float = 30,
        **delta: float,
    ) -> None:
        """Let time pass: after every step the timers run that are due, and messages are handled as they become visible.

        The first step runs both timers, and so does each that is five minutes from the last that did.
        """
        end, retried = test_clock.moment + timedelta(**delta), None
        while test_clock.moment < end:
            is_retry = retried is None or test_clock.moment >= retried + RETRY_EVERY
            retried = test_clock.moment if is_retry else retried
            with suppress(*swallow):
                self.timers(retry=is_retry)
            self.run(swallow=swallow)
            test_clock.advance(seconds=step_seconds)

    def timers(self, *, retry: bool = True) -> None:
        """Run the engine's timers once, those that need no real storage; that of every five minutes may be left out."""
        from functions import system as engine

        for timer in (engine.dispatch_due, engine.retry_errored_syncs) if retry else (engine.dispatch_due,):
            timer(func.TimerRequest())


def contact(manychat_id: str = "m1", at: str = "2026-03-01T10:00:00Z", **more: Any) -> dict[str, Any]:
    """A contact event as ManyChat sends it."""
    return payload("manychat.contact", "contact", manychat_id=manychat_id, datetime_actual=at, **more)


def opportunity(manychat_id: str = "m1", stage: Any = 16, at: str = "2026-03-01T10:00:00Z", **more: Any) -> dict[str, Any]:
    """An opportunity event as ManyChat sends it."""
    sent = payload("manychat.opportunity", "opportunity")
    state = sent["state"] | {"stage_id": stage, "date": at} | more.pop("state", {})
    return sent | {"manychat_id": manychat_id, "state": state} | more
