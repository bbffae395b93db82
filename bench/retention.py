"""(l) Rows that retention removes in a second, against what a million events a day leave behind.

On the database that TEST_DATABASE_URL names, else on a SQLite file. On the lab's PostgreSQL:
`python -m tests.lab.server run -- python -m bench retention`.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import insert

from bench.harness import BenchError, Figure, Options
from bench.passing import ENVIRONMENT
from shared import clock, retention
from shared.settings import get_settings
from shared.store.migrate import upgrade
from shared.store.models import ActionLog, Delivery, InboxEvent
from shared.store.session import get_engine, transact

EVENTS_A_DAY = 1_000_000
ROWS_OF_AN_EVENT = 3.6  # the event, 0.6 syncs, 0.2 messages, 1.8 lines of the action log (deploy/capacity.py)
ROUNDS_A_DAY = 280  # one in five minutes; a few meet the night
SECONDS_A_DAY = retention.NIGHT.total_seconds() + ROUNDS_A_DAY * retention.ROUND.total_seconds()
NEEDED = EVENTS_A_DAY * ROWS_OF_AN_EVENT / SECONDS_A_DAY
DAYS = {f"RETENTION_{what}_DAYS": "60" for what in ("INBOX", "SYNC", "ACTION_LOG")}  # somebody's choice counts at once


def run(options: Options) -> list[Figure]:
    """Measure."""
    with _database() as kind:
        rate = removed_a_second(options.pick(20_000, 4_000))
    return [
        Figure(
            what=f"rows that retention removes in a second, {kind}",
            value=rate,
            baseline=NEEDED,
            unit="/s",
            against=f"{EVENTS_A_DAY:,} events a day",
            aim="> 1",
            met=rate > NEEDED,
        )
    ]


def removed_a_second(events: int) -> float:
    """Fill the process's database with what so many old events leave (each with a sync and a line), and remove it.

    The settings must say `DAYS`. Raises BenchError where it did not remove all of that.
    """
    _fill(events)
    begun = time.perf_counter()
    gone = retention.forget()
    seconds = time.perf_counter() - begun
    if any(gone.get(kind, 0) < events for kind in ("events", "syncs", "action log")):
        raise BenchError(f"of {events} events it removed {gone}")
    return sum(gone.values()) / seconds


def _fill(events: int) -> None:
    at = clock.now() - timedelta(days=90)
    event: dict[str, Any] = {"source": "manychat", "type": "t", "data": {"x": "y" * 500}}
    event |= {"occurred_at": at, "received_at": at, "handled_at": at}
    sync: dict[str, Any] = {"kind": "sync", "target": "odoo", "action": "odoo.opportunity", "state": "done", "attempts": 1}
    sync |= {"due_at": at, "created_at": at, "finished_at": at}
    line: dict[str, Any] = {"at": at, "actor": "system", "action": "odoo.opportunity", "result": "done"}
    who = [f"m{number}" for number in range(events)]
    batches = (
        (InboxEvent, [event | {"key": f"k{one}", "event_id": one, "subject": one} for one in who]),
        (Delivery, [sync | {"subject": one} for one in who]),
        (ActionLog, [line | {"subject": one} for one in who]),
    )
    for table, rows in batches:
        transact(lambda session, table=table, rows=rows: session.execute(insert(table), rows))  # type: ignore[misc]


@contextmanager
def _database() -> Iterator[str]:
    """The database of this process meanwhile, with the newest schema; its kind."""
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{Path(folder) / 'bench.db'}"
        with mock.patch.dict(os.environ, ENVIRONMENT | DAYS | {"DATABASE_URL": url}):
            get_settings.cache_clear()
            get_engine.cache_clear()
            engine = get_engine()
            try:
                upgrade(engine)
                yield engine.dialect.name
            finally:
                engine.dispose()
                get_engine.cache_clear()
                get_settings.cache_clear()
