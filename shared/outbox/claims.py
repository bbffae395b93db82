"""Claim due deliveries of a target. One short transaction takes the slot, checks circuit and pace, and chooses the batch.

The row of the target is locked first, so that claims for one target happen one after another on any number of instances.
That is also why no wake-up is lost: a claim that finds nothing due gives its slot back in the same transaction, so a change
committed before it is seen by it, and the nudge of a change committed after it finds the slot free.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, literal_column, select
from sqlalchemy.orm import Session

from shared import clock, shadow_mode
from shared.errors import PermanentError
from shared.outbox import actions, circuit, lanes, order, parts, waits
from shared.outbox.actions import Action, Claimed, Kind, State
from shared.outbox.expired import IS_SENDING
from shared.outbox.lanes import IS_PENDING, Serves
from shared.outbox.leases import lease_end
from shared.outbox.policy import TargetPolicy
from shared.outbox.transitions import NO_ANSWER, as_claimed
from shared.outbox.wanted import is_wanted, wait_for_action
from shared.store.dialect import held, insert_if_absent, locked, unclaimed
from shared.store.models import Delivery, Target, TargetSlot
from shared.store.types import UtcDateTime

LONGEST_WAIT_SECONDS = 5
UNLIMITED = 0
AHEAD_SECONDS = 1  # turns are handed out so far ahead at most, so that what somebody waits for is not behind many others


@dataclass(frozen=True)
class Wait:
    """Work is due and the slot is ours, but the target's pace asks for a pause first."""

    seconds: float


@dataclass(frozen=True)
class Batch:
    """Deliveries of one action, ours until the lease ends. `token` proves it when the outcome is recorded."""

    action: Action
    token: str
    deliveries: tuple[Claimed, ...]
    held_until: datetime = field(default_factory=lease_end)
    turns: tuple[datetime, ...] = ()
    is_full: bool = False
    part: str = ""


@dataclass(frozen=True)
class Permit:
    """The slot is ours and the target may be called: which deliveries come next, to be claimed by `batch`.

    `limit`: their batch limit. `size`: how many at most. `shares`: other bulk lanes have something due as well. `taken`: parts
    of the target whose turns are handed out, so that what goes by them is passed over.
    """

    target: str
    action: Action | PermanentError
    name: str
    lane: str
    limit: int
    size: int
    shares: bool
    taken: frozenset[str] = frozenset()

    @property
    def is_for_block(self) -> bool:
        """Whether its deliveries are called side by side."""
        return isinstance(self.action, Action) and self.action.at_once > 1


def claim(
    session: Session, target: str, token: str, *, again: bool = False, serves: Serves = Serves.EVERYTHING
) -> Batch | Permit | Wait | None:
    """The next batch for `target`; None where nothing is to be done now, and then no slot is held.

    A `Permit` where deliveries are called side by side: `shared.outbox.blocks` claims them without the target's lock.

    `again`: the result of this token's last claim was lost. If that claim was committed, its batch is returned now. None of its
    deliveries has been sent, since a worker sends only a batch that was returned to it; so none is sent twice or stays claimed.
    """
    row = lock_target(session, target)
    policy = actions.policy(target)
    slot = _slot(session, target, token, policy, serves)
    if slot is None:
        return None
    if again and (taken := taken_before(session, target, token)):
        slot.held_until = lease_end()
        return taken
    # What is not called need not wait until the system answers again.
    is_open = shadow_mode.covers(target) or circuit.allows(row)
    permit = _permit(session, row, serves) if is_open and not is_paused(row) else None
    pause = permit.seconds if isinstance(permit, Wait) else _pause(row, permit) if permit else 0
    if permit is None or pause > LONGEST_WAIT_SECONDS:
        _give_back(slot)
        return None
    slot.held_until = lease_end()
    if isinstance(permit, Wait) or pause > 0:
        return Wait(pause)
    if permit.is_for_block:
        return permit
    found = batch(session, permit, token)
    if found is None:
        _give_back(slot)
    elif found.deliveries:  # a batch of which nothing is left to send (moved, skipped) costs no pace
        row.next_call_at = clock.now() + timedelta(seconds=policy.interval_seconds)
        if permit.shares:
            lanes.charge(session, target, permit.lane, len(found.deliveries))
    return found


def _pause(row: Target, permit: Permit) -> float:
    """For how many seconds the target's pace asks to wait before what is permitted is claimed."""
    pause = (row.next_call_at - clock.now()).total_seconds() if row.next_call_at else 0
    return pause - AHEAD_SECONDS if permit.is_for_block else pause


def is_paused(row: Target) -> bool:
    """Whether a person wants the target left alone now."""
    return row.paused_until is not None and row.paused_until > clock.now()


