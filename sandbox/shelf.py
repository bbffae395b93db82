"""Records of a vendor that keeps them as it would show them: JSON, by kind and id, in the order in which they came."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sandbox.vendor import UnknownActionError, UnknownKindError, Vendor

type Row = dict[str, Any]


def utc_now() -> datetime:
    """The time, by the machine's clock."""
    return datetime.now(UTC)


class Shelf:
    """Rows by kind and id. Whoever changes one in place says so with `touch`."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self.revision = 0
        self._rows: dict[str, dict[str, Row]] = {kind: {} for kind in kinds}

    def put(self, kind: str, key: str, row: Row) -> Row:
        """Keep `row`, in the place of the one with this id if there is one."""
        self._rows[kind][key] = row
        self.touch()
        return row

    def get(self, kind: str, key: str) -> Row | None:
        """The row with this id."""
        return self._rows[kind].get(key)

    def drop(self, kind: str, key: str) -> Row | None:
        """Forget the row with this id; what it was."""
        self.touch()
        return self._rows[kind].pop(key, None)

    def rows(self, kind: str) -> list[Row]:
        """All of a kind, oldest first."""
        return list(self._rows[kind].values())

    def latest(self, kind: str, most: int) -> list[Row]:
        """The `most` that came last, oldest first, however many there are."""
        return list(islice(reversed(self._rows[kind].values()), most))[::-1]

    def touch(self) -> None:
        """Say that something has changed."""
        self.revision += 1

    def find(self, kind: str, filters: Mapping[str, str], limit: int | None) -> tuple[list[Row], int]:
        """Rows of a kind whose fields read as `filters` say, and their count. Raises UnknownKindError, ValueError."""
        if kind not in self._rows:
            raise UnknownKindError(f"there are no records {kind}; there are {', '.join(self._rows)}")
        rows = self.rows(kind)
        known = {name for row in rows for name in row}
        if unknown := set(filters) - known if rows else set():
            raise ValueError(f"{kind} have no field {', '.join(sorted(unknown))}")
        found = [row for row in rows if all(str(row.get(name)) == value for name, value in filters.items())]
        return found if limit is None else found[:limit], len(found)

    def clear(self) -> None:
        """Forget all."""
        for rows in self._rows.values():
            rows.clear()
        self.touch()

    def dump(self) -> dict[str, dict[str, Row]]:
        """All rows, by kind and id."""
        return self._rows

    def restore(self, saved: Mapping[str, Mapping[str, Row]]) -> None:
        """Continue with what `dump` gave; kinds that are no longer known are left out."""
        for kind, rows in self._rows.items():
            rows.clear()
            rows.update(saved.get(kind, {}))
        self.touch()


class Shelved(Vendor):
    """A vendor whose records stand on one shelf. `now` is its clock, which a test may hold in its hand."""

    kinds: Sequence[str]
    now: Callable[[], datetime]

    def __init__(self) -> None:
        self.shelf, self.now = Shelf(self.kinds), utc_now

    @property
    def revision(self) -> int:
        """Grows with every change of the records."""
        return self.shelf.revision

    def reset(self, options: Mapping[str, bool]) -> None:
        """Forget all records."""
        del options
        self.shelf.clear()

    def records(self, kind: str, filters: Mapping[str, str], limit: int | None) -> tuple[list[Row], int]:
        """Records of `kind`, oldest first."""
        return self.shelf.find(kind, filters, limit)

    def dump(self) -> Any:
        """All records."""
        return self.shelf.dump()

    def restore(self, saved: Any) -> None:
        """Continue with them."""
        self.shelf.restore(saved)

    def moment(self) -> str:
        """Now, as records note it."""
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def row(self, kind: str, given: Mapping[str, Any]) -> Row:
        """The record that an action is about. Raises UnknownActionError where there is none."""
        found = self.shelf.get(kind, str(given.get("id", "")))
        if found is None:
            raise UnknownActionError(f"{self.title} has none of {kind} with the id {given.get('id')!r}")
        return found


def one_of(given: Mapping[str, Any], name: str, allowed: Sequence[str], default: str | None = None) -> str:
    """The word under `name`. Raises ValueError where it is none of those allowed."""
    value = given.get(name, default)
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; it is {value!r}")
    return str(value)
