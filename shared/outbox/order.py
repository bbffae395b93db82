"""The order of the messages to one person: what is due earlier is begun, and its outcome recorded, before the next is claimed.

It holds within a lane and an action of a target, on any number of executors. One that is put off (its attempt failed, its
person sleeps) is due later than the others, and holds up none of them.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, literal, select
from sqlalchemy.orm import Session

from shared.outbox import actions
from shared.outbox.expired import IS_SENDING
from shared.outbox.lanes import IS_PENDING
from shared.store.models import Delivery
from shared.store.types import UtcDateTime

_OURS: tuple[ColumnElement[bool], ...] = (
    Delivery.target == bindparam("target"),
    Delivery.lane == bindparam("lane"),
    Delivery.action == bindparam("action"),
    Delivery.subject.in_(bindparam("subjects", expanding=True)),
    Delivery.due_at <= bindparam("until", type_=UtcDateTime),
)
# Both in one statement, which sees one moment: what another transaction is just claiming is still pending to it, or sending
# already, and never neither.
_PLACE = (Delivery.id, Delivery.subject, Delivery.due_at)
_PENDING = select(*_PLACE, literal(0).label("is_held")).where(*_OURS, IS_PENDING)
_HELD = select(*_PLACE, literal(1).label("is_held")).where(*_OURS, IS_SENDING)
_OPEN = _PENDING.union_all(_HELD)


BEYOND = 10


def beyond(target: str) -> int:
    """How many more rows are looked at than are claimed, so that an executor finds others behind whoever must wait."""
    return BEYOND if actions.policy(target).slots > 1 else 0


def first_of_each(session: Session, target: str, lane: str, action: str, rows: Sequence[Delivery]) -> list[Delivery]:
    """Of messages that are due, in their order and locked by us, those of whose person nothing earlier is open."""
    if len(rows) == 1 and actions.policy(target).slots == 1:  # no other executor, nothing beside it
        return list(rows)
    first: dict[str, Delivery] = {}
    for row in rows:
        first.setdefault(row.subject, row)
    facts = {"target": target, "lane": lane, "action": action, "subjects": sorted(first), "until": rows[-1].due_at}
    places = {subject: (row.due_at, row.id) for subject, row in first.items()}
    with session.no_autoflush:
        found = session.execute(_OPEN, facts).all()
    behind = {one.subject for one in found if one.is_held or (one.due_at, one.id) < places[one.subject]}
    return [row for subject, row in first.items() if subject not in behind]
