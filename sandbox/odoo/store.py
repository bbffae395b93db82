"""Tables in memory with indexes, numbers that never come back, and transactions that can be rolled back to a savepoint."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

type Row = dict[str, Any]
type Undo = Callable[[], None]


class Table:
    """The rows of one model, by id. Numbers given out are not given again, even after a rollback, as in PostgreSQL.

    An indexed column maps each value to the ids that have it, in the order in which they came to have it or were last changed.
    """

    def __init__(self, journal: list[Undo], indexed: Iterable[str] = ()) -> None:
        self.rows: dict[int, Row] = {}
        self.next_id = 1
        self.indexes: dict[str, dict[Any, dict[int, None]]] = {}
        self._journal = journal
        for column in indexed:
            self.add_index(column)

    def add_index(self, column: str) -> None:
        """Keep `column` indexed from now on; what is there already is indexed at once."""
        index: dict[Any, dict[int, None]] = defaultdict(dict)
        for row_id, row in self.rows.items():
            index[row.get(column)][row_id] = None
        self.indexes[column] = index

    def drop_column(self, column: str) -> None:
        """Forget a column's values and index. Cannot be rolled back."""
        self.indexes.pop(column, None)
        for row in self.rows.values():
            row.pop(column, None)

    def insert(self, row: Row) -> int:
        """Add `row` under the next number, which is written into it as `id`."""
        row_id = self.next_id
        self.next_id += 1
        self._put({"id": row_id, **row})
        self._journal.append(lambda: self._remove(row_id))
        return row_id

    def update(self, row_id: int, changes: Mapping[str, Any]) -> None:
        """Change some columns of a row that exists."""
        row = self.rows[row_id]
        before = {column: row.get(column) for column in changes}
        self._change(row, changes)
        self._journal.append(lambda: self._change(row, before))

    def delete(self, row_id: int) -> None:
        """Remove a row that exists."""
        row = self._take(row_id)
        self._journal.append(lambda: self._put_back(row))

    def ids_with(self, column: str, value: Any) -> Collection[int]:
        """The ids of the rows whose indexed `column` is `value`."""
        return self.indexes[column].get(value, ())

    def latest_with(self, column: str, value: Any) -> Iterator[int]:
        """The same, those changed last first."""
        return reversed(self.indexes[column].get(value, {}))

    def dump(self) -> dict[str, Any]:
        """All rows and the next number, as JSON."""
        columns = list(dict.fromkeys(column for row in self.rows.values() for column in row))
        rows = [[row.get(column) for column in columns] for row in self.rows.values()]
        return {"next_id": self.next_id, "columns": columns, "rows": rows}

    def _put(self, row: Row) -> None:
        row_id = row["id"]
        self.rows[row_id] = row
        for column, index in self.indexes.items():
            index[row.get(column)][row_id] = None

    def _put_back(self, row: Row) -> None:
        self._put(row)
        self.rows = dict(sorted(self.rows.items()))

    def _remove(self, row_id: int) -> None:
        self._take(row_id)

    def _take(self, row_id: int) -> Row:
        row = self.rows.pop(row_id)
        for column in self.indexes:
            self._unindex(column, row.get(column), row_id)
        return row

    def _change(self, row: Row, changes: Mapping[str, Any]) -> None:
        row_id = row["id"]
        for column, index in self.indexes.items():
            self._unindex(column, row.get(column), row_id)
            index[changes.get(column, row.get(column))][row_id] = None
        row.update(changes)

    def _unindex(self, column: str, value: Any, row_id: int) -> None:
        index = self.indexes[column]
        bucket = index[value]
        del bucket[row_id]
        if not bucket:
            del index[value]


class Store:
    """All tables, and the journal that they share."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.revision = 0
        self._journal: list[Undo] = []
        self._depth = 0

    def create_table(self, name: str, indexed: Iterable[str] = ()) -> Table:
        """A new empty table; replaces one of the same name."""
        self.tables[name] = Table(self._journal, indexed)
        return self.tables[name]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes made inside are kept, or, when an exception leaves the block, none of them. May be nested."""
        self._depth += 1
        try:
            with self.savepoint():
                yield
        finally:
            self._depth -= 1
        if self._journal and not self._depth:
            self.revision += 1
            self._journal.clear()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: when an exception leaves the block, all is as it was when the block was entered."""
        mark = len(self._journal)
        try:
            yield
        except BaseException:
            self.roll_back_to(mark)
            raise

    def on_rollback(self, undo: Undo) -> None:
        """Have `undo` called when the present transaction is undone; for changes that are not to rows."""
        self._journal.append(undo)

    def forget(self) -> None:
        """Take everything done so far as final."""
        self._journal.clear()

    def mark(self) -> int:
        """A point to roll back to within the present transaction."""
        return len(self._journal)

    def roll_back_to(self, mark: int) -> None:
        """Undo everything since `mark`, the last first."""
        while len(self._journal) > mark:
            self._journal.pop()()

    def dump(self) -> dict[str, Any]:
        """All rows and the next numbers, as JSON; each row as a list of values, in the order of the columns."""
        return {name: table.dump() for name, table in self.tables.items()}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Put back what `dump` gave, into tables that exist already with their indexes."""
        for name, content in saved.items():
            table = self.tables[name]
            rows = (dict(zip(content["columns"], values, strict=True)) for values in content["rows"])
            table.rows = {row["id"]: row for row in rows}
            table.next_id = content["next_id"]
            for column in table.indexes:
                table.add_index(column)
        self.revision += 1
