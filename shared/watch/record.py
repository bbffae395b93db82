"""Metrics from our own tables: deliveries that are open, late or in error, and the speed of work in the last minute.

Every query is a bounded index seek, so that a minute's metrics cost the same however large the tables grow.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session

from shared import clock, flows
from shared.outbox import claims, lanes
from shared.outbox.actions import State
from shared.store.models import ActionLog, DeadLetter, Delivery, InboxEvent, Target
from shared.store.session import reading

COUNTED_TO = 10_000  # a count stops here: more is told as this many
LOOKED_AT = 2_000  # the newest rows of inbox and action log that a minute's figures are made from
LAST = timedelta(minutes=1)
LONGEST_MS = 99_999_999  # more than a day; nine digits in a row would be masked as a phone number
OPEN_STATES = (State.PENDING, State.SENDING, State.DEAD, State.UNCERTAIN)


def figures() -> dict[str, Any]:
    """The state of the record in numbers and short names; nothing in it tells of a person.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    with reading() as session:
        return {
            "dead_letters": _count(session, select(literal(1)).where(DeadLetter.state == "parked")),
            "errored_syncs": _errored(session),
            "deliveries": {
                state.value: _count(session, select(literal(1)).where(Delivery.state == state)) for state in OPEN_STATES
            },
            "targets": {target.name: _target(session, target) for target in session.scalars(select(Target))},
            "handled": _handled(session),
            "carried_out": _carried_out(session),
        }


def _count(session: Session, rows: Select[Any]) -> int:
    bounded = rows.limit(COUNTED_TO).subquery()
    return session.scalar(select(func.count()).select_from(bounded)) or 0


def _errored(session: Session) -> int:
    statuses = [sync.status_column for sync in flows.parts("syncs")]
    return sum(_count(session, select(literal(1)).where(status == "error")) for status in statuses)


def _target(session: Session, target: Target) -> dict[str, Any]:
    """Its circuit, how much is due, and for how many seconds the first of it has been."""
    first = min(lanes.due(session, target.name).values(), default=None)
    return {
        "circuit": target.circuit,
        "due": _count(session, select(literal(1)).where(claims.due(session, target.name))),
        "late_seconds": round((clock.now() - first).total_seconds()) if first else 0,
    }


def _handled(session: Session) -> dict[str, Any]:
    """Events handled in the last minute: how many by type and outcome, and the seconds from the door to the record."""
    query = select(InboxEvent.type, InboxEvent.outcome, InboxEvent.received_at, InboxEvent.handled_at)
    rows = session.execute(
        query.where(InboxEvent.handled_at > clock.now() - LAST).order_by(InboxEvent.handled_at.desc()).limit(LOOKED_AT)
    ).all()
    counted = Counter(f"{row.type} {row.outcome}" for row in rows)
    return {"events": dict(sorted(counted.items()))} | spread(
        [(row.handled_at - row.received_at).total_seconds() for row in rows]
    )


def _carried_out(session: Session) -> dict[str, Any]:
    """Attempts of the last minute: how many by action and result, and the seconds from owing to done."""
    query = select(ActionLog.at, ActionLog.action, ActionLog.result, Delivery.created_at)
    newest = query.join(Delivery, Delivery.id == ActionLog.delivery_id).order_by(ActionLog.id.desc()).limit(LOOKED_AT)
    rows = [row for row in session.execute(newest).all() if row.at > clock.now() - LAST]
    counted = Counter(f"{row.action} {row.result}" for row in rows)
    done = [(row.at - row.created_at).total_seconds() for row in rows if row.result == "done"]
    return {"attempts": dict(sorted(counted.items()))} | spread(done)


def spread(seconds: Sequence[float]) -> dict[str, int]:
    """The 50th, 95th and 99th percentile (nearest rank) in milliseconds, at most `LONGEST_MS`; 0 where nothing was measured."""
    ordered = sorted(max(value, 0) for value in seconds)
    return {f"p{percent}_ms": _nearest(ordered, percent) if ordered else 0 for percent in (50, 95, 99)}


def _nearest(ordered: Sequence[float], percent: int) -> int:
    rank = -(-percent * len(ordered) // 100)
    return min(round(ordered[rank - 1] * 1000), LONGEST_MS)
