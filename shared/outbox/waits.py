"""What a delivery waits for, and what it has waited for: each wait is written down when it is over, with its reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from shared import clock
from shared.outbox import outages
from shared.store.models import Delivery
from shared.store.wait_models import DeliveryWait, Outage, TargetPause

SHORTEST = timedelta(seconds=1)
LOOKED_AT = 100  # outages and pauses of a target, the newest ones: a wait does not reach back over more


class Reason(StrEnum):
    """Why a delivery waits. A message that its owner moves waits for the owner's reason (`quiet-hours`, `daily-cap`, ...)."""

    PLANNED = "planned"  # its date has not come
    BACKOFF = "backoff"  # its last attempt failed
    DEFERRED = "deferred"  # the outside system wants this one later
    OUTAGE = "outage"  # the outside system does not answer
    PACE = "pace"  # its turn has not come: the target's pace and slots, a wait that the target asked for
    PAUSED = "paused"  # a person has paused the target
    NOT_DEPLOYED = "not-deployed"  # its action is unknown to the code that looked at it


@dataclass(frozen=True)
class _Hold:
    """A time in which a target was not called."""

    start: datetime
    end: datetime
    reason: Reason
    outage_id: int | None = None


def begin(row: Delivery, reason: str | None = None) -> None:
    """Note on a delivery that it waits from now on, and for what; None: for its turn alone."""
    row.waits_for, row.waiting_since = reason[:64] if reason else None, clock.now()


def end(session: Session, target: str, rows: Sequence[Delivery]) -> None:
    """Write down what due deliveries have waited for until now, each part of a second or more.

    Whoever moves them on calls `begin`.

    A delivery that has waited for an outage is counted as held up by it, once.
    """
    now = clock.now()
    first = min((_turn_began(row) for row in rows), default=now)
    holds = _holds(session, target, first, now) if now - first >= SHORTEST else []
    found = [(row, wait) for row in rows for wait in _waits(row, holds, now) if wait.ended_at - wait.started_at >= SHORTEST]
    session.add_all(wait for _row, wait in found)
    outages.hold_up(session, ((row, wait.outage_id) for row, wait in found if wait.outage_id is not None))


def _turn_began(row: Delivery) -> datetime:
    return max(row.due_at, row.waiting_since or row.created_at)


def _waits(row: Delivery, holds: Sequence[_Hold], now: datetime) -> Iterator[DeliveryWait]:
    since, at = row.waiting_since or row.created_at, _turn_began(row)
    if at > since:
        yield _wait(row, row.waits_for or Reason.PLANNED, since, at)
    otherwise = Reason.OUTAGE if row.waits_for == Reason.OUTAGE else Reason.PACE
    for hold in holds:
        start, stop = max(hold.start, at), min(hold.end, now)
        if start < stop:
            yield _wait(row, otherwise, at, start)
            yield _wait(row, hold.reason, start, stop, hold.outage_id)
            at = stop
    yield _wait(row, otherwise, at, now)


def _wait(row: Delivery, reason: str, start: datetime, stop: datetime, outage_id: int | None = None) -> DeliveryWait:
    return DeliveryWait(delivery_id=row.id, reason=reason, started_at=start, ended_at=stop, outage_id=outage_id)


def _holds(session: Session, target: str, since: datetime, now: datetime) -> list[_Hold]:
    """The outages and pauses of a target that reach beyond `since`, in the order of their beginning."""
    away = select(Outage).where(Outage.target == target, or_(Outage.ended_at.is_(None), Outage.ended_at > since))
    paused = select(TargetPause).where(
        TargetPause.target == target,
        or_(TargetPause.ended_at.is_(None), TargetPause.ended_at > since),
        or_(TargetPause.until.is_(None), TargetPause.until > since),
    )
    found = [
        _Hold(one.started_at, one.ended_at or now, Reason.OUTAGE, one.id)
        for one in session.scalars(away.order_by(Outage.id.desc()).limit(LOOKED_AT))
    ]
    found += [
        _Hold(one.paused_at, min(one.ended_at or now, one.until or now), Reason.PAUSED)
        for one in session.scalars(paused.order_by(TargetPause.id.desc()).limit(LOOKED_AT))
    ]
    return sorted(found, key=lambda hold: hold.start)
