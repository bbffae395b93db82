"""Plan deliveries: write them in the transaction of the change that causes them, and wake the executors after its commit."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, func, insert, null, select, update
from sqlalchemy.orm import Session

from shared import clock, queues, telemetry
from shared.errors import PuenteError
from shared.outbox import actions, lanes, outages
from shared.outbox.actions import Action, Kind, State
from shared.outbox.lanes import Serves
from shared.store.dialect import insert_if_absent, locked
from shared.store.models import Delivery, TargetSlot
from shared.store.session import read_value
from shared.store.trial_keys import TRIAL, is_trial
from shared.store.types import key_of
from shared.store.used_keys import was_used

log = logging.getLogger("puente.outbox")


@dataclass(frozen=True, kw_only=True)
class NewMessage:
    """One of many messages of a bulk source (see `message_many`)."""

    subject: str
    dedupe_key: str
    payload: Any
    due_at: datetime
    not_after: datetime | None = None


_CAUSE = "puente_trial"  # the key of the test event that causes what is planned
_NEWLY_DUE = "puente_newly_due"
_KEYS = "puente_keys_planned"  # of a rehearsal: the keys of what it has planned
_BY_KEY = locked(select(Delivery).where(Delivery.dedupe_key == bindparam("key")), Delivery)
_SLOTS_HELD = select(func.count()).where(
    TargetSlot.target == bindparam("target"), TargetSlot.slot >= bindparam("first"), TargetSlot.held_until > bindparam("now")
)


def sync(session: Session, action: Action, subject: str, *, event_key: str | None = None) -> int:
    """Enqueue a sync of `subject` to `action`'s target, due now. Returns the delivery's id.

    Where one that was planned for many at once (`sync_many`) is open, it moves to the lane of this one.

    One open delivery stands for any number of changes: a pending one is reused; one that is being sent runs once more
    afterwards, because it may have read the state before this change.
    """
    key = key_of(Kind.SYNC, action.target, action.name, subject)
    event_key = event_key or session.info.get(_CAUSE)
    _note(session, key)
    with (
        session.no_autoflush
    ):  # the caller's changes are written once, with this row; every delivery is written when it is made
        row = session.scalars(_BY_KEY, {"key": key}).one_or_none()
    if row is None:
        row = Delivery(**_values(action, subject, key, event_key=event_key))
        session.add(row)
        session.flush()
        mark_due(session, action.target, action.lane)
        return row.id
    row.wanted, row.owed_since = row.wanted + 1, clock.now()
    if is_trial(row.event_key) and not is_trial(event_key):
        row.event_key = event_key  # a test would not be carried out, and this change is no test
    is_late = row.state == State.PENDING and row.due_at > clock.now()
    if is_late:
        # A change may cure what made the last attempt fail, so a sync that waits for its next attempt gets a fresh start now.
        row.due_at, row.attempts = clock.now(), 0
    if is_late or row.lane != action.lane:
        row.lane = action.lane
        mark_due(session, action.target, action.lane)
    return row.id


def sync_many(session: Session, action: Action, subjects: Sequence[str]) -> None:
    """`sync` for up to some hundred different subjects, in four statements instead of three for each; new ones are bulk."""
    keys = {key_of(Kind.SYNC, action.target, action.name, subject): subject for subject in subjects}
    _note(session, *keys)
    waiting = select(Delivery.dedupe_key).where(Delivery.dedupe_key.in_(keys))
    found = set(session.scalars(locked(waiting, Delivery)))
    now = clock.now()
    if found:
        open_ones = update(Delivery).where(Delivery.dedupe_key.in_(found))
        of_no_test = case((Delivery.event_key.like(f"{TRIAL}%"), null()), else_=Delivery.event_key)
        more = {"wanted": Delivery.wanted + 1, "owed_since": now, "updated_at": now, "event_key": of_no_test}
        session.execute(open_ones.values(more))
        late = open_ones.where(Delivery.state == State.PENDING, Delivery.due_at > now)
        session.execute(late.values(due_at=now, attempts=0))
    bulk = {"lane": lanes.BULK}
    new = [_values(action, subject, key, event_key=None) | bulk for key, subject in keys.items() if key not in found]
    if new:
        session.execute(insert(Delivery), new)
        mark_due(session, action.target, lanes.BULK)
    if found:
        mark_due(session, action.target)


def message(  # a message has this many facts
    session: Session,
    action: Action,
    subject: str,
    dedupe_key: str,
    payload: Any,
    *,
    due_at: datetime | None = None,
    not_after: datetime | None = None,
    event_key: str | None = None,
    source: str | None = None,
) -> bool:
    """Enqueue a message to `subject`, once for `dedupe_key` for all time. False where the key exists (nothing changes).

    `source`: the bulk source that it is one of many of; its lane (see `shared.outbox.lanes`). None: as the action says.
    """
    key = key_of(Kind.MESSAGE, action.target, action.name, dedupe_key)
    event_key = event_key or session.info.get(_CAUSE)
    values = _values(action, subject, key, event_key=event_key) | {"payload": payload, "not_after": not_after}
    if source is not None:
        values["lane"] = lanes.of_source(source)
    if due_at is not None:
        values |= {"due_at": due_at, "owed_since": max(due_at, clock.now())}
    if action.key_recurs and was_used(session, key):
        return False
    planned = insert_if_absent(session, Delivery, "dedupe_key", values)
    if planned:
        _note(session, key)
    if planned and values["due_at"] <= clock.now():
        mark_due(session, action.target, values["lane"])
    return planned


def message_many(
    session: Session, action: Action, messages: Sequence[NewMessage], *, source: str, event_key: str | None = None
) -> list[int]:
    """`message` for up to some hundred new ones of a bulk source, in two statements for all of them; their ids, in order.

    None of the dedupe keys may exist: each names something that this transaction has locked and that has no message yet. One
    that exists all the same fails the whole transaction.
    """
    keys = [key_of(Kind.MESSAGE, action.target, action.name, one.dedupe_key) for one in messages]
    lane, now = lanes.of_source(source), clock.now()
    values = [
        _values(action, one.subject, key, event_key=event_key)
        | {"payload": one.payload, "not_after": one.not_after, "lane": lane}
        | {"due_at": one.due_at, "owed_since": max(one.due_at, now)}
        for one, key in zip(messages, keys, strict=True)
    ]
    session.execute(insert(Delivery), values)
    _note(session, *keys)
    if any(one.due_at <= now for one in messages):
        mark_due(session, action.target, lane)
    query = select(Delivery.dedupe_key, Delivery.id).where(Delivery.dedupe_key.in_(keys))
    ids = {row.dedupe_key: row.id for row in session.execute(query)}
    return [ids[key] for key in keys]


def cancel(session: Session, delivery_id: int, reason: str) -> bool:
    """Cancel a pending, uncertain or dead delivery. False, and nothing changes, in every other state."""
    row = session.scalars(locked(select(Delivery).where(Delivery.id == delivery_id), Delivery)).one_or_none()
    if row is None or row.state not in (State.PENDING, State.UNCERTAIN, State.DEAD):
        return False
    row.state, row.reason, row.finished_at = State.CANCELLED, reason[:64], clock.now()
    if row.kind == Kind.SYNC:
        row.dedupe_key = None
    outages.settle(session, row, done=False)
    return True


@contextmanager
def caused_by(session: Session, event_key: str | None) -> Iterator[None]:
    """Where that is the key of a test event: let what this session plans bear it, so that nobody is written to by a test."""
    if not is_trial(event_key):
        yield
        return
    session.info[_CAUSE] = event_key
    try:
        yield
    finally:
        del session.info[_CAUSE]


def is_of_test(session: Session) -> bool:
    """Whether this session applies what a test event has caused (`caused_by`)."""
    return _CAUSE in session.info


def note_keys(session: Session) -> set[str]:
    """The set to which the dedupe keys of everything that this session plans are added from now on."""
    found: set[str] = session.info.setdefault(_KEYS, set())
    return found


def note_no_keys(session: Session) -> None:
    """Note no more keys."""
    session.info.pop(_KEYS, None)


def _note(session: Session, *keys: str) -> None:
    noted: set[str] | None = session.info.get(_KEYS)
    if noted is not None:
        noted.update(keys)


def newly_due(session: Session) -> set[str]:
    """Whom `nudge` is to wake after the commit: the executors of what this transaction has planned that is due now."""
    found: set[str] = session.info.get(_NEWLY_DUE, set())
    return set(found)


def nudge(wakes: set[str]) -> None:
    """Wake executors, as `lanes.wake` names them. May fail or be lost: the dispatcher finds what is due all the same.

    To be called after the commit. Where every slot of a target is held no message is needed: whoever holds one claims once more
    before giving it back, and that claim comes after our commit; one that leaves bulk to others wakes them then.
    """
    for wake in sorted(wakes):
        target, _, bulk = wake.partition(":")
        try:
            if not _all_busy(target, Serves.BULK if bulk else Serves.TRANSACTIONAL):
                queue = queues.BULK_DELIVERY_QUEUE if bulk else queues.DELIVERY_QUEUE
                queues.send(queue, json.dumps({"target": target}).encode())
        except PuenteError as error:
            log.warning("no nudge for %s: %s", wake, error)


def _all_busy(target: str, serves: Serves) -> bool:
    slots = lanes.slots_for(actions.policy(target), serves)
    held: int = read_value(_SLOTS_HELD, {"target": target, "first": slots.start, "now": clock.now()})
    return held >= len(slots)


def _values(action: Action, subject: str, key: str, *, event_key: str | None) -> dict[str, Any]:
    return {
        "kind": action.kind.value,
        "target": action.target,
        "action": action.name,
        "subject": subject,
        "dedupe_key": key,
        "due_at": clock.now(),
        "lane": action.lane.value,
        "event_key": event_key,
        "traceparent": telemetry.current(),
    }


def mark_due(session: Session, target: str, lane: str = lanes.TRANSACTIONAL) -> None:
    """Say that this transaction leaves work for `target` that is due now; whoever commits it wakes its executors."""
    session.info.setdefault(_NEWLY_DUE, set()).add(lanes.wake(target, lane))
