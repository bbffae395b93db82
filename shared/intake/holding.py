"""Flows that a person has paused: their events are taken in as ever, and wait in our record until the pause is over.

The hold stands where events are handled, not at the door and not on the queue: a webhook answers as ever, and its event's
message is consumed and becomes a row. So nothing comes back to the queue again and again, and no message counts as poison.
Whether a flow is held is read in the transaction that would apply the event; whoever adds a waiting event holds the flow's row
meanwhile, so that `shared.intake.releasing` cannot end the hold without handling it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from shared import clock, flows
from shared.intake.envelope import Envelope
from shared.store.dialect import insert_if_absent, locked
from shared.store.flow_models import FlowHold, HeldEvent
from shared.store.types import key_of

FRESH_SECONDS = 1.0
"""For so long a process that has seen no hold at all looks for none: each event would ask otherwise."""
_ALL = select(FlowHold.flow)
_HOLD = locked(select(FlowHold).where(FlowHold.flow == bindparam("flow")), FlowHold)


def lock(session: Session, flow: str) -> FlowHold | None:
    """The flow's hold, if there is one, held until the transaction ends."""
    return session.scalars(_HOLD, {"flow": flow}).one_or_none()


class _Seen:
    """Until when this process need not look for holds."""

    none_until = 0.0


def forget() -> None:
    """Look again at the next event: a flow was paused."""
    _Seen.none_until = 0.0


def is_held(session: Session, queue: str, kind: str) -> bool:
    """Whether events of that type on that queue wait at the moment.

    Where no flow is held this is asked once a second, so that another process applies what comes in the first second of a
    pause; from then on, and until the last hold has ended, each event asks.
    """
    if clock.steady() < _Seen.none_until:
        return False
    held = session.scalars(_ALL).all()
    if not held:
        _Seen.none_until = clock.steady() + FRESH_SECONDS
    return flows.owner(queue, kind) in held


def keep_if_held(session: Session, queue: str, key: str, envelope: Envelope) -> bool:
    """Let an event wait where its flow is held; False: it is to be applied. `key` is the event's among all events.

    Again changes nothing: the row has the event's key. The hold may end between the look and the lock; then nothing waits.
    """
    if not is_held(session, queue, envelope.type):
        return False
    flow = str(flows.owner(queue, envelope.type))
    if lock(session, flow) is None:
        return False
    values: dict[str, Any] = {
        "key": key_of(key, envelope.received.isoformat(), str(envelope.replayof)),
        "flow": flow,
        "queue": queue,
        "type": envelope.type,
        "subject": envelope.subject,
        "received_at": envelope.received,
        "event": envelope.to_bytes().decode(),
    }
    insert_if_absent(session, HeldEvent, "key", values)
    return True


def waiting(session: Session, flow: str) -> tuple[int, datetime | None]:
    """How many events of a flow wait, and when the first of them was received."""
    number, first = session.execute(select(func.count(), func.min(HeldEvent.received_at)).where(HeldEvent.flow == flow)).one()
    return number, first
