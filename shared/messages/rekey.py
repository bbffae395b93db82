"""Key the digests that earlier releases stored without a key, and join what is then about one person twice.

A job does it, in small steps, beside the running app: whoever looks for a person asks for all forms of their digests.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import UniqueConstraint, inspect, select
from sqlalchemy.orm import Session

from shared import clock
from shared.messages import digests
from shared.store.dialect import locked
from shared.store.message_models import Conversation, MessageDay, Suppression
from shared.store.models import Base
from shared.store.session import transact

COLUMN = "who"
PAGE = 200
BUDGET = timedelta(seconds=60)


def rekey() -> int:
    """Key what has no key; how many rows. Nothing without a secret. Again, or after a kill, it goes on where it stopped."""
    if not digests.is_keyed():
        return 0
    end, count = clock.now() + BUDGET, 0
    for model in _models():
        while clock.now() < end and (done := transact(partial(_page, model=model))):
            count += done
    return count


def _models() -> list[Any]:
    """Every table that names people by a digest, whichever flow it belongs to."""
    found = (one.class_ for one in Base.registry.mappers if COLUMN in one.columns)
    return sorted(found, key=lambda one: str(one.__tablename__))


def _page(session: Session, model: Any) -> int:
    order = inspect(model).primary_key
    query = select(model).where(model.who < digests.MARK).order_by(*order).limit(PAGE)
    rows = session.scalars(locked(query, model)).all()
    for row in rows:
        _key(session, model, row)
        session.flush()
    return len(rows)


def _key(session: Session, model: Any, row: Any) -> None:
    who = digests.stored(row.who)
    others = _unique_with(model)
    if others is not None:
        same = (getattr(model, name) == getattr(row, name) for name in others)
        twin = session.scalars(locked(select(model).where(model.who == who, *same), model)).one_or_none()
        if twin is not None:
            _JOIN.get(model, _keep)(twin, row)
            session.delete(row)
            return
    row.who = who


def _unique_with(model: Any) -> list[str] | None:
    """The columns with which the digest is unique in that table; None where it is not."""
    table = inspect(model).local_table
    constraints = [table.primary_key, *(one for one in table.constraints if isinstance(one, UniqueConstraint))]
    for constraint in constraints:
        names = [column.name for column in constraint.columns]
        if COLUMN in names:
            return [name for name in names if name != COLUMN]
    return None


def _keep(_twin: Any, _row: Any) -> None:
    return None


def _join_suppressions(twin: Suppression, row: Suppression) -> None:
    """What was said last counts; of two at one time, that nothing is to be sent."""
    twin.bounces = max(twin.bounces, row.bounces)
    twin.until = max((moment for moment in (twin.until, row.until) if moment is not None), default=None)
    if row.changed_at > twin.changed_at or (row.changed_at == twin.changed_at and not row.lifted):
        twin.changed_at, twin.lifted = row.changed_at, row.lifted


def _join_conversations(twin: Conversation, row: Conversation) -> None:
    twin.last_inbound_at = max(twin.last_inbound_at, row.last_inbound_at)


def _join_days(twin: MessageDay, row: MessageDay) -> None:
    twin.zone = twin.zone or row.zone
    twin.delivery_ids = list(dict.fromkeys([*row.delivery_ids, *twin.delivery_ids]))


_JOIN: dict[Any, Callable[[Any, Any], None]] = {
    Suppression: _join_suppressions,
    Conversation: _join_conversations,
    MessageDay: _join_days,
}
