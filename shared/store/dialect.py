"""What differs between SQLite, Azure SQL and PostgreSQL, side by side. Everything else in the project is one code for all.

SQLite has one writer at a time: our write transactions begin with BEGIN IMMEDIATE (see `session`), so whatever such a
transaction has read stays true until it commits, and row locks need no words. Azure SQL locks rows: UPDLOCK takes the lock
while reading, HOLDLOCK keeps others from inserting the key that was looked for, READPAST steps over what others hold.

PostgreSQL is there for the tests: as on Azure SQL, transactions run concurrently and each statement sees what is committed,
which SQLite's one writer hides. FOR NO KEY UPDATE stands for UPDLOCK, SKIP LOCKED for READPAST. It has no lock on a key that
is absent: of two transactions that insert the same one, the later fails, is run again, and finds the row; where they could
insert different ones, `hold_names` locks the name that both rows have.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import CursorResult, Insert, Result, Select, Table, bindparam, exists, insert, inspect, literal, select, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

SNAPSHOT_LOST, LOCK_TIMED_OUT, DEADLOCK = "3960", "1222", "1205"
# "Troubleshoot transient connection errors in Azure SQL Database" on learn.microsoft.com, and those inside a 40197.
TRANSIENT_AZURE_CODES = frozenset(
    str(code)
    for code in (
        615,
        926,
        4060,
        4221,
        10928,
        10929,
        10936,
        18456,
        40143,
        40166,
        40197,
        40501,
        40540,
        40613,
        42108,
        42109,
        49918,
        49919,
        49920,
    )
)
LOST_CONNECTION_STATES = frozenset({"08S01", "08001", "08003", "08007", "HYT00", "HYT01"})
# PostgreSQL: serialization, deadlock, lock timeout, and a key that another transaction has just inserted.
POSTGRESQL_CONFLICTS = frozenset({"40001", "40P01", "55P03", "23505"})
# PostgreSQL: no connection, too many of them, no room, shutting down or starting.
POSTGRESQL_AWAY = frozenset({"08000", "08001", "08003", "08004", "08006", "53100", "53300", "57P01", "57P02", "57P03"})
# What a database says that has no room left. The numbers differ between tiers and ways to be full (40544, 1105, 1101, 9002).
_ROOM = re.compile(
    r"reached its size quota|could not allocate (space|a new page)|transaction log for database .{0,200} is full"
    r"|database or disk is full|no space left on device",
    re.IGNORECASE,
)
_CODE = re.compile(r"\((\d+)\)(?= \(SQL\w+\)|; \[|$)")  # where the driver writes the server's number, after its words

# In the order of the names, so that no two transactions wait for each other.
_HOLD_NAMES = text("SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(CAST(:names AS text[])) AS name")


def locked[S: Select[*tuple[Any, ...]]](query: S, model: type[DeclarativeBase]) -> S:
    """`query`, holding the rows of `model` it finds, and the gap where it finds none, until the transaction ends.

    An object that its session has read before the lock is read again (`populate_existing`), here and in the next two.
    """
    return _for_update(query.with_hint(model.__table__, "WITH (UPDLOCK, HOLDLOCK, ROWLOCK)", "mssql"), model)


def held[S: Select[Any]](query: S, model: type[DeclarativeBase]) -> S:
    """`query` for rows known to exist, holding them until the transaction ends, and no gap beside them."""
    return _for_update(query.with_hint(model.__table__, "WITH (UPDLOCK, ROWLOCK)", "mssql"), model)


def unclaimed[S: Select[Any]](query: S, model: type[DeclarativeBase]) -> S:
    """`query`, holding what it finds and stepping over rows that another transaction holds."""
    return _for_update(query.with_hint(model.__table__, "WITH (UPDLOCK, READPAST, ROWLOCK)", "mssql"), model, skip_locked=True)


def hold_names(session: Session, names: Iterable[str]) -> None:
    """Before `locked` looks for rows of these names in one table: be alone with each name until the transaction ends.

    On Azure SQL and SQLite `locked` and the one writer see to that, and nothing is asked. On PostgreSQL rows that are absent
    cannot be locked; where two transactions could insert different ones, of which only one may be, the name is locked instead.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_HOLD_NAMES, {"names": sorted(set(names))})


