"""(a) Accepted webhooks per second and how long each takes, against `send_message` of the SDK to the same Azurite.

Both sides have the same number of clients and send the same bodies. Rounds of the two alternate. The handlers are switched
off for the first figures: in Azure each of them has instances of its own. With them on, one process does everything.
"""

import base64
import statistics
from functools import partial

from azure.storage.queue import QueueClient

from bench.harness import Figure, Options, percentile
from bench.load import HANDLER, QUEUE, Load, Send, WebhookClient, bodies, drive, message
from bench.stack import Stack, wait_until_handled

CLIENTS = 8


def run(options: Options) -> list[Figure]:
    """Measure."""
    rounds = options.pick(3, 1)
    with Stack() as stack:
        door = _rounds(stack, rounds, options.pick(800, 200), handlers=False)
        everything = _rounds(stack, rounds, options.pick(400, 200), handlers=True)
    return [*_figures("door alone", door), *_figures("with handlers", everything)]


def _rounds(stack: Stack, rounds: int, events: int, *, handlers: bool) -> list[tuple[Load, Load]]:
    """Pairs of (webhooks, raw messages)."""
    pairs = []
    database = stack.database(f"intake-{handlers}")
    with stack.host(database, disabled=() if handlers else (HANDLER,)) as host:
        for number in range(rounds):
            raw = _raw(stack, f"raw-{number}-{handlers}".lower(), events)
            webhooks = drive(bodies(events, number + 1)[-events:], CLIENTS, partial(WebhookClient, host.port))
            pairs.append((webhooks, raw))
            if handlers:
                wait_until_handled(database, events * (number + 1))
            else:
                stack.queue(QUEUE).clear_messages()
    return pairs


def _raw(stack: Stack, name: str, events: int) -> Load:
    """The same events, sent by the SDK to a queue of their own. It is removed afterwards: what Azurite holds slows it down."""

    def client() -> Send:
        queue: QueueClient = stack.queue(name)
        return lambda body: queue.send_message(base64.b64encode(message(body)).decode())

    load = drive(bodies(events), CLIENTS, client)
    stack.queue(name).delete_queue()
    return load


def _figures(label: str, pairs: list[tuple[Load, Load]]) -> list[Figure]:
    against = "raw send_message"

    def median(measure: str, share: float = 0) -> tuple[float, float]:
        def one(load: Load) -> float:
            return load.per_second if measure == "rate" else 1000 * percentile(load.latencies, share)

        return statistics.median(one(ours) for ours, _ in pairs), statistics.median(one(raw) for _, raw in pairs)

    rate, p50, p99 = median("rate"), median("time", 0.5), median("time", 0.99)
    rounds = {"clients": CLIENTS, "rates": [[ours.per_second, raw.per_second] for ours, raw in pairs]}
    return [
        Figure(what=f"webhooks accepted, {label}", value=rate[0], baseline=rate[1], unit="/s", against=against, details=rounds),
        Figure(what=f"answer p50, {label}", value=p50[0], baseline=p50[1], unit="ms", against=against),
        Figure(what=f"answer p99, {label}", value=p99[0], baseline=p99[1], unit="ms", against=against),
    ]
