"""Parts of a target: each has the target's pace for itself, such as each of our numbers at a vendor.

What waits for a part whose turns are handed out stays where it is, and what goes by another part is claimed past it. Rows are
changed under the lock of the target's row.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from shared import clock
from shared.outbox import actions
from shared.outbox.actions import Action
from shared.store.types import UtcDateTime
from shared.store.wait_models import TargetPart

LOOKED_AT = 200  # deliveries of a lane that are looked through for one whose part has a turn soon

_BUSY = select(TargetPart).where(
    TargetPart.target == bindparam("target"), TargetPart.next_call_at > bindparam("soon", type_=UtcDateTime)
)


def busy(session: Session, target: str, ahead: timedelta) -> dict[str, datetime]:
    """The parts whose next turn is further ahead than that, and when it is; none where the target's pace is one for all."""
    if not actions.policy(target).by_part:
        return {}
    rows = session.scalars(_BUSY, {"target": target, "soon": clock.now() + ahead})
    return {row.part: row.next_call_at for row in rows}


def of(action: Action, payload: Any) -> str:
    """The part by which a delivery of an action goes; "" where its target's pace is one for all."""
    is_paced = action.part is not None and actions.policy(action.target).by_part
    return action.part(payload) if is_paced and action.part is not None else ""


def first_free(target: str, due: Collection[tuple[str, int, Any]], taken: Collection[str]) -> tuple[str, int] | None:
    """The action and the batch limit of the first of these whose part is not taken; each has its payload last."""
    for name, limit, payload in due:
        found = actions.find(target, name)
        if not isinstance(found, Action) or of(found, payload) not in taken:
            return name, limit
    return None


def next_turn(session: Session, target: str, part: str) -> TargetPart:
    """The row of a part, with its next turn; made on first use. The target's row is locked."""
    row = session.get(TargetPart, (target, part), populate_existing=True)
    if row is None:
        row = TargetPart(target=target, part=part, next_call_at=clock.now())
        session.add(row)
    return row