def taken_before(session: Session, target: str, token: str) -> Batch | None:
    """The batch of a claim whose result was lost, while its lease runs: afterwards another worker may claim it."""
    ours = and_(IS_SENDING, Delivery.target == target, Delivery.lease_token == token, Delivery.lease_until > clock.now())
    query = select(Delivery).where(ours).order_by(Delivery.due_at, Delivery.id)
    rows = session.scalars(held(query, Delivery)).all()
    found = actions.find(target, rows[0].action) if rows else None
    return Batch(found, token, tuple(hold(row, token) for row in rows)) if isinstance(found, Action) else None


def release(session: Session, target: str, token: str) -> None:
    """Give the slot back before its lease ends. Harmless where it is no longer ours."""
    lock_target(session, target)  # or somebody else may take the slot between our look at it and our change
    for slot in session.scalars(select(TargetSlot).where(TargetSlot.target == target, TargetSlot.token == token)):
        _give_back(slot)


def lock_target(session: Session, name: str) -> Target:
    """The target's row, locked until the transaction ends; made on first use."""
    row = session.scalars(_TARGET, {"name": name}).one_or_none()
    if row is None:
        insert_if_absent(session, Target, "name", {"name": name})
        row = session.scalars(_TARGET, {"name": name}).one()
    return row


def _slot(session: Session, target: str, token: str, policy: TargetPolicy, serves: Serves) -> TargetSlot | None:
    """The slot that `token` holds, else a free one (never held, given back, or its holder is dead), else None."""
    slots = {slot.slot: slot for slot in session.scalars(_SLOTS, {"name": target})}
    for slot in slots.values():
        if slot.token == token:
            return slot
    for number in lanes.slots_for(policy, serves):
        slot = slots.get(number) or TargetSlot(target=target, slot=number)
        if slot.held_until is None or slot.held_until <= clock.now():
            slot.token, slot.held_until = token, lease_end()
            session.add(slot)
            return slot
    return None


def _give_back(slot: TargetSlot) -> None:
    slot.token = slot.held_until = None


def due(session: Session, target: str) -> ColumnElement[bool]:
    """What is due for a target now; an index seek for each lane in which anything waits."""
    some = Delivery.lane.in_(lanes.pending(session, target) or [lanes.TRANSACTIONAL])
    return and_(Delivery.target == target, some, IS_PENDING, Delivery.due_at <= clock.now())


# Put together once: they run for every claim, and putting them together costs as much as running them.
_TARGET = locked(select(Target).where(Target.name == bindparam("name")), Target)
_SLOTS = select(TargetSlot).where(TargetSlot.target == bindparam("name"))
_IS_DUE = (
    Delivery.target == bindparam("name"),
    Delivery.lane == bindparam("lane"),
    IS_PENDING,
    Delivery.due_at <= bindparam("now", type_=UtcDateTime),
)
# How many may be in its next batch: one after it was silent in a batch of one, fewer after a larger batch was silent; 0: any.
_batch_limit = case(
    (Delivery.reason == literal_column(f"'{NO_ANSWER}'"), 1), else_=func.coalesce(Delivery.batch_limit, UNLIMITED)
)
_FIRST = select(Delivery.action, _batch_limit).where(*_IS_DUE).order_by(Delivery.due_at, Delivery.id).limit(1)
_FIRST_FEW = select(Delivery.action, _batch_limit, Delivery.payload).where(*_IS_DUE)
_FIRST_FEW = _FIRST_FEW.order_by(Delivery.due_at, Delivery.id).limit(parts.LOOKED_AT)

_FIRST_UNSUSPECTED = _FIRST.where(func.coalesce(Delivery.reason, literal_column("''")) != literal_column(f"'{NO_ANSWER}'"))


@lru_cache(maxsize=64)
def _next(size: int) -> Select[Delivery]:
    """The next due deliveries of an action that share a batch limit, so that a suspect record cannot fail its neighbours.

    One query for each size: as a parameter, T-SQL could only count rows up to it.
    """
    query = select(Delivery).where(*_IS_DUE, Delivery.action == bindparam("action"), _batch_limit == bindparam("limit"))
    return unclaimed(query.order_by(Delivery.due_at, Delivery.id).limit(size), Delivery)


def _permit(session: Session, row: Target, serves: Serves) -> Permit | Wait | None:
    """What comes next for a target, beginning with the delivery that has waited longest in the lane whose turn it is."""
    taken = parts.busy(session, row.name, timedelta(seconds=AHEAD_SECONDS))
    lane, first, shares = lanes.TRANSACTIONAL, _first_due(session, row, lanes.TRANSACTIONAL, taken), False
    if first is None and serves is not Serves.TRANSACTIONAL:
        bulk = list(lanes.bulk_due(session, row.name))
        shares = len(bulk) > 1
        while bulk and first is None:
            lane = lanes.choose(session, row.name, bulk)
            first = _first_due(session, row, lane, taken)
            bulk.remove(lane)
    if first is None:
        return _until_a_turn(session, row, taken)
    (name, limit), found = first, actions.find(row.name, first[0])
    size = circuit.limit(row, found.batch_size()) if isinstance(found, Action) else 1000
    size = size if limit == UNLIMITED else min(size, limit)
    return Permit(row.name, found, name, lane, limit, size, shares=shares, taken=frozenset(taken))


