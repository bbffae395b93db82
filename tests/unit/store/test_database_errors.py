"""What an error of the database means: worth another try at once, an outage to be waited out, or a mistake."""

import sqlite3
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc
from sqlalchemy.exc import DBAPIError

from shared.store.dialect import is_conflict, is_unavailable
from shared.store.session import transact

_Error = type("Error", (Exception,), {})  # the driver itself needs libraries that not every machine has
_NAMES = ("OperationalError", "ProgrammingError", "IntegrityError", "DataError", "InterfaceError")
pyodbc = SimpleNamespace(Error=_Error, **{name: type(name, (_Error,), {}) for name in _NAMES})
DRIVER = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"


def raised(orig: Exception, base: type[Exception]) -> DBAPIError:
    """The error as SQLAlchemy hands it on."""
    return DBAPIError.instance("SELECT 1", None, orig, base, dialect=MSDialect_pyodbc())


def odbc(kind: type[Exception], state: str, words: str) -> DBAPIError:
    """An error of the ODBC driver, in the class that pyodbc gives to its state."""
    return raised(kind(state, f"[{state}] {DRIVER}{words} (SQLExecDirectW)"), pyodbc.Error)


AWAY = [
    # pyodbc has no class of its own for HY000, in which a login learns that the database is moving or paused.
    odbc(pyodbc.Error, "HY000", "Database 'puente' on server 'x' is not currently available. (40613)"),
    odbc(pyodbc.ProgrammingError, "42000", "Database 'puente' on server 'x' is not currently available. (40613)"),
    odbc(pyodbc.ProgrammingError, "42000", "The service has encountered an error processing your request. (40197)"),
    odbc(pyodbc.Error, "HY000", "The service is currently busy. (40501)"),
    odbc(pyodbc.ProgrammingError, "42000", "Resource ID : 1. The request limit for the database is 90. (10928)"),
    odbc(pyodbc.OperationalError, "08S01", "TCP Provider: Error code 0x68 (104)"),
    odbc(pyodbc.OperationalError, "08001", "Login timeout expired (0)"),
    odbc(pyodbc.OperationalError, "HYT00", "Query timeout expired (0)"),
    # Full: which number it has depends on what is full, so its words count.
    odbc(
        pyodbc.ProgrammingError, "42000", "The database 'puente' has reached its size quota. Partition or delete data. (40544)"
    ),
    odbc(pyodbc.ProgrammingError, "42000", "Could not allocate space for object 'dbo.inbox' in database 'puente' (1105)"),
    odbc(pyodbc.Error, "HY000", "Could not allocate a new page for database 'puente' because of insufficient space (1101)"),
    odbc(pyodbc.ProgrammingError, "42000", "The transaction log for database 'puente' is full due to 'LOG_BACKUP'. (9002)"),
    odbc(pyodbc.ProgrammingError, "42000", "The database 'puente' has reached its size quota. (99999)"),
    raised(sqlite3.OperationalError("database or disk is full"), sqlite3.Error),
    raised(psycopg.errors.DiskFull("could not extend file: No space left on device"), psycopg.Error),
    raised(psycopg.errors.QueryCanceled("canceling statement due to statement timeout"), psycopg.Error),
    odbc(pyodbc.InterfaceError, "28000", "Login failed for user 'x'. (18456)"),
]
LOST_A_RACE = [
    odbc(pyodbc.Error, "40001", "Transaction was deadlocked and has been chosen as the deadlock victim. (1205)"),
    odbc(pyodbc.ProgrammingError, "42000", "Lock request time out period exceeded. (1222)"),
]
OUR_MISTAKE = [
    odbc(pyodbc.IntegrityError, "23000", "Violation of UNIQUE KEY. The duplicate key value is (1205 40613 3960). (2627)"),
    odbc(pyodbc.IntegrityError, "23000", "Violation of UNIQUE KEY. The value is (it has reached its size quota). (2627)"),
    odbc(pyodbc.ProgrammingError, "42S02", "Invalid object name 'nothing'. (208)"),
    odbc(pyodbc.DataError, "22001", "String or binary data would be truncated. Truncated value: '40001'. (2628)"),
]


