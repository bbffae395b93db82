"""Transactions. One engine for each process; writing goes through `transact`, reading through `reading`."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from sqlalchemy import URL, Connection, Engine, Select, create_engine, event, make_url
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import Pool

from shared import clock
from shared.errors import RetryableError, UnavailableError
from shared.once import made_once
from shared.settings import DatabaseSettings
from shared.store.dialect import is_conflict, is_full, is_unavailable

DEFAULT_DATABASE_URL = "sqlite:///.local/puente.db"
CONFLICT_TRIES = 8
BUSY_TIMEOUT_SECONDS = 30
LOGIN_SECONDS = 30  # the driver's own limit is 15; a serverless database that was paused takes longer to wake
log = logging.getLogger("puente.store")
_in_use: ContextVar[frozenset[Pool]] = ContextVar("pools_in_use", default=frozenset())  # cannot be changed
_is_long: ContextVar[bool] = ContextVar("long_statements", default=False)


def database_url(settings: DatabaseSettings) -> str:
    """Where our record is: DATABASE_URL, else AZURE_SQL_CONNECTION_STRING, else a SQLite file under `.local/`."""
    if settings.database_url:
        return settings.database_url
    if settings.azure_sql_connection_string:
        odbc = settings.azure_sql_connection_string.get_secret_value()
        return f"mssql+pyodbc:///?odbc_connect={quote_plus(odbc)}"
    return DEFAULT_DATABASE_URL


def display_name(url: str) -> str:
    """Where a URL leads, to be shown: kind, server and database; no password, wherever in the URL it stands."""
    parts = make_url(url)
    odbc = parts.query.get("odbc_connect", "")
    fields = dict(field.partition("=")[::2] for field in (odbc if isinstance(odbc, str) else odbc[0]).split(";"))
    named = {name.strip().casefold(): value.strip() for name, value in fields.items()}
    place = [named[name] for name in ("server", "database") if named.get(name)]
    return parts.set(query={}).render_as_string(hide_password=True) + "/".join(place)


def make_engine(url: str, settings: DatabaseSettings | None = None) -> Engine:
    """An engine for `url`, set up for how we write on that kind of database; how many connections it keeps say the settings.

    Whatever goes wrong while it connects is an `UnavailableError`: no statement was run, so the work is blameless.
    """
    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    engine = _sqlite_engine(url) if is_sqlite else _server_engine(url, settings or DatabaseSettings())
    event.listen(engine, "do_connect", _connect)
    return engine


def _connect(dialect: Dialect, _record: Any, arguments: Any, named: dict[str, Any]) -> Any:
    """Connect, and tell a failure to do so from a failing statement, which may be our mistake."""
    try:
        return dialect.connect(*arguments, **named)
    except dialect.loaded_dbapi.Error as error:
        raise UnavailableError(f"the database cannot be reached: {_first_words(error)}") from error


def _server_engine(url: str, settings: DatabaseSettings) -> Engine:
    is_mssql = make_url(url).get_backend_name() == "mssql"
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,  # a serverless Azure SQL closes idle connections; a dead one is noticed before it is used
        pool_recycle=1500,
        # A full instance keeps 3.1 requests in the database busy (docs/scale.md); who finds none free waits, then gives up.
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_pool_overflow,
        pool_timeout=settings.database_pool_wait_seconds,
        connect_args={"timeout": LOGIN_SECONDS} if is_mssql else {},  # no keyword of the connection string sets it
    )


def _sqlite_engine(url: str) -> Engine:
    if path := make_url(url).database:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")  # readers do not wait for the writer
        connection.execute("PRAGMA synchronous=NORMAL")  # survives a killed process; only a power cut may lose the last commits
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The sqlite3 module would begin late and without the write lock; two transactions that both read first and
        # then write would fail each other.
        reading = connection.get_execution_options().get("puente_reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


@made_once(at_most=1)
def get_engine() -> Engine:
    """The engine of this process. `get_engine.cache_clear()` forgets it (tests)."""
    settings = DatabaseSettings()
    engine = make_engine(database_url(settings), settings)
    if engine.dialect.name != "sqlite":
        # A statement that is blocked must not hold its worker for ever; it fails as an outage and is tried again. Migrations,
        # which may rightly take longer, make an engine of their own.
        limits = settings.database_statement_seconds, settings.database_long_statement_seconds
        event.listen(engine, "checkout", partial(_limit_statements, engine.dialect.name, limits))
    return engine


@contextmanager
def long_statements() -> Iterator[None]:
    """Let the statements of a job (retention, comparison, import, erasure) take DATABASE_LONG_STATEMENT_SECONDS.

    Handlers never do: while a statement waits for a lock, it keeps one of the few connections from all other events.
    """
    token = _is_long.set(True)
    try:
        yield
    finally:
        _is_long.reset(token)


def _limit_statements(dialect: str, limits: tuple[int, int], connection: Any, record: Any, _proxy: Any) -> None:
    """Give a connection the time limit of who takes it from the pool; what it has already is not set again."""
    seconds = limits[_is_long.get()]
    if record.info.get("statement_seconds") == seconds:
        return
    if dialect == "mssql":
        connection.timeout = seconds
    else:
        connection.execute(f"SET statement_timeout = '{seconds}s'")
        connection.commit()
    record.info["statement_seconds"] = seconds


@contextmanager
def _the_only_session(pool: Pool) -> Iterator[None]:
    """A session within another one takes a second connection of a few: enough of those, and all wait for each other."""
    if pool in _in_use.get():
        complain_of_second_session()
    token = _in_use.set(_in_use.get() | {pool})
    try:
        yield
    finally:
        _in_use.reset(token)


def complain_of_second_session() -> None:
    """Log that a session was opened inside another one. The tests raise here instead."""
    log.error("a session is opened inside another one; it may wait for a connection for ever", stack_info=True)


@contextmanager
def reading(engine: Engine | None = None) -> Iterator[Session]:
    """A session for reading one consistent state; takes no write lock, commits nothing."""
    bind = _for_reading(engine or get_engine())
    with _translated_errors(), _the_only_session(bind.pool), Session(bind, expire_on_commit=False) as session:
        yield session


def read_value(query: Select[Any], parameters: Mapping[str, Any], engine: Engine | None = None) -> Any:
    """The one value that a query finds, None where it finds nothing; as by `reading`, for what is asked with every event.

    A session would cost as much again as the statement.
    """
    bind = _for_reading(engine or get_engine())
    with _translated_errors(), _the_only_session(bind.pool), bind.connect() as connection:
        return connection.scalar(query, parameters)


@made_once(at_most=2)
def _for_reading(engine: Engine) -> Engine:
    """The same engine and pool, whose transactions take no write lock; kept, as making it costs as much as a statement."""
    return engine.execution_options(puente_reading=True)


def transact[T](work: Callable[[Session], T], engine: Engine | None = None) -> T:
    """Run `work` in one transaction and commit it, or roll everything back.

    `work` may run several times (it lost a race for a lock), so it must do nothing outside its session.

    Raises:
        UnavailableError: the database cannot be reached.
        RetryableError: other transactions won every race; nothing was changed.
    """
    for attempt in range(CONFLICT_TRIES):
        try:
            return _once(work, engine or get_engine())
        except DBAPIError as error:
            if is_unavailable(error):
                raise UnavailableError(_why(error)) from error
            if not is_conflict(error):
                raise
        except PoolTimeoutError as error:
            raise UnavailableError("the database is not available: every connection is in use") from error
        clock.sleep(clock.jitter(0.02 * 2**attempt, share=0.9))
    raise RetryableError("the database is too contended; the transaction lost every time")


def rehearse[T](work: Callable[[Session], T], engine: Engine | None = None) -> T:
    """Run `work` as `transact` would, and roll everything back: what it returns is what would have happened."""

    def and_undo(session: Session) -> T:
        with session.begin_nested() as everything:
            result = work(session)
            session.flush()
            everything.rollback()
        return result

    return transact(and_undo, engine)


def _once[T](work: Callable[[Session], T], engine: Engine) -> T:
    with (
        _the_only_session(engine.pool),
        _turn_to_write(engine),
        Session(engine, expire_on_commit=False) as session,
        session.begin(),
    ):
        return work(session)


@contextmanager
def _turn_to_write(engine: Engine) -> Iterator[None]:
    """The writers of one process take turns here where the database is SQLite, which would let them poll and sleep instead.

    Between processes SQLite's own lock decides; so it does for whoever has waited here for as long as it would let them.
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    turn = _turn_of(engine.url)
    is_ours = turn.acquire(timeout=BUSY_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        if is_ours:
            turn.release()


@made_once()
def _turn_of(_database: URL) -> threading.Lock:
    return threading.Lock()


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if is_unavailable(error):
            raise UnavailableError(_why(error)) from error
        if is_conflict(error):
            raise RetryableError(f"the database is busy: {_first_line(error)}") from error
        raise
    except PoolTimeoutError as error:
        raise UnavailableError("the database is not available: every connection is in use") from error


def _why(error: DBAPIError) -> str:
    what = "full" if is_full(error) else "not available"
    return f"the database is {what}: {_first_line(error)}"


def _first_line(error: DBAPIError) -> str:
    """What the driver said, without our SQL and its values (they may hold personal data)."""
    return _first_words(error.orig)


def _first_words(error: BaseException | None) -> str:
    return (str(error).splitlines() or [""])[0][:200]
