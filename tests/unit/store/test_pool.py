"""Connections: few for each instance, none taken twice by one piece of work, and statements that do not wait for ever."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.pool import QueuePool

from functions.contacts import QUEUE
from shared.errors import UnavailableError
from shared.intake.envelope import parse
from shared.outbox.policy import HANDLER_POLICY
from shared.settings import DatabaseSettings
from shared.store import session as store
from shared.store.session import long_statements, make_engine, reading, transact
from tests.support.world import contact

SERVER = "postgresql+psycopg://nobody@127.0.0.1:9/nowhere"  # nothing connects in these tests


def _read(work):
    with reading() as session:
        return work(session)


def test_an_instance_keeps_four_connections_and_no_more(environment):
    """The default: as many as a full instance keeps busy, no overflow, and a short wait for a free one."""
    pool = make_engine(SERVER).pool
    assert isinstance(pool, QueuePool)
    assert (pool.size(), pool._max_overflow, pool.timeout()) == (4, 0, 10)


def test_the_pool_follows_its_settings(environment):
    """Size, overflow and wait are settings."""
    given = DatabaseSettings(database_pool_size=7, database_pool_overflow=2, database_pool_wait_seconds=0.5)
    pool = make_engine(SERVER, given).pool
    assert isinstance(pool, QueuePool)
    assert (pool.size(), pool._max_overflow, pool.timeout()) == (7, 2, 0.5)


@pytest.mark.parametrize("opened", [transact, _read])
@pytest.mark.parametrize("inner", [transact, _read])
def test_a_session_inside_another_one_is_noticed(database, opened, inner):
    """The guard of all tests: reading or writing, neither may open a second session."""
    with pytest.raises(AssertionError, match="inside another one"):
        opened(lambda _session: inner(lambda _session: None))


def test_a_session_after_another_one_is_none_of_the_guards_business(database):
    """One after the other, and beside each other in threads, as instances do."""
    transact(lambda _session: None)
    with ThreadPoolExecutor(1) as other:
        transact(lambda session: session.execute(select(1)).all())
        assert other.submit(_read, lambda session: session.scalar(select(1))).result() == 1


def test_without_tests_a_second_session_is_logged_and_goes_on(database, monkeypatch, caplog):
    """In production the work is done all the same: a log line says where."""
    monkeypatch.setattr(store, "complain_of_second_session", store_complaint)
    assert transact(lambda _session: _read(lambda session: session.scalar(select(1)))) == 1
    assert "inside another one" in caplog.text


store_complaint = store.complain_of_second_session


class Connection:
    """What a driver's connection shows of its time limit."""

    def __init__(self) -> None:
        self.timeout, self.statements = None, []

    def execute(self, statement):
        """Note the statement."""
        self.statements.append(statement)

    def commit(self):
        """Nothing to do."""


class Record:
    """What the pool keeps beside a connection."""

    def __init__(self) -> None:
        self.info = {}


def test_statements_are_short_in_handlers_and_long_in_jobs_that_ask_for_it():
    """Azure SQL's driver takes the limit as an attribute; it is set when a connection changes hands."""
    connection, record = Connection(), Record()
    store._limit_statements("mssql", (15, 300), connection, record, None)
    assert connection.timeout == 15
    with long_statements():
        store._limit_statements("mssql", (15, 300), connection, record, None)
        assert connection.timeout == 300
    store._limit_statements("mssql", (15, 300), connection, record, None)
    assert connection.timeout == 15


def test_postgresql_is_told_only_when_the_limit_changes():
    """There it is a statement, which costs a round trip."""
    connection, record = Connection(), Record()
    for _ in range(3):
        store._limit_statements("postgresql", (15, 300), connection, record, None)
    assert connection.statements == ["SET statement_timeout = '15s'"]


def test_an_outage_of_ours_costs_an_event_no_attempt(world, storage, test_clock, monkeypatch):
    """However often no connection was free: the event comes back with its attempts whole, after five minutes or so at most."""

    def none_is_free(*_given):
        raise UnavailableError("the database is not available: every connection is in use")

    world.post("contact", contact())
    with monkeypatch.context() as patch:
        patch.setattr(store, "transact", none_is_free)
        for _ in range(HANDLER_POLICY.max_attempts + 5):
            assert world.step(QUEUE)
            test_clock.advance(seconds=300 * 1.2)
    (waiting,) = storage.queues[QUEUE]
    envelope = parse(waiting.body)
    assert (envelope.attempt, envelope.waits) == (0, HANDLER_POLICY.max_attempts + 5)
    world.step(QUEUE)
    assert QUEUE not in storage.queues or not storage.queues[QUEUE]
