"""The work item of a run: looked at while its robot is waited for, because a robot may work it and report nothing.

What the robot reports itself counts before what OpenFlow says of its item: an item may be done for its queue although the work
came to nothing. So an end that OpenFlow shows counts when it has stood for `GRACE`, and no report has come.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.coordinations import robots, services
from functions.coordinations.payloads import RobotResult
from functions.coordinations.tables import WAITING, Coordination
from shared import clock
from shared.crm import editing
from shared.outbox.record_sync import ERROR, PENDING

GRACE, OFTEN = timedelta(minutes=5), timedelta(minutes=4)
ENDS = {"successful": "completed", "failed": "failed", "abandoned": "failed"}
NO_WORDS = "OpenFlow says so of its work item, without a reason"


def to_look(session: Session, limit: int) -> Sequence[Coordination]:
    """Runs that wait for their robot, and whose item was not looked at for some minutes."""
    status = Coordination.item_sync_status
    settled = or_(status.is_(None), status.not_in((PENDING, ERROR)))
    is_due = or_(Coordination.item_sync_at.is_(None), Coordination.item_sync_at <= clock.now() - OFTEN)
    query = select(Coordination).where(Coordination.state == WAITING, settled, is_due)
    return session.scalars(query.order_by(Coordination.wait_until).limit(limit)).all()


def look(row: Coordination) -> Mapping[str, Any]:
    """Read the item; where it has stood at its end for `GRACE`, that is the robot's result. Raises as `robots.items_of`."""
    if row.state != WAITING:
        return {"item_state": row.item_state, "item_ended_at": _written(row)}
    found = next(iter(robots.items_of(row, undoing=False)), None)
    state = None if found is None else str(found.get("state") or "")[:16] or None
    if found is None or state not in ENDS:
        return {"item_state": state, "item_ended_at": None}
    since = row.item_ended_at or clock.now()
    if clock.now() - since >= GRACE:
        _take(row.id, ENDS[state], found)
    return {"item_state": state, "item_ended_at": since.isoformat()}


def _take(number: int, status: str, item: Mapping[str, Any]) -> None:
    error = str(item.get("errormessage") or NO_WORDS)[:1000] if status == "failed" else None
    words = {"coordination": number, "status": status, "result": robots.payload_of(item).get("result"), "error": error}
    editing.committed(lambda session: services.take_item(session, RobotResult.model_validate(words)))


def _written(row: Coordination) -> str | None:
    return None if row.item_ended_at is None else row.item_ended_at.isoformat()
