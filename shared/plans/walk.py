"""The walk over a plan's units, a page in a transaction: worked out, and later carried out.

Two invocations may walk over one plan, as a message may come twice: each page is kept by whoever was first (`rounds`), and the
other one stops. After a crash a walk goes on behind the last page that was kept.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from shared import clock, faults, stopping
from shared.errors import PermanentError
from shared.outbox import plan as outbox
from shared.plans import kinds, states, trying
from shared.plans.kinds import Page, Place, Unit
from shared.plans.trying import TriedUnit
from shared.store import session as store
from shared.store.dialect import rows_changed
from shared.store.plan_models import Plan, PlanPart

log = logging.getLogger("puente.plans")

AFTER_PAGE = faults.point("plans.after_page")


class _ElsewhereError(Exception):
    """Another invocation has kept this page."""


@dataclass(frozen=True)
class _Kept:
    """What of a page was carried out: the units that did as planned, and those that would do something else."""

    done: Sequence[str]
    differ: Sequence[str]
    seen: int
    wakes: set[str]


def go_on(plan_id: int, end: datetime) -> bool:
    """Work on a plan page by page until `end`, one page in any case. False where there is more to do, and nobody else at it.

    Raises:
        RetryableError: something that it needs is away; what was kept stays.
    """
    while True:
        with store.reading() as session:
            row = session.get_one(Plan, plan_id)
            session.expunge(row)
        if row.state not in states.AT_WORK:
            return True
        try:
            _page(row)
        except _ElsewhereError:
            log.info("plan %d is worked on by another invocation", plan_id)
            return True
        except PermanentError as error:
            log.error("plan %d has failed: %s", plan_id, error)  # noqa: TRY400  # the words say it
            store.transact(partial(_failed, plan_id=plan_id, text=str(error)))
            return True
        faults.hit(AFTER_PAGE)
        if clock.now() >= end or stopping.is_asked():
            return False


def _page(row: Plan) -> None:
    """Work out, or carry out, one page."""
    trying.prepare()
    page = kinds.named(row.kind).page(row.asked, row.place)
    if row.state == states.MAKING:
        tried = store.rehearse(partial(trying.each, units=page.units, actor="")) if page.units else []
        following = _following(page, len(tried))
        store.transact(partial(_add, row=row, tried=tried, following=following))
        return
    wanted = _wanted(row.id, page.units)
    kept = store.transact(partial(_carry_out, row=row, page=page, wanted=wanted))
    outbox.nudge(kept.wakes)


def _following(page: Page, seen: int) -> Place | None:
    """Where the walk goes on: behind the last unit for which there was time, or with the next page."""
    return page.following if seen == len(page.units) else page.units[seen - 1].after


def _claim(session: Session, row: Plan, **values: Any) -> None:
    """Keep this page, and nobody else's: the first statement of a transaction; whoever comes second waits, and stops."""
    mine = update(Plan).where(Plan.id == row.id, Plan.rounds == row.rounds, Plan.state == row.state)
    changed = session.execute(mine.values(rounds=row.rounds + 1, updated_at=clock.now(), **values))
    if rows_changed(changed) != 1:
        raise _ElsewhereError


def _add(session: Session, row: Plan, tried: Sequence[TriedUnit], following: Place | None) -> None:
    """Add a page to the plan; after the last one it is ready, or carried out at once where it is the plan that was approved."""
    whole = row.hash
    for unit in tried:
        whole = hashlib.sha256(f"{whole}{unit.unit.key}{unit.digest}".encode()).hexdigest()
    values: dict[str, Any] = {
        "place": following,
        "hash": whole,
        "figures": states.counted(row.figures, tried),
        "goings": states.gone_out(row.goings, tried),
    }
    if following is None:
        values |= _made(row, whole)
    _claim(session, row, **values)
    parts = [_part(row.id, unit, number) for unit in tried for number in range(len(unit.steps))]
    if parts:
        session.execute(insert(PlanPart), parts)


def _made(row: Plan, whole: str) -> dict[str, Any]:
    """The plan is complete."""
    is_approved = row.approved_hash is not None and row.approved_hash == whole
    if row.approved_hash is not None and not is_approved:
        log.info("plan %d is another one than was approved", row.id)
    return {"state": states.CARRYING if is_approved else states.READY, "ready_at": clock.now()}


def _part(plan_id: int, unit: TriedUnit, number: int) -> dict[str, Any]:
    tried = unit.steps[number]
    return {
        "plan_id": plan_id,
        "unit": unit.unit.key,
        "name": tried.step.name,
        "title": tried.step.title,
        "subject": tried.step.subject,
        "what": tried.what,
        "word": tried.word[:64],
        "detail": tried.detail,
        "caused": [asdict(one) for one in tried.caused] or None,
        "digest": unit.digest,
        "state": states.PLANNED,
    }


def _wanted(plan_id: int, units: Sequence[Unit]) -> Mapping[str, str]:
    """The digests that were approved, by unit."""
    query = select(PlanPart.unit, PlanPart.digest).where(
        PlanPart.plan_id == plan_id, PlanPart.state == states.PLANNED, PlanPart.unit.in_([unit.key for unit in units])
    )
    with store.reading() as session:
        return {row.unit: row.digest for row in session.execute(query.distinct())}


def _carry_out(session: Session, row: Plan, page: Page, wanted: Mapping[str, str]) -> _Kept:
    """Carry out a page's units that the plan has, as many as there is time for, and one in any case."""
    _claim(session, row)
    end, done, differ, seen = clock.now() + trying.PATIENCE, list[str](), list[str](), 0
    for unit in page.units:
        seen += 1
        if unit.key in wanted:
            (done if _is_done(session, unit, wanted[unit.key], row.carried_by or "") else differ).append(unit.key)
        if clock.now() >= end:
            break
    for state, units in ((states.PART_DONE, done), (states.DIFFERS, differ)):
        if units:
            these = update(PlanPart).where(PlanPart.plan_id == row.id, PlanPart.unit.in_(units))
            session.execute(these.values(state=state))
    following = _following(page, seen)
    ended = {"state": states.DONE, "finished_at": clock.now()} if following is None else {}
    session.execute(update(Plan).where(Plan.id == row.id).values(place=following, **ended))
    return _Kept(done, differ, seen, outbox.newly_due(session))


def _is_done(session: Session, unit: Unit, wanted: str, actor: str) -> bool:
    """Do what was approved of a unit; or nothing, where it would do something else now."""
    with session.begin_nested() as everything:
        is_same = trying.one(session, unit, actor).digest == wanted
        if not is_same:
            everything.rollback()
    return is_same


def _failed(session: Session, plan_id: int, text: str) -> None:
    values = {"state": states.FAILED, "error": text, "finished_at": clock.now()}
    session.execute(update(Plan).where(Plan.id == plan_id, Plan.state.in_(states.AT_WORK)).values(**values))
