"""Try a unit of a plan in a transaction: what its steps do, and what would go out; undone afterwards, or kept."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared import clock, flows
from shared.errors import PermanentError, RefusedError
from shared.logs import mask
from shared.messages import template_sources
from shared.outbox import effects, rehearsal
from shared.outbox.actions import Kind
from shared.plans.kinds import APPLIED, CREATE, NONE, STOP, UPDATE, Applied, Going, Step, Tried, Unit, What
from shared.store.dialect import is_conflict, is_unavailable
from shared.store.models import Contact, Delivery, Opportunity
from shared.store.plan_models import DETAIL_LENGTH

SOON = timedelta(minutes=1)
# Locks are held meanwhile, for which a handler's statement waits 15 s by default (DATABASE_STATEMENT_SECONDS).
PATIENCE = timedelta(seconds=5)
_INSERTED = re.compile(r"\s*INSERT\s+(?:OR\s+\w+\s+)?INTO\s+[\[\"]?(\w+)", re.IGNORECASE)


def prepare() -> None:
    """Import what a trial needs of all flows, before a transaction holds locks meanwhile."""
    _of_the_record()
    rehearsal.row_effects()


@dataclass(frozen=True)
class TriedUnit:
    """A unit, what became of its steps, and the digest of all that it does."""

    unit: Unit
    steps: tuple[Tried, ...]
    digest: str


def each(session: Session, units: Sequence[Unit], actor: str) -> list[TriedUnit]:
    """Try units one by one, each undone before the next; as many as PATIENCE allows, and one in any case."""
    end, tried = clock.now() + PATIENCE, list[TriedUnit]()
    for unit in units:
        with session.begin_nested() as everything:
            tried.append(one(session, unit, actor))
            everything.rollback()
        if clock.now() >= end:
            break
    return tried


def one(session: Session, unit: Unit, actor: str) -> TriedUnit:
    """Apply the steps of a unit in the session, and say what that does. Whoever calls keeps it, or rolls it back."""
    made_at = clock.now()
    with rehearsal.noted(session) as names:
        done = [_tried(session, step, actor, names) for step in unit.steps]
        session.flush()
    rows = rehearsal.deliveries(session, names)
    seen = set[int]()
    goings = {name: _going(session, row) for name, row in rows.items()}
    steps = tuple(_with_goings(tried, own, rows, goings, seen) for tried, own in done)
    planned = rehearsal.plan_of(session, rows.values()).effects
    listed = [[tried.step.name, tried.what, tried.word, tried.facts] for tried in steps]
    going = [[*one.identity, one.digest, one.state, _day(one, made_at)] for one in planned]
    texts = sorted({(one.template or "", one.version) for one in goings.values() if one.version})
    whole = [listed, going, texts] if texts else [listed, going]
    return TriedUnit(unit, steps, hashlib.sha256(effects.canonical(whole).encode()).hexdigest())


def _day(effect: rehearsal.Effect, made_at: datetime) -> str:
    """The day on which it is due; what is due at once is so whenever the plan is made, and the hour may count from now."""
    due = datetime.fromisoformat(effect.due_at)
    return "" if due <= made_at + SOON else f"{due:%Y-%m-%d}"


def _tried(session: Session, step: Step, actor: str, names: set[str]) -> tuple[Tried, frozenset[str]]:
    """What one step did, or why it stops, and the deliveries it is about. A stopped one leaves nothing."""
    before = frozenset(names)
    names.clear()
    try:
        with session.begin_nested(), _inserted(session) as tables:
            outcome = step.apply(session, actor)
            session.flush()
        tried = _done(step, outcome, tables)
    except (PermanentError, RefusedError) as error:
        tried = _stopped(step, error.reason, str(error))
        names.clear()
    except Exception as error:
        if isinstance(error, DBAPIError) and (is_conflict(error) or is_unavailable(error)):
            raise  # the whole transaction is over, and is run again
        tried = _stopped(step, type(error).__name__, str(error))
        names.clear()
    own = frozenset(names)
    names |= before
    return tried, own


def _done(step: Step, outcome: Applied, tables: set[str]) -> Tried:
    seen: What = NONE if outcome.word != APPLIED else CREATE if tables & _of_the_record() else UPDATE
    what = outcome.what or seen
    detail = _fitting(outcome.detail)
    given = {name: getattr(outcome, name) for name in ("word", "weight", "people", "needs_second", "facts")}
    return Tried(step=step, what=what, detail=detail, **given)


def _stopped(step: Step, reason: str, text: str) -> Tried:
    return Tried(step=step, what=STOP, word=reason, detail=_fitting(text), weight=0)


def _fitting(text: str | None) -> str | None:
    return None if text is None else mask(text)[:DETAIL_LENGTH]


@contextmanager
def _inserted(session: Session) -> Iterator[set[str]]:
    """The names of the tables that get a new row meanwhile, by the ORM or by a statement of our own."""
    tables: set[str] = set()
    connection = session.connection()

    def executed(_connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
        found = _INSERTED.match(statement)
        if found is not None and cursor.rowcount > 0:
            tables.add(found[1])

    def flushed(inner: Session, _context: Any) -> None:
        tables.update(type(row).__tablename__ for row in inner.new)

    event.listen(connection, "after_cursor_execute", executed)
    event.listen(session, "after_flush", flushed)
    try:
        yield tables
    finally:
        event.remove(connection, "after_cursor_execute", executed)
        event.remove(session, "after_flush", flushed)


@cache
def _of_the_record() -> frozenset[str]:
    """The tables whose rows people call records: those that the flows list, contacts and opportunities."""
    listed = {one.model.__tablename__ for one in flows.parts("records")}
    return frozenset(listed | {Contact.__tablename__, Opportunity.__tablename__})


def _with_goings(
    tried: Tried, names: frozenset[str], rows: Mapping[str, Delivery], goings: Mapping[str, Going], seen: set[int]
) -> Tried:
    """The same with its deliveries, what is due first at the front; each stands once in its unit, with the first step of it."""
    distinct = {rows[name].id: name for name in names if name in rows and rows[name].id not in seen}
    seen.update(distinct)
    ordered = sorted(
        distinct.values(), key=lambda name: (rows[name].due_at, rows[name].target, rows[name].action, rows[name].id)
    )
    return replace(tried, caused=tuple(goings[name] for name in ordered))


def _going(session: Session, row: Delivery) -> Going:
    payload: Mapping[str, Any] = row.payload if isinstance(row.payload, Mapping) else {}
    due, template = clock.as_utc(row.due_at).isoformat(), payload.get("template")
    version = _version(session, template, payload) if template and row.kind == Kind.MESSAGE else 0
    return Going(row.target, row.action, row.kind, template, row.state, due, version)


def _version(session: Session, template: str, payload: Mapping[str, Any]) -> int:
    """The version of the text that would go out now; 0 of a text that outside people edit, which no transaction waits for."""
    if payload.get("source", template_sources.REPOSITORY) != template_sources.REPOSITORY:
        return 0
    try:
        return template_sources.load(template, payload.get("locale"), session=session).version
    except PermanentError:
        return 0
