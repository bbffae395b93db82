"""Writers of one process on SQLite: each has its turn, and none of them polls for it."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, select

from shared import clock
from shared.errors import RetryableError
from shared.store.migrate import upgrade
from shared.store.models import Target
from shared.store.session import make_engine, reading, transact

WRITERS, EACH = 8, 20


@pytest.fixture
def sqlite(database):
    """SQLite that refuses at once what has to wait, instead of polling for 30 seconds."""
    if database.dialect.name != "sqlite":
        pytest.skip("only SQLite has one writer at a time")
    database.dispose()

    @event.listens_for(database, "connect")
    def _no_patience(connection: sqlite3.Connection, _record) -> None:
        connection.execute("PRAGMA busy_timeout=0")

    yield database
    event.remove(database, "connect", _no_patience)


@pytest.fixture
def sleepless(environment):
    """Nobody may wait for a second try."""
    environment.setattr(clock, "sleep", lambda _seconds: pytest.fail("a writer lost a race and had to wait"))


def _count_up(_number):
    def work(session):
        row = session.get(Target, "t") or Target(name="t", failures=0)
        row.failures += 1
        session.add(row)

    for _ in range(EACH):
        transact(work)


def test_writers_of_one_process_take_turns(sqlite, sleepless):
    """Threads that write at the same time all succeed at the first try, and no change is lost."""
    transact(lambda session: session.add(Target(name="t", failures=0)))
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(_count_up, range(WRITERS)))
    with reading() as session:
        assert session.scalars(select(Target.failures)).one() == WRITERS * EACH


def test_failed_transaction_gives_its_turn_back(sqlite, sleepless):
    """A transaction that raises does not keep the others waiting."""
    with pytest.raises(ZeroDivisionError):
        transact(lambda _session: 1 / 0)
    transact(lambda session: session.add(Target(name="after")))


def test_turns_say_nothing_of_other_processes(sqlite, test_clock):
    """A lock that another process holds ends in a RetryableError after some tries."""
    other = sqlite3.connect(str(sqlite.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryableError):
        transact(lambda session: session.add(Target(name="never")))
    other.execute("ROLLBACK")
    other.close()
    transact(lambda session: session.add(Target(name="now")))


def test_two_databases_do_not_wait_for_each_other(sqlite, tmp_path):
    """A transaction on one database may hold its turn while another one is written."""
    other = make_engine(f"sqlite:///{tmp_path / 'other.db'}")
    upgrade(other)
    written = threading.Event()

    def work(session):
        transact(lambda inner: inner.add(Target(name="inner")), other)
        written.set()
        session.add(Target(name="outer"))

    transact(work)
    other.dispose()
    assert written.is_set()