def _for_update[S: Select[*tuple[Any, ...]]](query: S, model: type[DeclarativeBase], *, skip_locked: bool = False) -> S:
    """The same on PostgreSQL; the other two databases have no such clause and SQLAlchemy leaves it out."""
    locking = query.with_for_update(of=model, key_share=True, skip_locked=skip_locked)
    return locking.execution_options(populate_existing=True)


INSERTED = "puente_inserted"
"""In `session.info`: the list, if there is one, to which each row is added that `insert_if_absent` has inserted."""


@lru_cache(maxsize=128)
def insert_if_absent_statement(
    dialect: str, model: type[DeclarativeBase], unique: tuple[str, ...], columns: tuple[str, ...]
) -> Insert:
    """INSERT that does nothing where a row with the same values in the columns `unique` exists.

    The value of a column is the parameter `new_<column>`. Kept, as putting it together costs more than running it.
    """
    table = cast("Table", model.__table__)
    new = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
    if dialect == "sqlite":
        return sqlite_insert(table).values(new).on_conflict_do_nothing()
    if dialect == "postgresql":
        # The count is kept when it is there to be read: psycopg forgets it with the cursor.
        return postgresql_insert(table).values(new).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    taken = select(literal(1)).select_from(table).where(*(table.c[name] == new[name] for name in unique))
    taken = taken.with_hint(table, "WITH (UPDLOCK, HOLDLOCK, ROWLOCK)", "mssql")
    row = select(*(value.label(name) for name, value in new.items()))
    return insert(table).from_select(list(columns), row.where(~exists(taken)))


def insert_if_absent(
    session: Session, model: type[DeclarativeBase], unique: str | Sequence[str], values: dict[str, Any]
) -> bool:
    """Insert a row unless its key is taken; True if it was inserted. Under concurrency exactly one caller gets True.

    Column defaults are filled in as the ORM would. The losing caller waits for the winner's commit, then gets False.
    """
    dialect = session.get_bind().dialect.name
    filled = inserted_values(dialect, model, values)
    key = (unique,) if isinstance(unique, str) else tuple(unique)
    statement = insert_if_absent_statement(dialect, model, key, tuple(filled))
    is_new = rows_changed(session.execute(statement, {f"new_{name}": value for name, value in filled.items()})) == 1
    noted: list[tuple[type[DeclarativeBase], dict[str, Any]]] | None = session.info.get(INSERTED)
    if is_new and noted is not None:
        noted.append((model, values))
    return is_new


def added[M: DeclarativeBase](session: Session, model: type[M], values: Mapping[str, Any]) -> M:
    """A new row of a key that this transaction has looked for with `locked` and not found, so that nobody else can insert it.

    It is inserted with the next flush; everything is known of it, so nothing is read afterwards. On PostgreSQL somebody else
    can insert it; then this transaction fails, and is run again.
    """
    columns = inspect(model).column_attrs.keys()
    row = model(**dict.fromkeys(columns) | defaults_of(model) | dict(values))
    session.add(row)
    return row


def inserted_values(dialect: str, model: type[DeclarativeBase], values: dict[str, Any]) -> dict[str, Any]:
    """`values` with the defaults of the columns; without each None that the column would be anyway, except on SQLite.

    pyodbc asks the server for the type of a parameter that is None, which costs a round trip in each statement.
    """
    filled = defaults_of(model) | values
    if dialect == "sqlite":
        return filled
    columns = model.__table__.columns
    return {name: value for name, value in filled.items() if value is not None or columns[name].server_default is not None}


def rows_changed(result: Result[Any]) -> int:
    """How many rows an INSERT, UPDATE or DELETE has touched."""
    return cast("CursorResult[Any]", result).rowcount


