"""Replaying stopped events as a plan: what it would do is shown first, and exactly that is done.

A rehearsal applies the events in one transaction and rolls it back. Carrying a plan out is the same transaction once more: it
is committed where the plan it makes has the hash that was approved, and rolled back otherwise. So nothing can change between
the check and the change. Events that would be stopped again stay as they are.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PermanentError
from shared.intake import dead_letter_store, endpoint, holding, inbox
from shared.intake.dead_letter_store import PARKED, REPLAYED, Filter
from shared.intake.envelope import parse
from shared.logs import mask
from shared.outbox import effects, plan, rehearsal
from shared.store import session as store
from shared.store.dialect import is_conflict, is_unavailable, rows_changed
from shared.store.models import ERROR_LENGTH, ActionLog, DeadLetter, Delivery

MOST_EVENTS = 200
# Locks are held meanwhile, for which a handler's statement waits 15 s by default (DATABASE_STATEMENT_SECONDS). What could be
# rehearsed gets somewhat longer when it is carried out.
BUDGET = timedelta(seconds=10)
APPROVED_BUDGET = timedelta(seconds=14)
SOON = timedelta(minutes=1)
APPLIED = "applied"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which stopped events: those of a filter, or one alone; none whose number is above `through`."""

    filter: Filter
    letter_id: int | None = None
    through: int | None = None


