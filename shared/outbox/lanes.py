"""Lanes: which of a target's due deliveries are claimed next.

What somebody waits for (`transactional`) comes strictly first. Of what is left, every bulk source has its share by weight: one
lane for each, `bulk` or `bulk:<source>`. Each lane is a range of the index of what is due, so a claim costs the same however
much waits in any of them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from functools import lru_cache

from sqlalchemy import ColumnElement, CompoundSelect, bindparam, exists, literal, literal_column, select, union
from sqlalchemy.orm import Session

from shared import clock
from shared.outbox.actions import Lane
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings
from shared.store.models import Delivery, Target
from shared.store.types import UtcDateTime
from shared.store.wait_models import LaneShare

# Written out, not bound: neither database uses a partial index for a parameter.
IS_PENDING: ColumnElement[bool] = Delivery.state == literal_column("'pending'")
TRANSACTIONAL, BULK = Lane.TRANSACTIONAL.value, Lane.BULK.value
ONE = 1000  # what a delivery of weight 1 counts
CREDIT = 50 * ONE  # so much may a lane that was idle have more than the others, and no more

_NEXT = select(Delivery.lane).where(Delivery.target == bindparam("target"), IS_PENDING, Delivery.lane > bindparam("last"))
_NEXT = _NEXT.order_by(Delivery.lane).limit(1)
_FIRST = select(Delivery.due_at).where(
    Delivery.target == bindparam("target"),
    Delivery.lane == bindparam("lane"),
    IS_PENDING,
    Delivery.due_at <= bindparam("now", type_=UtcDateTime),
)
_FIRST = _FIRST.order_by(Delivery.due_at).limit(1)


class Serves(Enum):
    """Which lanes an executor takes from."""

    EVERYTHING = "everything"
    TRANSACTIONAL = "transactional"  # only what somebody waits for
    BULK = "bulk"  # everything as well, but it leaves a slot to what somebody waits for


def of_source(source: str) -> str:
    """The lane of a bulk source."""
    return f"{BULK}:{source}"[:32]


def slots_for(policy: TargetPolicy, serves: Serves) -> range:
    """The numbers of the slots that an executor may hold. Of several, the first is never held by one of bulk."""
    return range(1 if serves is Serves.BULK and policy.slots > 1 else 0, policy.slots)


def wake(target: str, lane: str = TRANSACTIONAL) -> str:
    """Which executor is to be woken for a delivery (see `plan.nudge`): that of the target, or that of its bulk."""
    return target if lane == TRANSACTIONAL else f"{target}:{BULK}"


def targets_waited_for(session: Session, names: Iterable[str]) -> Sequence[str]:
    """The targets, of those with these names and those that were called before, for which anything waits, due or not.

    One statement; an index seek for each target, however many deliveries wait.
    """
    return session.scalars(_waited_for(tuple(sorted(names)))).all()


@lru_cache(maxsize=8)
def _waited_for(names: tuple[str, ...]) -> CompoundSelect[str]:
    """Put together once: the names are those that the code declares. Each has a term of its own, so that each is a seek."""
    before = select(Target.name).where(exists().where(Delivery.target == Target.name, IS_PENDING))
    return union(before, *(select(literal(name)).where(exists().where(Delivery.target == name, IS_PENDING)) for name in names))


def pending(session: Session, target: str, until: str | None = None) -> list[str]:
    """The lanes in which anything waits for a target, due or not; an index seek for each. Those before `until`."""
    found: list[str] = []
    while lane := session.scalars(_NEXT, {"target": target, "last": found[-1] if found else ""}).one_or_none():
        if lane == until:
            break
        found.append(lane)
    return found


def bulk_due(session: Session, target: str) -> dict[str, datetime]:
    """The bulk lanes in which something is due for a target, and since when. Their names stand before `transactional`."""
    return due(session, target, until=TRANSACTIONAL)


def due(session: Session, target: str, until: str | None = None) -> dict[str, datetime]:
    """The lanes in which something is due for a target, and since when; an index seek for each. Those before `until`."""
    now, found = clock.now(), dict[str, datetime]()
    for lane in pending(session, target, until):
        if (at := session.scalars(_FIRST, {"target": target, "lane": lane, "now": now}).one_or_none()) is not None:
            found[lane] = at
    return found


def weight(lane: str) -> int:
    """How much a bulk lane gets beside the others."""
    return get_settings().bulk_weights.get(lane.partition(":")[2] or BULK, 1)


def choose(session: Session, target: str, lanes: Sequence[str]) -> str:
    """Which of the bulk lanes with something due comes next: the one that has had least for its weight."""
    if len(lanes) == 1:
        return lanes[0]
    shares = _shares(session, target)
    least = _least(shares)
    return min(sorted(lanes), key=lambda lane: max(shares[lane].share, least) if lane in shares else least)


def charge(session: Session, target: str, lane: str, count: int) -> None:
    """Note that a bulk lane has had `count` deliveries. The target's row is locked."""
    shares = _shares(session, target)
    row = shares.get(lane)
    if row is None:
        row = LaneShare(target=target, lane=lane, share=0)
        session.add(row)
    row.share = max(row.share, _least(shares)) + count * ONE // weight(lane)


def _shares(session: Session, target: str) -> dict[str, LaneShare]:
    return {row.lane: row for row in session.scalars(select(LaneShare).where(LaneShare.target == target))}


def _least(shares: dict[str, LaneShare]) -> int:
    """What a lane that comes back begins with: it does not catch up on the time in which it had nothing to send."""
    return max((row.share for row in shares.values()), default=0) - CREDIT
