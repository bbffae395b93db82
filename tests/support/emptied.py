"""One SQLite file for all tests of a process, empty for each. Connections stay open: a new one must read the whole schema."""

import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine

AT_ONCE = 0  # seconds: whoever still writes would write into the next test, so its file is left to it


class EmptiedFile:
    """The file behind an engine, and the file that it is a copy of.

    It is emptied where it stands, unless something of the last test is still at work in it or has changed its schema; then a
    new file takes its place.
    """

    def __init__(self, engine: Engine, migrated: Path) -> None:
        self._engine, self._migrated = engine, migrated
        self._file = Path(str(engine.url.database))
        self._connection: sqlite3.Connection | None = None
        with sqlite3.connect(migrated) as template:
            self._schema = _schema(template)
            tables = [name for (name,) in template.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            self._rows = {name: template.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}  # noqa: S608
        template.close()

    def empty(self) -> None:
        """As after the migrations: no rows but theirs, and numbers that begin at 1 again."""
        if not self._emptied():
            self.close()
            self._engine.dispose()
            _replace(self._file, self._migrated)
            self._connection = sqlite3.connect(self._file, timeout=AT_ONCE, isolation_level=None, cached_statements=500)
            self._connection.execute("PRAGMA synchronous=OFF")
            self._number = self._file.stat().st_ino

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _emptied(self) -> bool:
        if self._connection is None or self._engine.pool.checkedout() or not self._is_ours():  # type: ignore[attr-defined]
            return False
        with suppress(sqlite3.OperationalError):  # somebody writes
            self._connection.execute("BEGIN IMMEDIATE")
            if is_same := _schema(self._connection) == self._schema:
                self._delete(self._connection)
            self._connection.execute("COMMIT")
            return is_same
        return False

    def _is_ours(self) -> bool:
        return self._file.exists() and self._file.stat().st_ino == self._number

    def _delete(self, connection: sqlite3.Connection) -> None:
        for name, rows in self._rows.items():  # the connection does not look after foreign keys
            if rows or connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone():  # noqa: S608
                connection.execute(f'DELETE FROM "{name}"')  # noqa: S608
            if rows:
                connection.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(rows[0]))})', rows)  # noqa: S608


def _schema(connection: sqlite3.Connection) -> int:
    """A number that is another one after each change of a table, an index or a trigger."""
    return int(connection.execute("PRAGMA schema_version").fetchone()[0])


def _replace(file: Path, new: Path) -> None:
    """Put a new database file in the place of one that nobody is connected to; a connection left behind keeps the old one."""
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    shutil.copy(new, file)
