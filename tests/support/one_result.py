"""SQLite that complains as Azure SQL does, which keeps one result open for each connection and not two.

pyodbc answers "Connection is busy with results for another command" to a statement that runs while an earlier result of its
connection is unread; SQLite never complains. A result is read when its cursor is closed, or has given its last row.
"""

import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Dialect


class BusyConnectionError(AssertionError):
    """A statement was run while an earlier result of its connection was unread: read each result to its end first."""


class _Cursor(sqlite3.Cursor):
    """A cursor that knows whether its rows have been read."""

    def __init__(self, connection: "_Connection") -> None:
        super().__init__(connection)
        self.statement = ""
        self.is_open = False

    def execute(self, statement: str, *given: Any) -> "_Cursor":
        """Run the statement, unless another result is open."""
        self.connection.refuse_if_busy(self, statement)
        super().execute(statement, *given)
        self._opened(statement)
        return self

    def executemany(self, statement: str, *given: Any) -> "_Cursor":
        """Run the statement for each set of values, unless another result is open."""
        self.connection.refuse_if_busy(self, statement)
        super().executemany(statement, *given)
        self._opened(statement)
        return self

    def _opened(self, statement: str) -> None:
        self.statement, self.is_open = statement, self.description is not None
        if self.is_open:
            self.connection.reading = weakref.ref(self)

    def fetchone(self) -> Any:
        """The next row; None has read the result to its end."""
        row = super().fetchone()
        self.is_open = self.is_open and row is not None
        return row

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows; fewer than asked for have read the result to its end."""
        size = self.arraysize if size is None else size
        rows = super().fetchmany(size)
        self.is_open = self.is_open and len(rows) == size
        return rows

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        self.is_open = False
        return super().fetchall()

    def __next__(self) -> Any:
        """The next row; the end of the iteration has read the result to its end."""
        try:
            return super().__next__()
        except StopIteration:
            self.is_open = False
            raise

    def close(self) -> None:
        """Give up whatever is unread."""
        self.is_open = False
        super().close()


class _Connection(sqlite3.Connection):
    """A connection that refuses a second result."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.reading: Callable[[], _Cursor | None] = lambda: None  # the cursor that was opened last: no other is open

    def cursor(self, factory: Any = _Cursor) -> Any:
        """A cursor of ours."""
        return super().cursor(factory)

    def refuse_if_busy(self, asking: _Cursor, statement: str) -> None:
        """Fail where the rows of another cursor are unread."""
        other = self.reading()
        if other is not None and other is not asking and other.is_open:
            other.is_open = False  # the test has its complaint; what cleans up after it must not raise another
            raise BusyConnectionError(f"unread: {other.statement}\nrun meanwhile: {statement}")


def _guard(dialect: Dialect, _record: Any, _arguments: Any, named: dict[str, Any]) -> None:
    if dialect.name == "sqlite":
        named["factory"] = _Connection


@contextmanager
def guarded() -> Iterator[None]:
    """Every SQLite connection made meanwhile refuses a second result."""
    event.listen(Engine, "do_connect", _guard)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", _guard)
