"""The rehearsal: a change is made in a transaction that is rolled back, and the deliveries that it calls for are its plan.

Shadow mode compares effects after they were due; a rehearsal asks before anything is stored: what would this change cause?
Two plans can be compared, and each has a hash, so that "the same as before" is one comparison of texts.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from typing import Any, Self

from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from shared import clock, flows
from shared.outbox import effects, plan
from shared.outbox.row_effect import RowEffect
from shared.store import session as store
from shared.store.models import Delivery

AT_ONCE = 500
# Of a message's payload: how it is carried, and numbers of our own rows, which are others in every rehearsal.
NOT_COMPARED = ("dedupe_key", "context", "version", "carrier", "first_try", "source", "person", "not_after")


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One delivery as a plan has it. It names no row of ours by its number, so that equal plans are equal on any database.

    `subject`: digest of whom it is about (of the row, where no address is known). `key`: what tells it from others about them.
    `digest`: of everything that it says. `due_at`: ISO 8601, UTC. `state`: `pending`, or `cancelled` by the rehearsed change.
    """

    target: str
    action: str
    kind: str
    subject: str
    key: str
    digest: str
    due_at: str
    state: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes it the same effect in another plan, whatever it says there."""
        return (self.target, self.action, self.subject, self.key)


@dataclass(frozen=True)
class Plan:
    """The effects of a change, in an order that depends on nothing but themselves."""

    effects: tuple[Effect, ...]

    @classmethod
    def of(cls, found: Sequence[Effect]) -> Self:
        """A plan of these effects, in whatever order they are given."""
        return cls(tuple(sorted(found, key=lambda one: (one.identity, one.digest, one.due_at, one.state))))

    def canonical(self) -> str:
        """The plan as JSON in its one form."""
        return effects.canonical([asdict(one) for one in self.effects])

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical form."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def difference(self, other: Self) -> list[tuple[Effect | None, Effect | None]]:
        """The effects in which two plans differ, as pairs: here and there; None where one of them does not have it."""
        ours, theirs = ({one.identity: one for one in plan.effects} for plan in (self, other))
        keys = sorted(ours.keys() | theirs.keys())
        return [(ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)]


def rehearse[T](work: Callable[[Session], T], engine: Engine | None = None) -> tuple[T, Plan]:
    """Run `work` as a transaction would, roll everything back, and return what it returned and what it would have caused.

    `work` may run several times, as in `transact`. Nothing of it stays, and no outside system is called.
    """

    def whole(session: Session) -> tuple[T, Plan]:
        with noted(session) as keys:
            result = work(session)
            session.flush()
        return result, plan_of(session, deliveries(session, keys).values())

    return store.rehearse(whole, engine)


@contextmanager
def noted(session: Session) -> Iterator[set[str]]:
    """The names of the deliveries that are planned, moved or cancelled meanwhile, for `deliveries`."""
    keys = plan.note_keys(session)

    def flushed(inner: Session, _context: Any) -> None:
        changed = (row for row in (*inner.new, *inner.dirty) if isinstance(row, Delivery))
        keys.update(str(row.id) if row.dedupe_key is None else row.dedupe_key for row in changed)

    event.listen(session, "after_flush", flushed)
    try:
        yield keys
    finally:
        event.remove(session, "after_flush", flushed)
        plan.note_no_keys(session)


def deliveries(session: Session, names: Collection[str]) -> dict[str, Delivery]:
    """The deliveries that `noted` names, each under its name; what was undone meanwhile is not among them."""
    found: dict[str, Delivery] = {}
    ordered = sorted(names)
    numbers = [int(name) for name in ordered if name.isdigit()]  # a sync that was cancelled has let go of its key
    for start in range(0, len(ordered), AT_ONCE):
        query = select(Delivery).where(Delivery.dedupe_key.in_(ordered[start : start + AT_ONCE]))
        found |= {str(row.dedupe_key): row for row in session.scalars(query)}
    for start in range(0, len(numbers), AT_ONCE):
        query = select(Delivery).where(Delivery.id.in_(numbers[start : start + AT_ONCE]))
        found |= {str(row.id): row for row in session.scalars(query)}
    return found


def plan_of(session: Session, rows: Iterable[Delivery]) -> Plan:
    """The plan that these deliveries are, as the transaction has them now."""
    return Plan.of([_effect(session, row) for row in {row.id: row for row in rows}.values()])


def _effect(session: Session, row: Delivery) -> Effect:
    values = _values(session, row)
    payload: Any = row.payload if isinstance(row.payload, Mapping) else {}
    step: Any = payload.get("context") or {}
    named = [payload.get("template"), step.get("journey"), step.get("step"), step.get("generation"), payload.get("name")]
    whom = effects.whom(values)
    return Effect(
        target=row.target,
        action=row.action,
        kind=row.kind,
        subject=whom[0] if whom else effects.digest_of_text(f"subject:{row.subject}"),
        key=effects.digest_of([effects.kind_of(row.target, row.action, values), *named]),
        digest=effects.digest_of(values),
        due_at=clock.as_utc(row.due_at).isoformat(),
        state=row.state,
        fields={name: effects.digest_of(value, name) for name, value in sorted(values.items()) if value is not None},
    )


def _values(session: Session, row: Delivery) -> Mapping[str, Any]:
    """What a delivery says: the row that a sync is about as this transaction has it, or a message's payload."""
    declared = row_effects().get((row.target, row.action))
    if declared is None:
        payload: Any = row.payload if isinstance(row.payload, Mapping) else {}
        return {name: value for name, value in payload.items() if name not in NOT_COMPARED}
    model = declared.model()
    query = select(model).where(declared.key_column == declared.key_of(row.subject))
    about = session.scalars(query).unique().one_or_none()
    return declared.values_of(about) if about is not None else {}


@cache
def row_effects() -> Mapping[tuple[str, str], RowEffect]:
    """What is declared about rows of ours, by target and action."""
    parts = (one for part in (*flows.parts("syncs"), *flows.parts("effects")) for one in _several(part))
    return {(one.target, one.name): one for one in parts if isinstance(one, RowEffect)}


def _several(part: Any) -> Sequence[Any]:
    return part if isinstance(part, tuple) else (part,)
