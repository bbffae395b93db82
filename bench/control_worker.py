"""`python -m bench.control_worker PEOPLE`: pauses, resumes, reads and cancels an execution of so many; says how fast.

A third of them have been written to, so many as the rate allows in a quarter of an hour have their deliveries, all others wait.
Everything is asked of the product's own API and console, in this process; the rounds of the timer that follow are its own too.
"""

import asyncio
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from azure.functions import HttpRequest, HttpResponse
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session

from bench.broadcast_worker import ONE_MESSAGE
from bench.harness import BenchError
from functions import web
from functions.broadcasts import running, running_send
from functions.broadcasts.running_config import config_of
from functions.broadcasts.states import ExecutionStatus, PlanState, RecipientStatus
from functions.broadcasts.tables import Automation, Execution, ExecutionCount, Recipient
from shared import clock
from shared.journeys import chatbots
from shared.journeys.talks.definition import TalkingFlow
from shared.outbox.actions import State
from shared.store.migrate import upgrade
from shared.store.models import Delivery
from shared.store.session import get_engine, reading, transact

ROUNDS, MOST_ROUNDS = 5, 100
RATE = 8_000  # an hour: 2,000 messages are due within a quarter of it
EXECUTION, PAGE = "/api/v1/executions", "/console/broadcasts/executions"
CHANGES = ("INSERT", "UPDATE", "DELETE")
_FILL = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :people)
INSERT INTO broadcast_recipients (execution_id, key, phone_number, variables, status, attempts, flow_completed, sent_at,
  completed_at, created_at)
SELECT :execution, '+5255' || (10000000 + n), '+5255' || (10000000 + n), '{}',
  CASE WHEN n <= :people / 3 THEN 'completed' ELSE 'pending' END, n <= :people / 3, n <= :people / 3,
  CASE WHEN n <= :people / 3 THEN :now END, CASE WHEN n <= :people / 3 THEN :now END, :now
