"""(b) Events per second from the queue to committed SQL, against a bare loop that receives, inserts and deletes.

The queue is filled while nobody reads it. Ours is the whole host with all functions at work, watched from the moment when a
fifth of the events is committed until all are, so that its start is not counted. The bare loop is one thread with the SDK: it
takes 32 messages, inserts each in a transaction of its own into one SQLite table, and deletes it. Rounds of the two alternate.
Processor time is counted as well: it varies less than the clock when the machine has other work.
"""

import base64
import sqlite3
import statistics
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial

from bench.harness import Figure, Options
from bench.load import QUEUE, Send, bodies, drive, message
from bench.stack import Stack, handled, processor_seconds, wait_until_handled

STEPS = 2  # every person changes stage twice
FILLERS = 4
RECEIVED_AT_ONCE = 32


@dataclass(frozen=True)
class Pass:
    """One passage of the events through one of the two. `processor_ms` is for each event."""

    per_second: float
    processor_ms: float


def run(options: Options) -> list[Figure]:
    """Measure."""
    rounds, people = options.pick(3, 1), options.pick(200, 100)
    with Stack() as stack:
        pairs = [(_ours(stack, number, people), _bare(stack, number, people)) for number in range(rounds)]
    details = {"events": people * STEPS, "rounds": [[asdict(ours), asdict(bare)] for ours, bare in pairs]}
    against = "bare receive-insert-delete"
    rate, bare_rate = (statistics.median(pair[side].per_second for pair in pairs) for side in (0, 1))
    cost, bare_cost = (statistics.median(pair[side].processor_ms for pair in pairs) for side in (0, 1))
    return [
        Figure(what="events committed", value=rate, baseline=bare_rate, unit="/s", against=against, details=details),
        Figure(what="processor time for an event", value=cost, baseline=bare_cost, unit="ms", against=against),
    ]


def _ours(stack: Stack, number: int, people: int) -> Pass:
    database, events = stack.database(f"inbox-{number}"), people * STEPS
    _fill(stack, QUEUE, people)
    with stack.host(database) as host:
        wait_until_handled(database, events // 5)
        before, started, used = handled(database), time.perf_counter(), processor_seconds(host)
        wait_until_handled(database, events)
        seconds, used = time.perf_counter() - started, processor_seconds(host) - used
    return Pass((events - before) / seconds, 1000 * used / (events - before))


def _bare(stack: Stack, number: int, people: int) -> Pass:
    queue, left = stack.queue(f"bare-{number}"), people * STEPS
    _fill(stack, queue.queue_name, people)
    database = sqlite3.connect(stack.folder / f"bare-{number}.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute("CREATE TABLE events (id TEXT PRIMARY KEY, body TEXT)")
    started, used = time.perf_counter(), time.process_time()
    while left:
        for received in queue.receive_messages(messages_per_page=RECEIVED_AT_ONCE, max_messages=RECEIVED_AT_ONCE):
            body = base64.b64decode(received.content).decode()
            database.execute("INSERT INTO events VALUES (?, ?)", (received.id, body))  # a transaction of its own
            queue.delete_message(received)
            left -= 1
    seconds, used = time.perf_counter() - started, time.process_time() - used
    database.close()
    return Pass(people * STEPS / seconds, 1000 * used / (people * STEPS))


def _fill(stack: Stack, name: str, people: int) -> None:
    drive(_messages(people), FILLERS, partial(_sender, stack, name))


def _messages(people: int) -> Iterable[bytes]:
    return (message(body) for body in bodies(people, STEPS))


def _sender(stack: Stack, name: str) -> Send:
    client = stack.queue(name)
    return lambda body: client.send_message(base64.b64encode(body).decode())
