"""Metrics from our own tables: deliveries that are open, late or in error, and the speed of work in the last minute.

Every query is an index seek, and reads what is open (up to a bound) or the last minute, so that a minute's metrics cost the
same however large the tables grow. Percentiles come from a histogram that the database makes: right to 1 %, of all rows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session

from shared import clock, flows, shadow_mode
from shared.outbox import actions, claims, lanes
from shared.outbox.actions import State
from shared.store.elapsed import step_of
from shared.store.flow_models import FlowHold, HeldEvent
from shared.store.models import ActionLog, DeadLetter, Delivery, InboxEvent, Target
from shared.store.session import reading

COUNTED_TO = 10_000  # a count stops here: more is told as this many
FIRST_STEP = 2_000  # rows of the action log that are stepped back over, then twice as many, and so on
LAST = timedelta(minutes=1)
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
            "shadow": _shadow(session),
            "targets": {target.name: _target(session, target) for target in session.scalars(select(Target))},
            "paused_flows": {hold.flow: _held(session, hold) for hold in session.scalars(select(FlowHold))},
            "handled": _handled(session),
            "carried_out": _carried_out(session),
        }


def _shadow(session: Session) -> dict[str, Any]:
    """Which targets SHADOW covers, and how many deliveries were not carried out for it and are still kept."""
    shadowed = select(literal(1)).where(Delivery.state == State.SHADOWED)
    return {"targets": shadow_mode.covered(actions.targets()), "shadowed": _count(session, shadowed)}


def _held(session: Session, hold: FlowHold) -> dict[str, Any]:
    """Whether the flow is paused still, how many of its events wait, and for how many seconds the first of them has."""
    first = session.scalar(select(func.min(HeldEvent.received_at)).where(HeldEvent.flow == hold.flow))
    return {
        "paused": hold.is_paused,
        "waiting": _count(session, select(literal(1)).where(HeldEvent.flow == hold.flow)),
        "waiting_seconds": round((clock.now() - first).total_seconds()) if first else 0,
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
    taken = step_of(InboxEvent.received_at, InboxEvent.handled_at).label("taken")
    rows = select(InboxEvent.type, InboxEvent.outcome, taken).where(InboxEvent.handled_at > clock.now() - LAST)
    counted, durations = Counter[str](), Counter[int]()
    for kind, outcome, step, count in _grouped(session, rows):
        counted[f"{kind} {outcome}"] += count
        durations[step] += count
    return {"events": dict(sorted(counted.items()))} | spread(durations)


def _carried_out(session: Session) -> dict[str, Any]:
    """Attempts of the last minute: how many by action and result, and the seconds from owing to done."""
    since = clock.now() - LAST
    taken = step_of(Delivery.created_at, ActionLog.at).label("taken")
    lately = (ActionLog.id > line_before(session, since), ActionLog.at > since)
    rows = select(ActionLog.action, ActionLog.result, taken).join(Delivery, Delivery.id == ActionLog.delivery_id).where(*lately)
    counted, durations = Counter[str](), Counter[int]()
    for action, result, step, count in _grouped(session, rows):
        counted[f"{action} {result}"] += count
        if result == "done":
            durations[step] += count
    return {"attempts": dict(sorted(counted.items()))} | spread(durations)


def _grouped(session: Session, rows: Select[str, str, int]) -> Sequence[tuple[str, str, int, int]]:
    """Different rows, each with how many of it there are."""
    each = rows.subquery()
    found = session.execute(select(*each.c, func.count()).group_by(*each.c))
    return [(row[0], row[1], row[2], row[3]) for row in found]


def line_before(session: Session, since: datetime) -> int:
    """The number of a line of the action log that is older than `since`, and not much: lines are numbered as they come."""
    newest, step = session.scalar(select(func.max(ActionLog.id))) or 0, FIRST_STEP
    while step < newest:
        older = select(ActionLog.at).where(ActionLog.id <= newest - step).order_by(ActionLog.id.desc()).limit(1)
        at = session.scalar(older)
        if at is None or at <= since:
            break
        step *= 2
    return newest - step


def spread(durations: Mapping[int, int]) -> dict[str, int]:
    """The 50th, 95th and 99th percentile (nearest rank), of so many (value) that took so many milliseconds (key).

    0 where nothing was measured.
    """
    return {f"p{percent}_ms": _nearest(durations, percent) for percent in (50, 95, 99)}


def _nearest(durations: Mapping[int, int], percent: int) -> int:
    rank = -(-percent * sum(durations.values()) // 100)
    for milliseconds, count in sorted(durations.items()):
        rank -= count
        if rank <= 0:
            return milliseconds
    return 0
