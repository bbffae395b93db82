"""(m) Seconds from the death (SIGKILL) of a host until what it held under way is done by another one, of one app.

Under load the next drain of any target frees it when its lease ends (15 s). On an idle app nobody drains: the other host must
first get the lock of the timer (its lease a minute, looked at again every minute), then the timer frees and wakes.
"""

import time
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Engine, func, select

from bench.harness import BenchError, Figure, Options
from bench.load import WebhookClient, bodies
from bench.stack import Stack, wait_until_handled
from devhost.testing import RunningHost, wait_until
from shared.store.models import Delivery
from shared.store.session import reading

HELD = 20  # people whose syncs the host holds when it dies
UNDER_LOAD, IDLE = 60.0, 150.0
STUCK_SECONDS = 50  # Odoo keeps the first host waiting; less than ODOO_TIMEOUT_SECONDS
PATIENCE_SECONDS = 300


def run(options: Options) -> list[Figure]:
    """Measure. The idle one takes minutes."""
    with Stack() as stack:
        found = [("under load", UNDER_LOAD, _seconds(stack, "load", is_busy=True))]
        if not options.quick:
            found.append(("on an idle app", IDLE, _seconds(stack, "idle", is_busy=False)))
    return [
        Figure(
            what=f"seconds from a kill until all moves again, {how}",
            value=seconds,
            baseline=bar,
            unit="s",
            against="the bar",
            aim=f"< {bar:g} s",
            met=seconds < bar,
        )
        for how, bar, seconds in found
    ]


def _seconds(stack: Stack, name: str, *, is_busy: bool) -> float:
    """From the kill until every delivery is done that was planned before it."""
    database = stack.database(name)
    first, second = stack.host(database), stack.host(database)
    try:
        _hold(stack, database, first.start())
        second.start()
        held = _newest(database)
        if not _left(database, held):
            raise BenchError("the first host was done before it could be killed")
        first.kill()
        killed = time.monotonic()
        send = WebhookClient(second.port) if is_busy else None
        more = iter(bodies(10_000))
        wait_until(lambda: _moved(database, held, send, more), PATIENCE_SECONDS, pause=0.2)
        return time.monotonic() - killed
    finally:
        for host in (first, second):
            if host.process is not None:
                host.kill()


def _hold(stack: Stack, database: Engine, host: RunningHost) -> None:
    """Let `host` claim what it will not end: its first call of Odoo gets no answer."""
    stack.sandbox.fault("slow", seconds=STUCK_SECONDS, count=1)
    send = WebhookClient(host.port)
    for body in bodies(HELD):
        send(body.replace(b"bench-", b"held-"))
    wait_until_handled(database, HELD)
    wait_until(lambda: _count(database, Delivery.state == "sending"), PATIENCE_SECONDS)


def _moved(database: Engine, held: int, send: WebhookClient | None, more: Iterator[bytes]) -> bool:
    if send is not None:
        send(next(more))
    return not _left(database, held)


def _left(database: Engine, held: int) -> int:
    return _count(database, Delivery.id <= held, Delivery.state != "done")


def _count(database: Engine, *which: ColumnElement[bool]) -> int:
    with reading(database) as session:
        return session.scalar(select(func.count()).select_from(Delivery).where(*which)) or 0


def _newest(database: Engine) -> int:
    with reading(database) as session:
        return session.scalar(select(func.max(Delivery.id))) or 0