FROM numbers
"""


@dataclass
class Cost:
    """What something took: milliseconds, statements, and rows that were written."""

    ms: float = 0.0
    statements: int = 0
    rows: int = 0


class App:
    """The API and the console, asked as the host asks them."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.cookie = ""
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = self._asked("POST", "/console/sign-in", form, urlencode({"key": "bench-key"}).encode())
        self.cookie = (answer.headers.get("set-cookie") or "").partition(";")[0]

    def __call__(self, method: str, path: str) -> bytes:
        """The answer's body. Raises BenchError where it is refused."""
        headers = {"cookie": self.cookie} if path.startswith("/console") else {"x-api-key": "bench-key"}
        answer = self._asked(method, path, headers)
        if answer.status_code != 200:  # noqa: PLR2004  # OK
            raise BenchError(f"{method} {path} answered {answer.status_code}: {answer.get_body()[:300]!r}")
        return answer.get_body()

    def _asked(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> HttpResponse:
        request = HttpRequest(method=method, url=f"http://127.0.0.1:7071{path}", headers=headers, body=body)
        answer: HttpResponse = self.loop.run_until_complete(web.zz_web(request, None))
        return answer


def main() -> None:
    """Print one line of JSON. Raises BenchError where something was not done."""
    people = int(sys.argv[1])
    upgrade(get_engine())
    flow = TalkingFlow.model_validate(ONE_MESSAGE)
    running_send.flow = lambda execution: flow  # noqa: ARG005  # the name that it may be called with
    execution_id, uuid = transact(_execution)
    _fill(execution_id, people)
    running.run_all()
    app, costs = App(), defaultdict[str, list[Cost]](list)
    app("GET", f"{EXECUTION}/{uuid}")
    if b"Bench" not in app("GET", f"{PAGE}/{uuid}"):
        raise BenchError("the console shows another page")
    for _ in range(ROUNDS):
        _measure(costs, "pause", lambda: app("POST", f"{EXECUTION}/{uuid}/pause"))
        _measure(costs, "the timer's round while it is paused", running.run_all)
        _measure(costs, "resume", lambda: app("POST", f"{EXECUTION}/{uuid}/resume"))
        _measure(costs, "the timer's round while it runs", running.run_all)
        _read(costs, app, uuid)
    _measure(costs, "cancel", lambda: app("POST", f"{EXECUTION}/{uuid}/cancel"))
    _measure(costs, "taking back what was planned", lambda: _until_nothing_is_planned(execution_id))
    _measure(costs, "the timer's round after that", running.run_all)
    _check(execution_id, people)
    print(json.dumps({name: _median(found) for name, found in costs.items()}))


def _read(costs: dict[str, list[Cost]], app: App, uuid: str) -> None:
    """The execution and its recipients, over the API and on the console's page."""
    _measure(costs, "the execution over the API", lambda: app("GET", f"{EXECUTION}/{uuid}"))
    _measure(costs, "the execution in the console", lambda: app("GET", f"{PAGE}/{uuid}"))
    listed = f"{EXECUTION}/{uuid}/recipients"
    first = app("GET", f"{listed}?limit=100")
    after = json.loads(first)["items"][-1]["id"]
    _measure(costs, "a page of its recipients", lambda: app("GET", f"{listed}?limit=100"))
    _measure(costs, "the next page of them", lambda: app("GET", f"{listed}?limit=100&after={after}"))
    _measure(costs, "a page of those who wait", lambda: app("GET", f"{listed}?limit=100&status=pending"))
    _measure(costs, "a page of those who are planned", lambda: app("GET", f"{listed}?limit=100&status=queued"))


def _execution(session: Session) -> tuple[int, str]:
    automation = Automation(name="Bench", flow_id=chatbots.flow_id("encuesta_de_interes"), status="active", is_active=True)
    automation.rate_limit_per_hour = RATE
    session.add(automation)
    session.flush()
    execution = Execution(automation_id=automation.id, config=config_of(automation), started_at=clock.now())
    execution.status, execution.plan_state = ExecutionStatus.RUNNING, PlanState.PLANNED
    session.add(execution)
    session.flush()
    return execution.id, execution.uuid


def _fill(execution_id: int, people: int) -> None:
    now = clock.now().strftime("%Y-%m-%d %H:%M:%S.%f")
    with get_engine().begin() as connection:
        connection.exec_driver_sql(_FILL, {"people": people, "execution": execution_id, "now": now})
    done = {"total": people, "sent": people // 3, "completed": people // 3, "ended": people // 3}
    transact(lambda session: session.add(ExecutionCount(execution_id=execution_id, **done)))


def _until_nothing_is_planned(execution_id: int) -> None:
    for _ in range(MOST_ROUNDS):
        running.run_all()
        if not _number(execution_id, RecipientStatus.QUEUED):
            return
    raise BenchError("what was planned is not taken back")


def _number(execution_id: int, status: RecipientStatus) -> int:
    ours = (Recipient.execution_id == execution_id, Recipient.status == status)
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Recipient).where(*ours)) or 0


def _check(execution_id: int, people: int) -> None:
    """Nobody is lost: everybody was sent to before, was planned and taken back, or was never planned. None is on its way."""
    sent, skipped, waiting = (_number(execution_id, RecipientStatus(status)) for status in ("completed", "skipped", "pending"))
    with reading() as session:
        row = session.get_one(Execution, execution_id)
        open_ones = session.scalar(select(func.count()).select_from(Delivery).where(Delivery.state == State.PENDING))
    if row.status != ExecutionStatus.CANCELLED or sent + skipped + waiting != people or not skipped or open_ones:
        raise BenchError(f"{row.status}: {sent:,} sent, {skipped:,} taken back, {waiting:,} wait, {open_ones} deliveries")


def _measure(costs: dict[str, list[Cost]], what: str, work: Callable[[], object]) -> None:
    with _noted() as cost:
        started = time.perf_counter()
        work()
        cost.ms = 1000 * (time.perf_counter() - started)
    costs[what].append(cost)


@contextmanager
def _noted() -> Iterator[Cost]:
    """The statements that run meanwhile, and how many rows they write."""
    cost = Cost()

    def note(_connection: Any, cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool) -> None:  # noqa: FBT001  # SQLAlchemy calls it so
        cost.statements += 1
        if statement.lstrip().upper().startswith(CHANGES):
            cost.rows += max(cursor.rowcount, 0)

    event.listen(Engine, "after_cursor_execute", note)
    try:
        yield cost
    finally:
        event.remove(Engine, "after_cursor_execute", note)


def _median(found: list[Cost]) -> dict[str, float]:
    """The middle of each; of rows and statements the most."""
    return {
        "ms": statistics.median(one.ms for one in found),
        "statements": max(one.statements for one in found),
        "rows": max(one.rows for one in found),
    }


if __name__ == "__main__":
    main()
