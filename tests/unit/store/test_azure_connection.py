"""How Azure SQL is reached, what is shown of the way there, and what of SQLite's habits it does not share."""

import sys
import urllib.parse

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, select
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.errors import UnavailableError
from shared.privacy.holdings import holdings
from shared.privacy.person import Person
from shared.store import session as store
from shared.store.dialect import inserted_values
from shared.store.models import DeadLetter, Delivery, Target
from shared.store.session import display_name, make_engine, reading, transact

ODBC = "Driver={ODBC Driver 18 for SQL Server};Server=tcp:db.example.com,1433;Database=puente;UID=me;PWD=secret"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///.local/puente.db", "sqlite:///.local/puente.db"),
        ("mssql+pyodbc://me:secret@db/puente?driver=ODBC+Driver+18+for+SQL+Server", "mssql+pyodbc://me:***@db/puente"),
        (f"mssql+pyodbc:///?odbc_connect={urllib.parse.quote_plus(ODBC)}", "mssql+pyodbc:///tcp:db.example.com,1433/puente"),
        ("mssql+pyodbc:///?odbc_connect=PWD%3Dsecret", "mssql+pyodbc:///"),
        ("mssql+pyodbc://db/puente?PWD=secret", "mssql+pyodbc://db/puente"),
        ("postgresql+psycopg://me@db/puente?password=secret&sslpassword=secret", "postgresql+psycopg://me@db/puente"),
    ],
)
def test_no_password_is_shown_wherever_it_stands(url, shown):
    """`make run` prints where the record is kept; a connection string inside the URL has its password in it."""
    assert display_name(url) == shown
    assert "secret" not in display_name(url)


class Driver:
    """A driver that notes how it is called, and fails as it is told to."""

    paramstyle, version = "qmark", "5.3.0"

    class Error(Exception):
        """The driver's own class of errors."""

    class Cursor:
        """What SQLAlchemy looks at for what the driver can do."""

        def nextset(self):
            """There is none."""

    def __init__(self, error=None) -> None:
        self.error = error
        self.named = {}

    def connect(self, *_arguments, **named):
        """Never gives a connection."""
        self.named = named
        raise self.error or self.Error("HY000", "[HY000] no connection")


@pytest.fixture
def azure(monkeypatch):
    """An engine for Azure SQL, whose driver is the stand-in."""

    def make(driver):
        monkeypatch.setitem(sys.modules, "pyodbc", driver)
        return make_engine("mssql+pyodbc:///?odbc_connect=Server%3Dx")

    return make


def test_a_login_has_a_time_out_that_the_driver_knows(azure):
    """`Connection Timeout` and `Timeout` are no words of its connection string; without an argument it waits 15 seconds."""
    driver = Driver()
    with pytest.raises(UnavailableError):
        transact(lambda session: session.execute(select(1)), azure(driver))
    assert driver.named["timeout"] == store.LOGIN_SECONDS


@pytest.mark.parametrize("number", ["18456", "40532", "4060", "916", "0", "33155"])
def test_any_failure_while_connecting_is_an_outage(azure, number):
    """Whatever number it has: no statement was run, so no event has had its attempt."""
    failing = Driver.Error("28000", f"[28000] Login failed. ({number}) (SQLDriverConnect)")
    for run in (lambda bind: transact(lambda s: s.execute(select(1)), bind), _read):
        with pytest.raises(UnavailableError, match="cannot be reached"):
            run(azure(Driver(failing)))


def _read(bind):
    with reading(bind) as session:
        session.execute(select(1))


def test_a_pool_without_a_free_connection_is_an_outage(database, monkeypatch):
    """Everybody else holds one; the work waits its turn."""

    def refuse(*_arguments):
        raise PoolTimeoutError("QueuePool limit reached")

    monkeypatch.setattr(database.pool, "connect", refuse)
    for run in (lambda: transact(lambda s: s.execute(select(1))), lambda: _read(database)):
        with pytest.raises(UnavailableError, match="every connection is in use"):
            run()


def test_a_mistake_in_a_statement_is_no_outage(database):
    """Only connecting is excused."""
    with pytest.raises(DBAPIError, match="missing"):
        transact(lambda session: session.connection().exec_driver_sql("SELECT * FROM missing"))


def test_brackets_are_no_sets_of_characters():
    """T-SQL's LIKE reads `[ab]` as one of two letters: what is looked for by a person's id is escaped whole."""
    person = Person(pseudonym="gone", manychat_ids=("a[1]_%",))
    whose = next(holding.whose(person) for holding in holdings() if holding.table is DeadLetter)
    statement = select(DeadLetter.id).where(whose).compile(dialect=mssql.dialect(paramstyle="qmark"))
    patterns = [value for value in statement.params.values() if isinstance(value, str) and value.startswith("%")]
    assert patterns == ['%"a\\[1]\\_\\%"%']
    assert "ESCAPE '\\'" in str(statement)


def test_nothing_is_sent_as_none_where_nothing_needs_it():
    """The driver asks the server for the type of each None, a round trip in every statement; SQLite does not mind."""
    given = {"target": "odoo", "retry_of": None}
    assert None not in inserted_values("mssql", Delivery, given).values()
    assert "retry_of" in inserted_values("sqlite", Delivery, given)
    assert (
        inserted_values("mssql", Target, {"name": "odoo"}).keys() <= inserted_values("sqlite", Target, {"name": "odoo"}).keys()
    )


def test_a_default_of_the_server_does_not_replace_a_none():
    """A column that the server would fill is given its None."""
    table = Table("rows", MetaData(), Column("x", Integer, server_default="1"), Column("y", Integer))
    assert inserted_values("mssql", type("Row", (), {"__table__": table}), {"x": None, "y": None}) == {"x": None}
