"""Compare what we would have done with what the replaced system did, person by person and effect by effect.

Both sides are written into a temporary SQLite file, as digests, so that memory is bounded however long the logs are; the
file is deleted at the end. Comparing again gives the same lines in the same order.
"""

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from shared.shadow.acts import Act

type DifferenceKind = Literal["missing at ours", "missing at theirs", "differing"]

OURS, THEIRS = 0, 1
_TABLES = """
CREATE TABLE acts (
    id INTEGER PRIMARY KEY, side INTEGER, effect TEXT, first TEXT, name TEXT, at REAL, is_state INTEGER, body TEXT, done INTEGER
);
CREATE TABLE whom (side INTEGER, effect TEXT, who TEXT, act INTEGER);
"""
_INDEXES = """
CREATE INDEX by_person ON acts (side, effect, first, is_state);
CREATE INDEX by_whom ON whom (side, effect, who);
CREATE INDEX by_act ON whom (act);
"""
_OUTDATED = """
UPDATE acts SET done = 1 WHERE is_state = 1 AND EXISTS (
    SELECT 1 FROM acts AS newer WHERE newer.side = acts.side AND newer.effect = acts.effect AND newer.first = acts.first
    AND newer.is_state = 1 AND (ifnull(newer.at, 0), newer.id) > (ifnull(acts.at, 0), acts.id)
)
"""
_NEXT = "SELECT * FROM acts WHERE id > ? AND +side = 0 AND done = 0 ORDER BY id LIMIT 1"  # +: by the number, and no index
_LEFT = "SELECT * FROM acts WHERE side = 1 AND done = 0 ORDER BY id"
_PARTNER = """
SELECT acts.* FROM whom JOIN acts ON acts.id = whom.act
WHERE whom.side = 1 AND whom.effect = ? AND whom.who IN ({marks}) AND acts.done = 0
AND (acts.name IS NULL OR ? IS NULL OR acts.name = ?)
ORDER BY acts.name IS NOT ?, abs(ifnull(acts.at, ?) - ?), acts.id LIMIT 1
"""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One effect for one person in which the systems differ. `fields`: of each that differs, our digest and theirs."""

    kind: DifferenceKind
    effect: str
    person: str
    name: str | None
    place: str
    at: datetime | None
    fields: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)


@dataclass
class Counts:
    """How many effects were compared, and how they came out."""

    ours: int = 0
    theirs: int = 0
    same: int = 0
    differences: int = 0


def compare(
    ours: Iterable[Act], theirs: Iterable[Act], counts: Counts, *, tolerance: timedelta = timedelta(minutes=15)
) -> Iterator[Difference]:
    """Every difference, ours first; `counts` is filled meanwhile. Of a record's states the last one of each side counts.

    Two effects are one where they are of one kind, concern one address and have one name (where both have names); of several
    the one that is nearest in time. `tolerance`: so far apart what happens once may have happened.
    """
    with tempfile.TemporaryDirectory(prefix="puente-compare-") as folder, closing(_opened(Path(folder))) as database:
        counts.ours = _write(database, OURS, ours)
        counts.theirs = _write(database, THEIRS, theirs)
        database.executescript(_INDEXES)
        database.execute(_OUTDATED)
        for found in _ours_first(database, counts, tolerance):
            counts.differences += 1
            yield found


def _opened(folder: Path) -> sqlite3.Connection:
    database = sqlite3.connect(folder / "acts.db", isolation_level=None)
    database.row_factory = sqlite3.Row
    database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _TABLES)
    return database


def _write(database: sqlite3.Connection, side: int, acts: Iterable[Act]) -> int:
    count = 0
    database.execute("BEGIN")
    for act in acts:
        body = json.dumps({"place": act.place, "shown": act.shown, "fields": dict(act.fields)})
        at = act.at.timestamp() if act.at else None
        row = (side, act.effect, act.who[0], act.name, at, act.is_state, body)
        cursor = database.execute(
            "INSERT INTO acts (side, effect, first, name, at, is_state, body, done) VALUES (?, ?, ?, ?, ?, ?, ?, 0)", row
        )
        rows = [(side, act.effect, who, cursor.lastrowid) for who in act.who]
        database.executemany("INSERT INTO whom VALUES (?, ?, ?, ?)", rows)
        count += 1
    database.execute("COMMIT")
    return count


def _ours_first(database: sqlite3.Connection, counts: Counts, tolerance: timedelta) -> Iterator[Difference]:
    last = 0
    while (row := database.execute(_NEXT, (last,)).fetchone()) is not None:
        last = row["id"]
        partner = _partner(database, row)
        if partner is None:
            yield _difference("missing at theirs", row)
            continue
        database.execute("UPDATE acts SET done = 1 WHERE id = ?", (partner["id"],))
        fields = _fields(row, partner, tolerance)
        counts.same += not fields
        if fields:
            yield _difference("differing", row, fields)
    for row in database.execute(_LEFT):
        yield _difference("missing at ours", row)


def _partner(database: sqlite3.Connection, row: sqlite3.Row) -> sqlite3.Row | None:
    whom = [one["who"] for one in database.execute("SELECT who FROM whom WHERE act = ?", (row["id"],))]
    query = _PARTNER.format(marks=", ".join("?" * len(whom)))
    at = row["at"] or 0
    found = database.execute(query, (row["effect"], *whom, row["name"], row["name"], row["name"], at, at)).fetchone()
    return found if isinstance(found, sqlite3.Row) else None


def _fields(ours: sqlite3.Row, theirs: sqlite3.Row, tolerance: timedelta) -> dict[str, tuple[str | None, str | None]]:
    """What differs of the fields that their log names, and the time of what happens once."""
    mine, other = (json.loads(row["body"])["fields"] for row in (ours, theirs))
    found = {name: (mine.get(name), digest) for name, digest in other.items() if mine.get(name) != digest}
    is_timed = not ours["is_state"] and None not in (ours["at"], theirs["at"])
    if is_timed and abs(ours["at"] - theirs["at"]) > tolerance.total_seconds():
        found["at"] = (_moment(ours["at"]).isoformat(), _moment(theirs["at"]).isoformat())
    return found


def _difference(
    kind: DifferenceKind, row: sqlite3.Row, fields: dict[str, tuple[str | None, str | None]] | None = None
) -> Difference:
    body: dict[str, Any] = json.loads(row["body"])
    at = _moment(row["at"]) if row["at"] is not None else None
    return Difference(
        kind=kind, effect=row["effect"], person=body["shown"], name=row["name"], place=body["place"], at=at, fields=fields or {}
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
