"""What we would have done: the deliveries that shadow mode recorded."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select

from shared import clock
from shared.outbox import actions, effects
from shared.outbox.actions import Kind, State
from shared.shadow.acts import Act
from shared.store.models import Delivery
from shared.store.session import reading

PAGE = 500


def acts() -> Iterator[Act]:
    """All that is recorded, in the order in which it was planned; a page of deliveries is read at a time."""
    last = 0
    while page := _page(last):
        last = page[-1].id
        yield from (act for row in page if (act := _act(row)) is not None)


def states() -> frozenset[str]:
    """The effects that say how a record is to be: every sync."""
    known = actions.known().items()
    return frozenset(effects.kind_of(target, name, {}) for (target, name), action in known if action.kind is Kind.SYNC)


def is_wanted(act: Act, only: Collection[str], since: datetime | None, until: datetime | None) -> bool:
    """Whether an act is to be compared. One without a time always lies within the times."""
    if only and act.effect not in only:
        return False
    return act.at is None or ((since is None or act.at >= since) and (until is None or act.at < until))


def _page(last: int) -> list[Delivery]:
    query = select(Delivery).where(Delivery.state == State.SHADOWED, Delivery.id > last).order_by(Delivery.id).limit(PAGE)
    with reading() as session:
        return list(session.scalars(query))


def _act(row: Delivery) -> Act | None:
    """None where the person was erased: then nothing is left to compare."""
    found: Any = row.result
    if not isinstance(found, dict) or not found.get("effect"):
        return None
    shown = found.get("shown") or {}
    return Act(
        effect=found["effect"],
        who=tuple(found["who"]) or (effects.digest_of_text(f"subject:{row.subject}"),),
        place=f"delivery {row.id}",
        shown=str(next((shown[name] for name in effects.WHOM if name in shown), row.subject)),
        name=found.get("name"),
        at=clock.as_utc(row.finished_at) if row.finished_at else None,
        is_state=row.kind == Kind.SYNC,
        fields=found.get("fields") or {},
    )
