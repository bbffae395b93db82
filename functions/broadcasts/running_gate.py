"""Whether a message of a broadcast may go out now: asked when it is claimed, and immediately before the vendor is called."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.broadcasts import ledger, pace
from functions.broadcasts.running_config import RunConfig
from functions.broadcasts.running_send import MARK, Whose, source_of
from functions.broadcasts.states import ExecutionStatus
from functions.broadcasts.tables import Execution, Recipient
from shared import clock
from shared.errors import NotBegunError
from shared.outbox import lanes
from shared.outbox.actions import Later, State
from shared.store.models import Delivery

PAUSED, CANCELLED, OVER, ERASED = "broadcast-paused", "broadcast-cancelled", "broadcast-over", "broadcast-erased"
GAVE_UP = "broadcast-gave-up"
WINDOW, BACKOFF, BUSY, RATE = "execution-window", "backoff", "concurrency", "rate"
FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(minutes=1), timedelta(hours=1)
LOOK_AGAIN = timedelta(seconds=30)
_UNDER_WAY = "broadcast_calls"
_KEPT = "broadcast_rows"


def may_send(session: Session, context: Mapping[str, Any]) -> str | Later | None:
    """Listens to `message.sending`: a reason to skip it, a later time, or None.

    Of the later messages of a conversation only a cancellation is asked for: who has been begun with is talked to to the end.
    """
    whose = Whose.of(context)
    if whose is None:
        return None
    execution, recipient = _kept(session, Execution, whose.execution_id), _kept(session, Recipient, whose.recipient_id)
    if execution is None or recipient is None:
        return ERASED
    if (reason := _stands_still(execution, opens=whose.opens)) is not None or not whose.opens:
        # A conversation that was begun would end if its first message were left out, so that one waits.
        return Later(clock.now() + LOOK_AGAIN, PAUSED) if reason == PAUSED and MARK not in context else reason
    config, now = RunConfig.of(execution.config), clock.now()
    if not pace.is_open(now, config.window, config.zone):
        return Later(pace.next_open(now, config.window, config.zone), WINDOW)
    return _retry(session, recipient, config, now)


def has_place(session: Session, context: Mapping[str, Any]) -> str | Later | None:
    """Listens to `message.place`: takes a slot of the automation's ledger for this attempt, or says when to ask again."""
    whose = Whose.of(context)
    if whose is None or not whose.opens:
        return None
    execution, recipient = _kept(session, Execution, whose.execution_id), _kept(session, Recipient, whose.recipient_id)
    if execution is None or recipient is None:
        return ERASED
    config, now = RunConfig.of(execution.config), clock.now()
    if _calls_under_way(session, whose.automation_id) >= config.at_once:
        return Later(now + LOOK_AGAIN, BUSY)
    if (at := ledger.take(session, whose.automation_id, config.rate_per_hour)) is not None:
        return Later(at, RATE)
    session.info[_UNDER_WAY][whose.automation_id] += 1
    recipient.attempts, recipient.last_attempt_at = recipient.attempts + 1, now
    _stamp(session, recipient, now)
    return None


def look_again(context: Mapping[str, Any]) -> str | None:
    """Listens to `message.last_look`: whether the slot is still good.

    Raises:
        NotBegunError: the worker stood still for too long; the message is claimed anew, and takes another slot.
    """
    taken = context.get(SLOT)
    if taken is not None and clock.now() - datetime.fromisoformat(str(taken)) > ledger.GOOD_FOR:
        raise NotBegunError("its slot is no longer good")
    return None


SLOT = "broadcast_slot"
"""Of a message's context: when its slot was taken."""


def _kept[T: (Execution, Recipient)](session: Session, model: type[T], number: int) -> T | None:
    """A row by its id, read once in a transaction: what nobody holds is read anew for every message of a block."""
    kept: dict[tuple[type, int], Any] = session.info.setdefault(_KEPT, {})
    if (model, number) not in kept:
        kept[model, number] = session.get(model, number)
    found: T | None = kept[model, number]
    return found


def _stands_still(execution: Execution, *, opens: bool) -> str | None:
    match execution.status:
        case ExecutionStatus.RUNNING:
            return None
        case ExecutionStatus.PAUSED | ExecutionStatus.QUEUED:
            return PAUSED if opens else None
        case ExecutionStatus.CANCELLED:
            return CANCELLED
    return OVER if opens else None


def _retry(session: Session, recipient: Recipient, config: RunConfig, now: datetime) -> str | Later | None:
    """Whether a failed attempt is made again: `retry_failed` and `max_retries` say so, after a growing wait.

    An attempt that an outage has cost does not count as one; its slot did.
    """
    delivery = session.get(Delivery, recipient.delivery_id) if recipient.delivery_id else None
    failed = delivery.attempts if delivery is not None else 0
    if failed == 0 or recipient.last_attempt_at is None:
        return None
    if not config.retry_failed or failed > config.max_retries:
        return GAVE_UP
    due = recipient.last_attempt_at + min(FIRST_BACKOFF * 2 ** (failed - 1), LONGEST_BACKOFF)
    return Later(due, BACKOFF) if due > now else None


def _calls_under_way(session: Session, automation_id: int) -> int:
    """How many calls of an automation are under way; counted once in a transaction, which holds its ledger from then on."""
    known: dict[int, int] = session.info.setdefault(_UNDER_WAY, {})
    if automation_id not in known:
        ledger.hold(session, automation_id)
        held = (Delivery.state == State.SENDING, Delivery.lane == lanes.of_source(source_of(automation_id)))
        with session.no_autoflush:
            known[automation_id] = session.scalar(select(func.count()).select_from(Delivery).where(*held)) or 0
    return known[automation_id]


def _stamp(session: Session, recipient: Recipient, now: datetime) -> None:
    """Note in the message when its slot was taken, so that the last look needs no database."""
    delivery = session.get(Delivery, recipient.delivery_id) if recipient.delivery_id else None
    if delivery is not None and isinstance(delivery.payload, Mapping):
        context = dict(delivery.payload.get("context") or {}) | {SLOT: now.isoformat()}
        delivery.payload = dict(delivery.payload) | {"context": context}