@dataclass(frozen=True, kw_only=True)
class Caused:
    """A delivery that a replay plans, moves or takes back (`state` is `cancelled`)."""

    target: str
    action: str
    kind: str
    subject: str
    template: str | None
    state: str
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class Part:
    """What becomes of one event: the outcome in its handler's word, or the reason for which it is stopped again."""

    letter_id: int
    type: str | None
    subject: str | None
    outcome: str | None = None
    reason: str | None = None
    detail: str | None = None
    caused: tuple[Caused, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReplayPlan:
    """What a replay does, the oldest event first. `total`: how many events there are in all, beyond those of the plan."""

    parts: tuple[Part, ...]
    caused: tuple[Caused, ...]
    effects: rehearsal.Plan
    total: int
    made_at: datetime

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what is done: each event's outcome, and what each delivery says, to whom, and on which day.

        What is due at once is so whenever the plan is made; the hour of what is due later may count from now, its day does not.
        """
        listed = [[part.letter_id, part.outcome, part.reason] for part in self.parts]
        planned = [[*one.identity, one.digest, one.state, self._day(one)] for one in self.effects.effects]
        return hashlib.sha256(effects.canonical([listed, planned]).encode()).hexdigest()

    def _day(self, effect: rehearsal.Effect) -> str:
        due = datetime.fromisoformat(effect.due_at)
        return "" if due <= self.made_at + SOON else f"{due:%Y-%m-%d}"

    @property
    def applied(self) -> int:
        """How many events change something."""
        return sum(part.outcome == APPLIED for part in self.parts)

    @property
    def stopped(self) -> int:
        """How many would be stopped again."""
        return sum(part.outcome is None for part in self.parts)

    @property
    def unchanged(self) -> int:
        """How many are taken note of and change nothing, for a reason that each outcome names."""
        return len(self.parts) - self.applied - self.stopped


class _DiffersError(Exception):
    """The plan is another one than was approved; its transaction is rolled back."""

    def __init__(self, made: ReplayPlan) -> None:
        super().__init__(made.hash)
        self.made = made


@dataclass(frozen=True)
class _Ready:
    """A stopped event, read; or why it cannot be."""

    letter: DeadLetter
    handler: inbox.Handler[Any] | None = None
    event: inbox.Event[Any] | None = None
    error: PermanentError | None = None


def rehearse(chosen: Chosen) -> ReplayPlan:
    """The plan of at most `MOST_EVENTS`, as many as the time allows. Nothing stays of it.

    Raises:
        UnavailableError: the database or the storage account cannot be reached.
    """
    ready, total, end = _read(chosen, BUDGET)
    return store.rehearse(lambda session: _made(session, ready, total, "", end))


def carry_out(chosen: Chosen, approved: str, actor: str) -> tuple[ReplayPlan, bool]:
    """Do what the plan with that hash does, and True; or nothing, with the plan that would be made now, and False.

    A second time finds none of the events stopped any more: another plan, so nothing is done.

    Raises:
        UnavailableError: the database or the storage account cannot be reached; nothing was done.
    """
    ready, total, end = _read(chosen, APPROVED_BUDGET)

    def work(session: Session) -> tuple[ReplayPlan, set[str]]:
        made = _made(session, ready, total, actor, end)
        if made.hash != approved:
            raise _DiffersError(made)
        return made, plan.newly_due(session)

    try:
        made, wakes = store.transact(work)
    except _DiffersError as error:
        return error.made, False
    plan.nudge(wakes)
    return made, True


def _read(chosen: Chosen, budget: timedelta) -> tuple[list[_Ready], int, datetime]:
    """The events, read before there is a transaction: data in a blob is fetched; until when there is time."""
    end = clock.now() + budget
    with store.reading() as session:
        query = chosen.filter.applied(select(DeadLetter))
        total = 1 if chosen.letter_id is not None else dead_letter_store.count(session, chosen.filter)
        if chosen.letter_id is not None:
            query = query.where(DeadLetter.id == chosen.letter_id)
        if chosen.through is not None:
            query = query.where(DeadLetter.id <= chosen.through)
        letters = session.scalars(query.order_by(DeadLetter.id).limit(MOST_EVENTS)).all()
        session.expunge_all()
    return list(_in_time(map(_ready, letters), end)), total, end


def _in_time[T](each: Iterator[T], end: datetime) -> Iterator[T]:
    """As many as there is time for, and one in any case."""
    for one in each:
        yield one
        if clock.now() >= end:
            return


def _ready(letter: DeadLetter) -> _Ready:
    try:
        envelope = parse(dead_letter_store.replayed_event(letter))
        handler = endpoint.handler_of(dead_letter_store.queue_now(letter), envelope.type)
        return _Ready(letter, handler, inbox.read_event(handler, envelope))
    except PermanentError as error:
        return _Ready(letter, error=error)


def _made(session: Session, ready: Sequence[_Ready], total: int, actor: str, end: datetime) -> ReplayPlan:
    """Apply the events in the session, and the plan that this is."""
    made_at = clock.now()
    with rehearsal.noted(session) as names:
        tried = list(_in_time((_tried(session, one, actor, names) for one in ready), end))
        session.flush()
    rows = rehearsal.deliveries(session, names)
    return ReplayPlan(
        parts=tuple(_part(one, outcome, rows) for one, outcome in zip(ready, tried, strict=False)),
        caused=_caused(rows.values()),
        effects=rehearsal.plan_of(session, rows.values()),
        total=total,
        made_at=made_at,
    )


def _tried(session: Session, ready: _Ready, actor: str, names: set[str]) -> tuple[str | PermanentError, frozenset[str]]:
    """The outcome of one event, or why it is stopped again, and the deliveries it is about. A stopped one leaves nothing."""
    before = frozenset(names)
    names.clear()
    try:
        with session.begin_nested():
            outcome: str | PermanentError = _applied(session, ready, actor)
    except PermanentError as error:
        outcome = error
        names.clear()
    except Exception as error:
        if isinstance(error, DBAPIError) and (is_conflict(error) or is_unavailable(error)):
            raise  # the whole transaction is over, and is run again
        outcome = PermanentError(type(error).__name__, str(error))
        names.clear()
    own = frozenset(names)
    names |= before
    return outcome, own


def _applied(session: Session, ready: _Ready, actor: str) -> str:
    """Apply one event as its queue would, and note its replay; only while it is still stopped."""
    if ready.handler is None or ready.event is None:
        raise ready.error or PermanentError("unreadable", "the event cannot be read")
    mark = update(DeadLetter).where(DeadLetter.id == ready.letter.id, DeadLetter.state == PARKED)
    values = {"state": REPLAYED, "replays": DeadLetter.replays + 1, "replayed_at": clock.now()}
    if not rows_changed(session.execute(mark.values(values))):
        raise PermanentError("no-longer-stopped", "somebody has replayed or dropped it meanwhile")
    if holding.is_held(session, ready.handler.queue, ready.event.envelope.type):
        raise PermanentError("flow-paused", "its flow is paused: resume it first")
    outcome = inbox.apply_once(session, ready.handler, ready.event)
    session.add(
        ActionLog(
            actor=actor[:60],
            action="dead-letter.replay",
            subject=ready.letter.subject,
            dead_letter_id=ready.letter.id,
            result=outcome[:32],
            detail="by an approved plan",
        )
    )
    return outcome


def _part(ready: _Ready, tried: tuple[str | PermanentError, frozenset[str]], rows: Mapping[str, Delivery]) -> Part:
    outcome, names = tried
    letter, stops = ready.letter, isinstance(outcome, PermanentError)
    return Part(
        letter_id=letter.id,
        type=letter.type,
        subject=letter.subject,
        outcome=None if isinstance(outcome, PermanentError) else outcome,
        reason=outcome.reason if isinstance(outcome, PermanentError) else None,
        detail=mask(str(outcome))[:ERROR_LENGTH] if stops else None,
        caused=_caused(rows[name] for name in sorted(names) if name in rows),
    )


def _caused(rows: Iterable[Delivery]) -> tuple[Caused, ...]:
    """The deliveries, each once, what is due first at the front."""
    distinct = {row.id: row for row in rows}.values()
    return tuple(_caused_one(row) for row in sorted(distinct, key=lambda row: (row.due_at, row.target, row.action)))


def _caused_one(row: Delivery) -> Caused:
    payload: Mapping[str, Any] = row.payload if isinstance(row.payload, Mapping) else {}
    return Caused(
        target=row.target,
        action=row.action,
        kind=row.kind,
        subject=row.subject,
        template=payload.get("template"),
        state=row.state,
        due_at=clock.as_utc(row.due_at),
    )
