"""What `RecordSync` and `OneTimeEffect` have in common: an effect on an outside system that is about one row of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared import references
from shared.outbox.actions import Claimed, Described, Lane, Outcome, Skip

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MISSING_ROW = Skip("no-such-record")  # the row was erased before its delivery was executed; nobody has to act


def always() -> bool:
    """The default of `is_used`."""
    return True


def nothing(_session: Session, _subject: str) -> None:
    """The default of `then`."""


def nothing_of_it(_session: Session, _subject: str, _outcome: Outcome, _final: bool) -> None:  # noqa: FBT001  # as `Settled` is
    """The default of `settled`."""


type Settled = Callable[[Session, str, Outcome, bool], None]
"""What is noted of an attempt: the session, the subject, the outcome, and whether the delivery is finished by it."""


@dataclass(frozen=True, kw_only=True)
class RowEffect:
    """The table of the rows, and how a delivery names one of them.

    `table`: the mapped class as "module:Class", or a function that returns it; imported on first use.
    `key`: the unique column by which a row is found, a whole number or a text.
    `subject_prefix`: stands before the key in a delivery's subject (`lead:7`), so that it names no row of another table.
    `describe(row)`: what is sent for a row, as fields and values, as far as the row tells (shadow mode). Unless given, it is
    what the row says, without its own bookkeeping.
    `settled(session, subject, outcome, final)`: runs with whatever comes of each attempt, a failure too, in the transaction
    that records it; a row that was erased has no outcome.
    `is_used`: whether the settings use the outside system for these rows; where they do not, nothing is requested.
    """

    target: str
    name: str
    table: str | Callable[[], type[Any]]
    key: str = "id"
    subject_prefix: str = ""
    is_used: Callable[[], bool] = always
    describe: str | Callable[[Any], Mapping[str, Any]] | None = None
    lane: Lane = Lane.TRANSACTIONAL
    settled: str | Settled = nothing_of_it

    def model(self) -> type[Any]:
        """The mapped class of the rows."""
        found: type[Any] = references.load(self.table) if isinstance(self.table, str) else self.table()
        return found

    @property
    def key_column(self) -> Any:
        """The column by which a row is found."""
        return getattr(self.model(), self.key)

    def subject(self, row: Any) -> str:
        """The subject of this row's deliveries. A new row must have been flushed, where `key` is its id."""
        return self.subject_of(getattr(row, self.key))

    def subject_of(self, key: Any) -> str:
        """The subject of the deliveries of the row with that key."""
        return f"{self.subject_prefix}{key}"

    def key_of(self, subject: str) -> Any:
        """The key in a delivery's subject; None where the subject names no row of this table."""
        if not subject.startswith(self.subject_prefix):
            return None
        text = subject.removeprefix(self.subject_prefix)
        if self.key_column.type.python_type is not int:
            return text
        return int(text) if text.isascii() and text.isdigit() else None

    def read(self, subject: str) -> Any:
        """The committed row that a delivery is about, detached from its session; None where it does not exist."""
        from sqlalchemy import select

        from shared.store.session import reading

        with reading() as session:
            query = select(self.model()).where(self.key_column == self.key_of(subject))
            return session.scalars(query).unique().one_or_none()

    def described(self, delivery: Claimed) -> Described:
        """What carrying out a delivery would send; `MISSING_ROW` where its row was erased. Asks no outside system."""
        row = self.read(delivery.subject)
        if row is None:
            return MISSING_ROW
        return self.values_of(row)

    def values_of(self, row: Any) -> dict[str, Any]:
        """What is sent for a row, as fields and values, as far as the row tells."""
        if self.describe is not None:
            return dict(references.function(self.describe)(row))
        return {name: getattr(row, name) for name in self._described_columns()}

    def _described_columns(self) -> list[str]:
        """The columns that say something of what the row is about: not its number, its times and references, nor its syncs."""
        from sqlalchemy import inspect

        found = inspect(self.model()).column_attrs
        own = ("id", "created_at", "updated_at", "fact_times", "event_key", *(self._bookkeeping()))
        plain = (one.key for one in found if not one.columns[0].foreign_keys)
        return [name for name in plain if name not in own and "_sync" not in name]

    def _bookkeeping(self) -> tuple[str, ...]:
        """Columns in which the effect itself keeps its outcome."""
        return ()

    def lock_rows(self, session: Session, subjects: Sequence[str]) -> None:
        """Lock the rows until the transaction ends. Rows are locked before deliveries, as in the flows: so none deadlocks."""
        from sqlalchemy import select

        from shared.store.dialect import locked

        model = self.model()
        query = select(self.key_column, getattr(model, self._column_without_index))
        query = query.where(self.key_column.in_([self.key_of(one) for one in subjects]))
        session.execute(locked(query, model)).all()

    @property
    def _column_without_index(self) -> str:
        """A column that makes Azure SQL lock the row itself: where an index holds all that is read, only it is locked."""
        return "updated_at"

    def write(self, session: Session, subject: str, values: dict[str, Any]) -> None:
        """Set columns of the row that a delivery is about; nothing where it does not exist."""
        from sqlalchemy import update

        session.execute(update(self.model()).where(self.key_column == self.key_of(subject)).values(values))