def defaults_of(model: type[DeclarativeBase]) -> dict[str, Any]:
    """The Python-side defaults of a model's columns, as plain values."""
    return {name: arg(None) if callable(arg) else arg for name, arg in _defaults(model)}


@cache
def _defaults(model: type[DeclarativeBase]) -> tuple[tuple[str, Any], ...]:
    columns = cast("Table", model.__table__).columns
    defaults: list[tuple[str, Any]] = [(each.key, each.default) for each in columns if not each.primary_key]
    return tuple((name, default.arg) for name, default in defaults if default is not None)


def is_conflict(error: DBAPIError) -> bool:
    """Whether the transaction lost against another one and can simply be run again (deadlock, busy).

    Every error along the chain is asked: a deadlock ends the whole transaction, so that the ROLLBACK of a savepoint in it fails
    as well (6401) and hides it.
    """
    return any(_is_conflict(one) for one in _chain(error))


def _is_conflict(error: DBAPIError) -> bool:
    state, codes = _state_and_codes(error)
    if _postgresql_state(error) in POSTGRESQL_CONFLICTS:
        return True
    return (
        state == "40001" or bool(codes & {DEADLOCK, SNAPSHOT_LOST, LOCK_TIMED_OUT}) or "database is locked" in str(error.orig)
    )


def is_full(error: DBAPIError) -> bool:
    """Whether the database has no room left: reading and deleting still work, so it does not look like being away."""
    return any(_ROOM.search(str(one.orig)) is not None and not _is_about_values(one) for one in _chain(error))


def _is_about_values(error: DBAPIError) -> bool:
    """A violated key or a text too long quotes what people wrote, which could look like anything."""
    return isinstance(error, IntegrityError | DataError)


def is_unavailable(error: DBAPIError) -> bool:
    """Whether the database could not be reached, is full, or told us to come back later; the work itself is blameless.

    The error's class does not tell: pyodbc has none for the states HY000 and 42000, in which Azure SQL says that a database is
    moving, paused or overloaded. Every error along the chain is asked, as for `is_conflict`.
    """
    return any(_is_unavailable(one) for one in _chain(error))


def _chain(error: BaseException) -> Iterator[DBAPIError]:
    """The error and those during which it was raised, as far as they are the database's."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        if isinstance(following, DBAPIError):
            yield following
        following = following.__cause__ or following.__context__


def _is_unavailable(error: DBAPIError) -> bool:
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    state, codes = _state_and_codes(error)
    unreachable = "unable to open database file" in str(error.orig) or _postgresql_state(error) in POSTGRESQL_AWAY
    text = str(error.orig)
    says_so = not _is_about_values(error) and bool(_ROOM.search(text) or "due to statement timeout" in text)
    return unreachable or says_so or state in LOST_CONNECTION_STATES or bool(codes & TRANSIENT_AZURE_CODES)


def _postgresql_state(error: DBAPIError) -> str:
    """PostgreSQL's own state of an error; an operation that failed without one (no connection) is "08001"."""
    if type(error.orig).__module__.partition(".")[0] != "psycopg":
        return ""
    without = "08001" if isinstance(error, OperationalError) else ""
    return str(getattr(error.orig, "sqlstate", None) or without)


def _state_and_codes(error: DBAPIError) -> tuple[str, set[str]]:
    """The ODBC state of an error, and the numbers that SQL Server gives it; never what only looks so within its words."""
    parts: tuple[Any, ...] = getattr(error.orig, "args", ())
    state, words = (str(parts[0]), str(parts[1])) if len(parts) > 1 else ("", "")
    return state, set(_CODE.findall(words))


__all__ = [
    "added",
    "defaults_of",
    "held",
    "hold_names",
    "insert_if_absent",
    "insert_if_absent_statement",
    "inserted_values",
    "is_conflict",
    "is_full",
    "is_unavailable",
    "locked",
    "rows_changed",
    "unclaimed",
]
