"""What became of an event, step by step, on one line of time: work, attempts that failed, planned waits, waits for a system."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.console.charts import Lane
from shared.outbox import attempts
from shared.outbox.actions import State
from shared.store.models import ActionLog, Delivery, InboxEvent
from shared.store.wait_models import DeliveryWait

MOST_DELIVERIES = 60
WORK, FAILED, WAIT, OUTAGE, PLANNED = "work", "failed", "wait", "outage", "planned"
OPEN = (State.PENDING, State.SENDING)


@dataclass(frozen=True)
class Piece:
    """A stretch of time in one step. `kind` is one of WORK, FAILED, WAIT, OUTAGE, PLANNED (a point in the future)."""

    kind: str
    begin: datetime
    end: datetime
    text: str = ""
    detail: str | None = None

    @property
    def time(self) -> timedelta:
        """How long it took."""
        return self.end - self.begin


@dataclass
class Step:
    """A step of an execution: of the event itself (no delivery), or one delivery with its attempts and waits."""

    name: str
    pieces: list[Piece]
    delivery: Delivery | None = None
    detail: str = ""
    tries: list[Piece] = field(default_factory=list)

    @property
    def time(self) -> timedelta:
        """From the beginning of its work to its end, without the wait before."""
        work = [piece for piece in self.pieces if piece.kind in (WORK, FAILED)]
        return work[-1].end - work[0].begin if work else timedelta(0)


def of_event(session: Session, event: InboxEvent, now: datetime) -> list[Step]:
    """The steps of an event: taken in, on its queue, applied, and each delivery that it planned, in their order."""
    rows = session.scalars(
        select(Delivery).where(Delivery.event_key == event.key).order_by(Delivery.id).limit(MOST_DELIVERIES)
    ).all()
    steps = [
        Step("received", [Piece(WORK, event.received_at, event.received_at)], detail=event.source),
        Step("queued", [Piece(WAIT, event.received_at, event.handled_at)]),
        Step("applied", [Piece(WORK, event.handled_at, event.handled_at)], detail=event.outcome),
    ]
    return [*steps, *of_deliveries(session, rows, now)]


def of_deliveries(session: Session, rows: Sequence[Delivery], now: datetime) -> list[Step]:
    """The steps of deliveries, each with its attempts and waits."""
    ids = [row.id for row in rows]
    attempts: dict[int, list[ActionLog]] = {number: [] for number in ids}
    lines = select(ActionLog).where(ActionLog.delivery_id.in_(ids), ActionLog.started_at.is_not(None)).order_by(ActionLog.id)
    for line in session.scalars(lines):
        attempts[line.delivery_id or 0].append(line)
    waits: dict[int, list[DeliveryWait]] = {number: [] for number in ids}
    for wait in session.scalars(select(DeliveryWait).where(DeliveryWait.delivery_id.in_(ids)).order_by(DeliveryWait.id)):
        waits[wait.delivery_id].append(wait)
    return [_step(row, attempts, waits, now) for row in rows]


def _step(
    row: Delivery, attempts: Mapping[int, Sequence[ActionLog]], waits: Mapping[int, Sequence[DeliveryWait]], now: datetime
) -> Step:
    tries = [*map(_attempt, attempts[row.id]), *map(_wait, waits[row.id]), *_present(row, now)]
    tries.sort(key=lambda piece: piece.begin)
    return Step(f"{row.target}.{row.action}", tries, row, row.subject, tries if len(tries) > 1 else [])


def _attempt(line: ActionLog) -> Piece:
    kind = FAILED if attempts.is_failure(line.result) else WORK
    return Piece(kind, line.started_at or line.at, line.at, line.result, line.detail)


def _wait(wait: DeliveryWait) -> Piece:
    return Piece(OUTAGE if wait.outage_id is not None else WAIT, wait.started_at, wait.ended_at, wait.reason)


def _present(row: Delivery, now: datetime) -> Iterator[Piece]:
    """What it waits for at the moment, and when it is due."""
    if row.state not in OPEN:
        return
    begin = row.waiting_since or row.created_at
    if row.due_at > begin:
        kind = OUTAGE if row.outage_id is not None else WAIT
        yield Piece(kind, begin, max(row.due_at, begin), row.waits_for or "planned")
    if row.due_at > now:
        yield Piece(PLANNED, row.due_at, row.due_at, row.waits_for or "planned")


def lane(steps: Sequence[Step]) -> Lane:
    """The line of time that all these steps fit on."""
    return Lane([moment for step in steps for piece in step.pieces for moment in (piece.begin, piece.end)])
