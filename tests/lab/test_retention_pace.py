"""Retention keeps pace with a million events a day on the lab's database."""

import time
from datetime import timedelta

from sqlalchemy import Engine, insert

from shared import clock, retention
from shared.settings import get_settings
from shared.store.models import ActionLog, Delivery, InboxEvent
from shared.store.session import transact

EVENTS = 20_000
ROWS_OF_AN_EVENT = 3.6  # the event, 0.6 syncs, 0.2 messages, 1.8 lines of the action log (deploy/capacity.py)
SECONDS_A_DAY = retention.NIGHT.total_seconds() + 280 * retention.ROUND.total_seconds()
A_MILLION = 1_000_000


def test_a_day_removes_what_a_day_of_a_million_events_leaves(lab: Engine, environment, record_property) -> None:
    """Measured in real time: rows a second of events, syncs and log, held against what a night and its rounds have."""
    environment.setenv("RETENTION_INBOX_DAYS", "60")
    environment.setenv("RETENTION_SYNC_DAYS", "60")
    environment.setenv("RETENTION_ACTION_LOG_DAYS", "60")
    get_settings.cache_clear()
    at = clock.now() - timedelta(days=90)
    event = {
        "source": "manychat",
        "type": "t",
        "occurred_at": at,
        "received_at": at,
        "handled_at": at,
        "data": {"x": "y" * 500},
    }
    sync = {"kind": "sync", "target": "odoo", "action": "odoo.opportunity", "state": "done", "attempts": 1}
    times = {"due_at": at, "created_at": at, "finished_at": at}
    line = {"at": at, "actor": "system", "action": "odoo.opportunity", "result": "done"}
    who = [f"m{number}" for number in range(EVENTS)]
    batches = (
        (InboxEvent, [event | {"key": f"k{one}", "event_id": one, "subject": one} for one in who]),
        (Delivery, [sync | times | {"subject": one} for one in who]),
        (ActionLog, [line | {"subject": one} for one in who]),
    )
    for table, rows in batches:
        transact(lambda session, table=table, rows=rows: session.execute(insert(table), rows))
    begun = time.perf_counter()
    gone = retention.forget()
    rate = sum(gone.values()) / (time.perf_counter() - begun)
    record_property("rows a second", round(rate))
    assert gone == {"events": EVENTS, "syncs": EVENTS, "action log": EVENTS}
    assert rate * SECONDS_A_DAY > A_MILLION * ROWS_OF_AN_EVENT, f"{rate:.0f} rows a second"
    print(f"retention: {rate:.0f} rows a second")  # noqa: T201  # the figure of docs/scale.md
