"""Load: events as ManyChat sends them, and any number of clients that send them as fast as they are answered."""

import http.client
import json
import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.harness import BenchError
from bench.stack import KEY
from shared.intake.envelope import Envelope, fingerprint

WEBHOOK = "/api/v1/manychat/webhook/crm-opportunity"
QUEUE = "manychat-crm-opportunities-queue"
HANDLER = "manychat_opportunity_handler"
STAGES = range(16, 27)
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
TIMEOUT_SECONDS = 60

type Send = Callable[[bytes], Any]


def opportunity(person: int, step: int) -> dict[str, Any]:
    """The `step`-th stage change of a person; later steps have later dates."""
    return {
        "manychat_id": f"bench-{person}",
        "first_name": "María José",
        "last_name": f"Núñez {person}",
        "phone": f"+52155{person:08d}",
        "channel": "WhatsApp",
        "entry_date": START.isoformat(),
        "medical_advisor_id": 0,
        "commercial_advisor_id": 7,
        "state": {
            "stage_id": STAGES[step % len(STAGES)],
            "summary": f"Preguntó por el tratamiento; llamada {step} 🙂. " * 4,
            "date": (START + timedelta(minutes=step)).isoformat(),
        },
    }


def bodies(people: int, steps: int = 1) -> list[bytes]:
    """Webhook bodies: every person's first stage change, then every person's second, and so on."""
    return [json.dumps(opportunity(person, step)).encode() for step in range(steps) for person in range(people)]


def message(body: bytes) -> bytes:
    """The queue message that the webhook makes of a body."""
    data, now = json.loads(body), datetime.now(UTC)
    at = datetime.fromisoformat(data["state"]["date"])
    event = Envelope(
        id=fingerprint(data),
        source="manychat",
        type="manychat.opportunity",
        time=at,
        received=now,
        subject=data["manychat_id"],
        data=data,
    )
    return event.to_bytes()


class WebhookClient:
    """A sender on one connection that it keeps."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        self.headers = {"Content-Type": "application/json", "X-API-KEY": KEY}

    def __call__(self, body: bytes) -> None:
        """Send one event. Raises BenchError unless it is accepted."""
        self.connection.request("POST", WEBHOOK, body, self.headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status != http.client.ACCEPTED:
            raise BenchError(f"the webhook answered {answer.status}: {said[:200]!r}")


@dataclass(frozen=True)
class Load:
    """What came of it: how long all of it took, and each single call, in seconds."""

    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        """Calls answered per second."""
        return len(self.latencies) / self.seconds


def drive(items: Iterable[bytes], clients: int, open_client: Callable[[], Send]) -> Load:
    """Let `clients` threads, each with a client of its own, send all items between them, each one after the other.

    Every client has made its connection, with an item that is not counted, before the first counted one is sent.
    Raises the first error of any of them.
    """
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    latencies: list[float] = []
    errors: list[BaseException] = []
    ready = threading.Barrier(clients + 1)

    def work() -> None:
        try:
            send = open_client()
            send(waiting.get_nowait())
            ready.wait(TIMEOUT_SECONDS)
            with suppress(queue.Empty):
                while not errors:
                    item = waiting.get_nowait()
                    started = time.perf_counter()
                    send(item)
                    latencies.append(time.perf_counter() - started)
        except Exception as error:  # noqa: BLE001  # raised again by the caller's thread
            errors.append(error)
            ready.abort()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    with suppress(threading.BrokenBarrierError):
        ready.wait(TIMEOUT_SECONDS)
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return Load(time.perf_counter() - started, latencies)