@pytest.mark.parametrize("error", AWAY, ids=str)
def test_outage(error):
    """The database is away or overloaded: the work is blameless and waits."""
    assert (is_unavailable(error), is_conflict(error)) == (True, False)


@pytest.mark.parametrize("error", LOST_A_RACE, ids=str)
def test_lost_race(error):
    """Another transaction has won: the same again, at once."""
    assert (is_unavailable(error), is_conflict(error)) == (False, True)


@pytest.mark.parametrize("error", OUR_MISTAKE, ids=str)
def test_mistake(error):
    """What would fail again is neither, whatever numbers the values in its words look like."""
    assert (is_unavailable(error), is_conflict(error)) == (False, False)


def test_sqlite():
    """A file that is locked is a lost race, one that cannot be opened is an outage."""
    busy = raised(sqlite3.OperationalError("database is locked"), sqlite3.Error)
    gone = raised(sqlite3.OperationalError("unable to open database file"), sqlite3.Error)
    assert (is_conflict(busy), is_unavailable(busy)) == (True, False)
    assert (is_conflict(gone), is_unavailable(gone)) == (False, True)


def test_a_deadlock_inside_a_savepoint_is_a_lost_race():
    """It ends the whole transaction, so the ROLLBACK of the savepoint fails too (6401), and that error hides the first."""
    deadlock = odbc(pyodbc.Error, "40001", "Transaction was deadlocked and has been chosen as the deadlock victim. (1205)")
    no_savepoint = odbc(pyodbc.ProgrammingError, "42000", "Cannot roll back sa_savepoint_1. No transaction found. (6401)")
    assert not is_conflict(no_savepoint)
    no_savepoint.__context__ = deadlock
    assert (is_conflict(no_savepoint), is_unavailable(no_savepoint)) == (True, False)


def test_a_connection_lost_inside_a_savepoint_is_an_outage():
    """What cleans up after it fails for a reason that says nothing of the loss."""
    gone = odbc(pyodbc.OperationalError, "08S01", "TCP Provider: Error code 0x68 (104)")
    cleaning = odbc(pyodbc.ProgrammingError, "HY000", "The cursor's connection has been closed. (0)")
    cleaning.__cause__ = gone
    assert (is_unavailable(cleaning), is_conflict(cleaning)) == (True, False)


def test_errors_in_a_circle_are_asked_once():
    """A chain that bites its own tail ends."""
    one, other = OUR_MISTAKE[0], OUR_MISTAKE[1]
    one.__context__, other.__context__ = other, one
    try:
        assert (is_conflict(one), is_unavailable(one)) == (False, False)
    finally:
        one.__context__ = other.__context__ = None


def test_transact_runs_again_after_a_deadlock_inside_a_savepoint(database):
    """The work is done in the second run; nobody sees the first."""
    runs = []

    def work(_session):
        runs.append(1)
        if len(runs) == 1:
            try:
                raise odbc(pyodbc.Error, "40001", "Transaction was deadlocked. (1205)")
            except DBAPIError:
                raise odbc(pyodbc.ProgrammingError, "42000", "Cannot roll back sa_savepoint_1. (6401)")  # noqa: B904
        return len(runs)

    assert transact(work) == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SerializationFailure", (False, True)),
        ("DeadlockDetected", (False, True)),
        ("UniqueViolation", (False, True)),  # the key was absent when it was looked for: another transaction has inserted it
        ("AdminShutdown", (True, False)),
        ("NotNullViolation", (False, False)),
        ("QueryCanceled", (False, False)),
    ],
)
def test_postgresql(name, expected):
    """PostgreSQL's own states: a lost race is run again, a server that stops is an outage, all else a mistake."""
    error = raised(getattr(psycopg.errors, name)("x"), psycopg.Error)
    assert (is_unavailable(error), is_conflict(error)) == expected


def test_postgresql_without_a_state():
    """A connection that fails or breaks has no state; the database is away."""
    assert is_unavailable(raised(psycopg.OperationalError("connection refused"), psycopg.Error))