def _until_a_turn(session: Session, row: Target, taken: Mapping[str, datetime]) -> Wait | None:
    """How long to wait where all that is due goes by parts whose turns are handed out; None where nothing is due."""
    if not taken or not lanes.due(session, row.name):
        return None
    return Wait((min(taken.values()) - clock.now()).total_seconds() - AHEAD_SECONDS)


def _first_due(session: Session, target: Target, lane: str, taken: Mapping[str, datetime]) -> tuple[str, int] | None:
    """The action and the batch limit of the delivery that has waited longest in a lane.

    Whether a system that seemed down answers again is asked with one that was never silent by itself, where there is one: those
    that were may be the reason, and would keep the circuit open and all others waiting.
    """
    facts = {"name": target.name, "lane": lane, "now": clock.now()}
    if taken:
        looked_at = [(row[0], row[1], row[2]) for row in session.execute(_FIRST_FEW, facts)]
        return parts.first_free(target.name, looked_at, taken)
    found = session.execute(_FIRST_UNSUSPECTED, facts).one_or_none() if circuit.is_probing(target) else None
    found = found or session.execute(_FIRST, facts).one_or_none()
    return None if found is None else (found[0], found[1])


def batch(session: Session, permit: Permit, token: str) -> Batch | None:
    """The batch of a permit; None where other transactions hold locks on all due rows, or an earlier message to each person.

    Claiming again at once would find the same. Whoever holds them goes on with what is due, or wakes an executor, or the timer
    does.
    """
    found, facts = permit.action, {"name": permit.target, "lane": permit.lane, "action": permit.name, "limit": permit.limit}
    is_message = isinstance(found, Action) and found.kind is Kind.MESSAGE
    beyond = order.beyond(permit.target) if is_message and not permit.is_for_block else 0
    size = parts.LOOKED_AT if permit.taken else permit.size + beyond
    rows = session.scalars(_next(size), facts | {"now": clock.now()}).all()
    part, rows = _of_one_part(found, rows, permit.taken)
    is_full = len(rows) >= permit.size
    if rows and is_message:  # one for each person: what becomes of it counts for the next, which comes after it
        rows = order.first_of_each(session, permit.target, permit.lane, permit.name, rows)[: permit.size]
    if not rows:
        return None
    waits.end(session, permit.target, rows)
    if isinstance(found, PermanentError):
        for delivery in rows:
            wait_for_action(session, delivery, found)
        return Batch(_NO_ACTION, token, ())
    claimed = tuple(hold(delivery, token) for delivery in rows if is_wanted(session, found, delivery))
    return Batch(found, token, claimed, is_full=is_full, part=part)


def _of_one_part(
    found: Action | PermanentError, rows: Sequence[Delivery], taken: Collection[str]
) -> tuple[str, Sequence[Delivery]]:
    """The part of the first of these whose part has a turn, and those that go by it as well."""
    if isinstance(found, PermanentError) or found.part is None:
        return "", rows
    part_of = {row.id: parts.of(found, row.payload) for row in rows}
    part = next((part_of[row.id] for row in rows if part_of[row.id] not in taken), "")
    return part, [row for row in rows if part_of[row.id] == part]


_NO_ACTION = Action(target="", name="", kind=Kind.SYNC, execute=lambda _batch: {})


def hold(delivery: Delivery, token: str) -> Claimed:
    """Mark a delivery as ours until the lease ends, and hand out what its executor needs to know."""
    delivery.state, delivery.lease_token, delivery.lease_until = State.SENDING, token, lease_end()
    delivery.claimed = delivery.wanted
    waits.begin(delivery)
    return as_claimed(delivery)


def backlog(session: Session, target: str) -> int:
    """How many deliveries are due for a target."""
    return session.scalar(select(func.count()).select_from(Delivery).where(due(session, target))) or 0


def wakes(session: Session, target: str) -> set[str]:
    """The executors of `target` that it makes sense to wake (see `plan.nudge`).

    Something is due for them, and circuit, pace and people allow a call.
    """
    row, now = session.get(Target, target), clock.now()
    if row is not None:
        soon = now + timedelta(seconds=LONGEST_WAIT_SECONDS)
        is_down = (row.closed_until or now) > now and not shadow_mode.covers(target)
        if is_paused(row) or is_down or (row.next_call_at or now) > soon:
            return set()
    found = {lanes.wake(target, lane) for lane in lanes.bulk_due(session, target)}
    first = session.execute(_FIRST, {"name": target, "lane": lanes.TRANSACTIONAL, "now": now}).first()
    return found if first is None else found | {lanes.wake(target)}
