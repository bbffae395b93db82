"""The counts of executions: a row of differences for each batch, which a job folds into one row for each execution."""

from collections.abc import Iterable, Mapping
from functools import partial

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from functions.broadcasts.tables import COUNTED, CountDelta, ExecutionCount
from shared import faults
from shared.store.dialect import insert_if_absent, locked
from shared.store.session import reading, transact

AFTER_FOLD = faults.point("broadcasts.after_fold")
PAGE = 500  # rows of differences folded in one transaction


def add(session: Session, execution_id: int, changes: Mapping[str, int]) -> None:
    """Note by how much counts have changed with this batch; names are those of `COUNTED`. Nothing is locked."""
    if any(changes.values()):
        session.add(CountDelta(execution_id=execution_id, **changes))


def of(session: Session, execution_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """The counts of these executions, exact at this moment: what is folded, and what is not yet."""
    wanted = sorted(set(execution_ids))
    found = {number: dict.fromkeys(COUNTED, 0) for number in wanted}
    for model in (ExecutionCount, CountDelta):
        columns = [func.sum(getattr(model, name)) for name in COUNTED]
        query = select(model.execution_id, *columns).where(model.execution_id.in_(wanted)).group_by(model.execution_id)
        for number, *values in session.execute(query):
            for name, value in zip(COUNTED, values, strict=True):
                found[number][name] += int(value or 0)
    return found


def fold() -> int:
    """Fold the differences into the counts; how many rows of differences went. A job of every half minute.

    A row is deleted in the transaction that adds it up, so that a second run, or one that died, counts nothing twice.
    """
    with reading() as session:
        execution_ids = session.scalars(select(CountDelta.execution_id).distinct().limit(PAGE)).all()
    done = 0
    for execution_id in execution_ids:
        while folded := transact(partial(_fold_page, execution_id=execution_id)):
            faults.hit(AFTER_FOLD)
            done += folded
            if folded < PAGE:
                break
    return done


def _fold_page(session: Session, execution_id: int) -> int:
    insert_if_absent(session, ExecutionCount, "execution_id", {"execution_id": execution_id})
    count = session.scalars(
        locked(select(ExecutionCount).where(ExecutionCount.execution_id == execution_id), ExecutionCount)
    ).one()
    query = select(CountDelta).where(CountDelta.execution_id == execution_id).order_by(CountDelta.id).limit(PAGE)
    rows = session.scalars(query).all()
    for name in COUNTED:
        setattr(count, name, getattr(count, name) + sum(getattr(row, name) for row in rows))
    session.execute(delete(CountDelta).where(CountDelta.id.in_([row.id for row in rows])))
    return len(rows)
