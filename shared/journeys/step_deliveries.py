"""Deliveries of journey steps: find, move or cancel them. A delivery that a worker has claimed is left alone."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.util import identity_key

from shared import clock
from shared.messages import planning
from shared.messages.message import Fallback, Message
from shared.outbox import plan
from shared.outbox.actions import State
from shared.outbox.transitions import OUTCOME_UNKNOWN
from shared.store.dialect import locked
from shared.store.models import Delivery

REWORDED = ("to", "variables", "fallback", "locale", "time_zone", "country")


def waiting(session: Session, delivery_id: int | None) -> Delivery | None:
    """The current delivery of a step, locked, if nobody has begun it: its first, or the fallback that stands in its place."""
    if delivery_id is None:
        return None
    row = _locked(session, delivery_id)
    if row is not None and row.state != State.PENDING and (current := planning.last_way(session, row)).id != row.id:
        row = _locked(session, current.id)
    return row if row is not None and row.state == State.PENDING else None


def first_tried(session: Session, delivery_id: int | None) -> datetime | None:
    """When somebody began to send a delivery that may have gone out; None where it certainly has not."""
    row = session.get(Delivery, delivery_id, populate_existing=True) if delivery_id is not None else None
    if row is None or (row.state == State.PENDING and row.reason != OUTCOME_UNKNOWN):
        return None
    payload: Any = row.payload or {}
    tried = payload.get("first_try")
    return datetime.fromisoformat(tried) if tried else row.finished_at


def _locked(session: Session, delivery_id: int) -> Delivery | None:
    """The delivery as it is stored, locked. A change that was not written yet is written first: the read would undo it."""
    known = session.identity_map.get(identity_key(Delivery, (delivery_id,)))
    if known is not None and session.is_modified(known):
        session.flush()
    return session.scalars(locked(select(Delivery).where(Delivery.id == delivery_id), Delivery)).one_or_none()


def move(session: Session, delivery_id: int | None, due_at: datetime, not_after: datetime | None) -> bool:
    """Give a delivery another time; False where it has been begun."""
    row = waiting(session, delivery_id)
    if row is None:
        return False
    row.due_at, row.owed_since = due_at, max(due_at, clock.now())
    if row.reason != OUTCOME_UNKNOWN:
        row.reason = None
    set_expiry(row, not_after)
    if due_at <= clock.now():
        plan.mark_due(session, row.target)
    return True


def set_expiry(row: Delivery, not_after: datetime | None) -> None:
    """Until when a delivery is worth sending, in its row and in its message."""
    row.not_after = not_after
    payload: Any = row.payload
    if isinstance(payload, Mapping) and "not_after" in payload:
        row.payload = dict(payload) | {"not_after": not_after.isoformat() if not_after else None}


def reword(session: Session, delivery_id: int | None, message: Message) -> bool:
    """Replace the content of a pending delivery by that of `message`, for the channel it goes by; False where nothing changes.

    A message that may have been sent keeps its content: it is sent again under its key, which the vendor knows with the old
    content. So does a mail that was tried already, for mail providers also keep the key of what they refused.
    """
    row = waiting(session, delivery_id)
    old: Any = row.payload if row is not None else None
    if row is None or row.reason == OUTCOME_UNKNOWN or not isinstance(old, Mapping):
        return False
    same = _by_its_channel(message, old)
    if same is None or (same.channel == "email" and old.get("first_try")):
        return False
    now = same.payload()
    new = dict(old) | {name: now[name] for name in REWORDED}
    if new == old:
        return False
    row.payload = new
    return True


def _by_its_channel(message: Message, old: Mapping[str, Any]) -> Message | None:
    """`message` as the channel says it that the delivery goes by; None where it has none for that channel any more."""
    ways = [Fallback(channel=message.channel, to=message.to, template=message.template), *message.fallback]
    for number, way in enumerate(ways):
        if (way.channel, way.template) == (old.get("channel"), old.get("template")):
            return replace(message, channel=way.channel, to=way.to, template=way.template, fallback=tuple(ways[number + 1 :]))
    return None


def cancel(session: Session, delivery_id: int | None, reason: str) -> bool:
    """Take a delivery back; False where it may have been sent, or is being sent."""
    row = waiting(session, delivery_id)
    if row is None or row.reason == OUTCOME_UNKNOWN:
        return False
    return plan.cancel(session, row.id, reason)
