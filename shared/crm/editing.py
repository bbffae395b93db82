"""What all changes by hand have in common: their date, their action log, and the rows that prevent a deletion.

An operator's change is dated now, and after every fact that is recorded already, so it counts even where a sender's clock runs
ahead; an older event that arrives later does not overwrite it.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session

from shared import clock
from shared.crm.facts import Dated
from shared.errors import FieldError, RefusedError
from shared.outbox import plan
from shared.store.dialect import locked
from shared.store.models import ERROR_LENGTH, ActionLog
from shared.store.session import transact
from shared.store.types import key_of

REFERENCES_NAMED = 5

type Guard = Callable[[Any], None]
"""Looks at the row as it is before the change, in its transaction; raises where the change may not be made."""


def unguarded(_row: Any) -> None:
    """Let every change through."""


def committed[T](work: Callable[[Session], T]) -> T:
    """Run `work` in one transaction, then wake whoever carries out what it planned.

    Raises:
        RefusedError: 409, another change was quicker than the checks of `work` (a unique value, a new reference).
        UnavailableError: the database cannot be reached; nothing was changed.
    """

    def whole(session: Session) -> tuple[T, set[str]]:
        result = work(session)
        session.flush()
        return result, plan.newly_due(session)

    try:
        result, due = transact(whole)
    except IntegrityError as error:
        raise RefusedError(409, "conflict", "Another change at the same moment does not go with this one.") from error
    plan.nudge(due)
    return result


def operator_key() -> str:
    """The key of a change by hand, in place of an event's."""
    return key_of("hand", str(uuid.uuid4()))


def operator_time(row: Dated) -> datetime:
    """Now, or a microsecond after the row's newest fact, where that is later."""
    stamps = [datetime.fromisoformat(stamp[0]) for stamp in (row.fact_times or {}).values()]
    return max([clock.now(), *(stamp + timedelta(microseconds=1) for stamp in stamps)])


def log(session: Session, actor: str, action: str, subject: str, detail: str | Iterable[str] = "") -> None:
    """Note who changed what. `detail` names fields and never holds what a person is called."""
    words = detail if isinstance(detail, str) else ", ".join(sorted(detail))
    values = {"actor": actor[:60], "action": action, "subject": subject[:100], "detail": words[:ERROR_LENGTH] or None}
    session.add(ActionLog(**values, result="done"))


def locked_row[Row: DeclarativeBase](session: Session, model: type[Row], row_id: int, noun: str) -> Row:
    """The row of that number, held until the transaction ends.

    Raises:
        RefusedError: 404, there is none; `noun` says what was looked for.
    """
    table: Any = model
    row = session.scalars(locked(select(model).where(table.id == row_id), model)).one_or_none()
    if row is None:
        raise missing(noun, row_id)
    return row


def missing(noun: str, row_id: int) -> RefusedError:
    """404: there is no `noun` of that number."""
    return RefusedError(404, f"no-such-{noun.replace(' ', '-')}", f"There is no {noun} {row_id}.")


@dataclass(frozen=True)
class Reference:
    """A way in which rows of another table name a row: what they are called, their key, and which they are."""

    name: str
    key: Any
    where: ColumnElement[bool]

    def found(self, session: Session) -> FieldError | None:
        """How many there are, and the first of them; None where there are none."""
        query: Select[Any] = select(self.key).where(self.where)
        count = session.scalar(query.with_only_columns(func.count())) or 0
        if not count:
            return None
        keys = session.scalars(query.order_by(self.key).limit(REFERENCES_NAMED))
        named = ", ".join(map(str, keys)) + (", ..." if count > REFERENCES_NAMED else "")
        return FieldError(self.name, f"{count}: {named}")


def refuse_referenced(session: Session, what: str, references: Sequence[Reference]) -> None:
    """Let a deletion go on only where nothing names the row.

    Raises:
        RefusedError: 409 that names the kinds of rows that do, how many, and the first of each.
    """
    found = [reference for each in references if (reference := each.found(session))]
    if found:
        detail = "; ".join(f"{fault.field} {fault.message}" for fault in found)
        title = f"{what} cannot be deleted; other rows refer to it."
        raise RefusedError(409, "referenced", title, detail=detail, errors=found)
