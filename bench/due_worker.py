"""`python -m bench.due_worker PEOPLE`: enrols leads, then dispatches, claims, sends and records what is due; says how fast.

Everything is the product's own, but that the vendors' two calls return at once, and the carriers' pace is lifted: what is
measured is our part. The clock stands still at an hour at which everybody may be written to.
"""

import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, func, select

from bench.harness import BenchError
from shared import clock
from shared.journeys import engine
from shared.messages.letter import Letter
from shared.messages.providers import brevo, twilio
from shared.outbox import actions, lanes
from shared.outbox.dispatch import dispatch_due
from shared.outbox.execute import drain
from shared.outbox.policy import TargetPolicy
from shared.store.models import Delivery
from shared.store.session import get_engine, reading, transact

NOON = datetime(2026, 3, 3, 18, 0, tzinfo=UTC)  # a Tuesday in Mexico
TARGETS = ("brevo", "twilio")
STEPS_EACH = 2  # the welcome and the call
LARGE = ("deliveries", "enrolments", "enrolment_steps", "message_days", "journey_decisions", "action_log", "message_statuses")


def main() -> None:
    """Print one line of JSON. Raises BenchError where not everything that was due was sent, or a large table was read whole."""
    people = int(sys.argv[1])
    brevo.send = twilio.send_call = _nothing
    for target in TARGETS:
        actions.register_target(target, lambda: TargetPolicy(batches_per_second=1e9))
    with clock.frozen(NOON - timedelta(minutes=2)) as test_clock:
        for _ in range(people):
            transact(_enrol)
        test_clock.moment = NOON
        with _noted() as noted:
            started, used = time.perf_counter(), time.process_time()
            attempted = sum(drain(target) for target in sorted(dispatch_due()))
            seconds, used = time.perf_counter() - started, time.process_time() - used
        _check(attempted, people * STEPS_EACH, noted)
    said = {
        "steps": attempted,
        "per_second": attempted / seconds,
        "processor_ms": 1000 * used / attempted,
        "statements": round(noted.count.total() / attempted, 1),
    }
    print(json.dumps(said))


def _nothing(letter: Letter) -> dict[str, Any]:
    return {"id": f"bench-{letter.delivery_id}-{letter.key[:8]}"}


def _enrol(session: Any) -> None:
    number = uuid.uuid4().int % 10**8
    data = {
        "first_name": "María José",
        "email": f"p{number}@example.com",
        "phone": f"+52155{number:08d}",
        "country": "MX",
        "time_zone": "America/Mexico_City",
        "service": "ventas",
        "booking_url": "https://bench.example/booking",
    }
    engine.signal(session, "lead.created", [f"lead:{number}"], data, event_key=str(number), at=clock.now())


@dataclass
class Noted:
    """Which statements were run, how often, and the values of one run of each."""

    count: Counter[str] = field(default_factory=Counter)
    values: dict[str, Any] = field(default_factory=dict)


@contextmanager
def _noted() -> Iterator[Noted]:
    noted = Noted()

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, is_many: bool) -> None:  # noqa: FBT001  # SQLAlchemy calls it so
        noted.count[statement] += 1
        noted.values[statement] = parameters[0] if is_many else parameters

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _check(attempted: int, expected: int, noted: Noted) -> None:
    with reading() as session:
        late = session.scalar(select(func.count()).where(lanes.IS_PENDING, Delivery.due_at <= clock.now()))
    if attempted != expected or late:
        raise BenchError(f"{attempted} of {expected} steps were attempted, {late} are still due")
    with get_engine().connect() as connection:
        for statement, values in noted.values.items():
            if not statement.startswith(("SELECT", "UPDATE")):
                continue
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            if whole := [line for line in plan if line.startswith("SCAN") and line.split()[1] in LARGE]:
                raise BenchError(f"{whole[0]}: {statement}")


if __name__ == "__main__":
    main()
