"""Fixtures for all tests: a clean environment, a migrated database, storage that can be looked into, one clock."""

import contextlib
import gc
import json
import os
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine, event, make_url, text
from sqlalchemy.orm import Session

from shared import clock, faults, flows, queues, settings
from shared.messages import text_uses, text_versions
from shared.settings import Settings, get_settings
from shared.store import session as store
from shared.store.migrate import upgrade
from tests.support import no_outside, one_result, shares
from tests.support.emptied import EmptiedFile
from tests.support.examples import load_profile
from tests.support.world import LOCAL_KEY, FakeStorage, World

load_profile()
no_outside.stay_inside()
flows.load_tables()  # the models of every flow belong to `Base`

ROOT = Path(__file__).resolve().parents[1]
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

ENVIRONMENT = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "API_KEYS": json.dumps([{"name": "local", "key": LOCAL_KEY, "scopes": ["admin"]}]),
    "AzureFunctionsJobHost__logging__logLevel__default": "Information",
    "ODOO_URL": "http://127.0.0.1:9/odoo",
    "ODOO_DB": "puente",
    "ODOO_USERNAME": "admin",
    "ODOO_PASSWORD": "admin",
    "DISPATCH_SCHEDULE": "*/30 * * * * *",
    "RETRY_ERRORED_SCHEDULE": "0 */5 * * * *",
    "COLLECT_POISON_SCHEDULE": "30 * * * * *",
    "WATCH_SCHEDULE": "15 * * * * *",
    "RECONCILE_SCHEDULE": "0 15 8 * * *",
    "RETENTION_SCHEDULE": "0 40 7 * * *",
    "EXECUTION_LOG_DAYS": "0",  # no thread of one test writes into the database of another
}

# While some ten thousand tests are collected there is no garbage, and looking for it costs every process two seconds.
gc.disable()
OBJECTS_UNTIL_GARBAGE = 50_000  # Python looks after 2,000, which takes a twelfth of a test's time


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every run have a share of what is tried in many forms."""
    shares.mark_the_rest(items)


def pytest_collection_finish() -> None:
    """Look for garbage from now on, but not among the tests themselves and all modules: they stay."""
    gc.freeze()
    gc.set_threshold(OBJECTS_UNTIL_GARBAGE, 10, 10)
    gc.enable()


LONG_SECONDS = 2
LEFT_OUT = frozenset(("slow", "nightly", "lab", "odoo"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what takes long in the run of every day. A hint and no failure: a busy machine makes all of them longer."""
    reports = [one for several in terminalreporter.stats.values() for one in several if isinstance(one, pytest.TestReport)]
    calls = [one for one in reports if one.when == "call" and not LEFT_OUT & set(one.keywords)]
    if long := sorted((one for one in calls if one.duration > LONG_SECONDS), key=lambda one: -one.duration):
        terminalreporter.write_line(f"{len(long)} took more than {LONG_SECONDS} s and are not marked slow (docs/testing.md):")
        for one in long[:20]:
            terminalreporter.write_line(f"  {one.duration:.1f} s {one.nodeid}")


_get_engine = store.get_engine  # a test may put something else in its place


def forget() -> None:
    """Drop whatever the process has read from the environment."""
    get_settings.cache_clear()
    if len(_get_engine) and "test" not in _get_engine().get_execution_options():  # with it, the next test has its connections
        _get_engine().dispose()
    _get_engine.cache_clear()
    queues.forget_clients()
    text_versions.forget()
    text_uses.forget()


@pytest.fixture(autouse=True, scope="session")
def one_result_at_a_time() -> Iterator[None]:
    """No statement runs while an earlier result of its connection is unread: Azure SQL would refuse it, SQLite does not."""
    with one_result.guarded():
        yield


@pytest.fixture(autouse=True, scope="session")
def one_session_at_a_time() -> Iterator[None]:
    """The app opens no session inside another one: with a few connections for an instance, they would wait for each other.

    A test that looks into the database in the middle of a transaction of its own may.
    """

    def complain() -> None:
        stack = (frame.filename for frame in reversed(traceback.extract_stack()[:-1]))
        opener = next(name for name in stack if name not in (store.__file__, contextlib.__file__))
        if Path(opener).is_relative_to(ROOT / "tests") and "test_pool" not in opener:
            return
        raise AssertionError("a session is opened inside another one: hand the session on, or open the second one afterwards")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "complain_of_second_session", complain)
        yield


@pytest.fixture(autouse=True, scope="session")
def settings_are_read_once() -> Iterator[None]:
    """What was read from the same environment is given again without checking some 250 values: most tests have the same."""
    read, found = settings.load, dict[Any, Settings]()

    def load(**overrides: Any) -> Settings:
        if overrides:
            return read(**overrides)
        variables = frozenset(item for item in os.environ.items() if item[0] != "PYTEST_CURRENT_TEST")
        key = settings.settings_class(), tuple(flow.name for flow in flows.installed()), variables
        if key not in found:
            found[key] = read()
        return found[key].model_copy()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "load", load)
        yield


@pytest.fixture(autouse=True, scope="session")
def storage_is_asked_again_at_once() -> Iterator[None]:
    """A storage account that is away is asked three times, as ever, but without seconds in between in which nothing happens."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("initial_backoff", "increment_base", "random_jitter_range"):
            patch.setitem(queues.CLIENT_OPTIONS, name, 0)
        yield


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The settings of a test: those above, nothing of the developer's own."""
    for name in (
        "DATABASE_URL",
        "AZURE_SQL_CONNECTION_STRING",
        "ALERT_WEBHOOK_URL",
        "ODOO_SYNC_MODE",
        "ODOO_API",
        "ODOO_FIELD_MAP",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    forget()
    yield monkeypatch
    forget()
    faults.inject("")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the newest schema, to be copied: migrating each test anew would cost most of its time."""
    path = tmp_path_factory.mktemp("store") / "migrated.db"
    engine = store.make_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def served_database() -> str | None:
    """The database that TEST_DATABASE_URL names, migrated; None without one. Each parallel worker has one of its own."""
    if not (named := os.environ.get("TEST_DATABASE_URL")):
        return None
    url = make_url(named)
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        url = _of_worker(url, worker)
    whole = url.render_as_string(hide_password=False)
    engine = store.make_engine(whole)
    upgrade(engine)
    engine.dispose()
    return whole


def _of_worker(url: URL, worker: str) -> URL:
    """A database beside the named one, made if need be (on PostgreSQL; another server's tests run in one process)."""
    if url.get_backend_name() != "postgresql":
        raise pytest.UsageError("tests against this kind of server run in one process: pytest -n 0")
    name = f"{url.database}_{worker}"
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        if connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}) is None:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"))
    return url.set(database=name)


@pytest.fixture(scope="session")
def sqlite_file(sqlite_engine: Engine, migrated_file: Path) -> Iterator[EmptiedFile]:
    """The file of that engine, which is emptied for each test: a new file and new connections cost more than many tests."""
    file = EmptiedFile(sqlite_engine, migrated_file)
    yield file
    file.close()


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all tests of this process: what it has compiled of our statements, a third of a test's time, it keeps."""
    engine = store.make_engine(f"sqlite:///{tmp_path_factory.mktemp('database') / 'puente.db'}")
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF"))
    assert engine._compiled_cache is not None
    engine._compiled_cache.capacity = 5000  # more than all statements of all tests; an app has some hundred
    yield engine
    engine.dispose()


@pytest.fixture
def database(environment: pytest.MonkeyPatch, served_database: str | None, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty database with the newest schema: SQLite, or what TEST_DATABASE_URL names (emptied before each test)."""
    store.get_engine.cache_clear()
    if served_database:
        environment.setenv("DATABASE_URL", served_database)
        engine = store.get_engine()
        empty(engine)
    else:
        request.getfixturevalue("sqlite_file").empty()
        # An event that the test listens for (not those of the pool) is its own.
        engine = request.getfixturevalue("sqlite_engine").execution_options(test=request.node.nodeid)
        environment.setenv("DATABASE_URL", str(engine.url))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "make_engine", lambda *_url_and_settings: engine)
            store.get_engine()
    yield engine
    if served_database:
        engine.dispose()


def empty(engine: Engine) -> None:
    """As after the migrations: no rows but the stage map's, and numbers that begin at 1 again."""
    from shared.crm.opportunities import seed_stage_map
    from shared.store.models import Base

    tables = list(reversed(Base.metadata.sorted_tables))
    with Session(engine) as session, session.begin():
        if engine.dialect.name == "postgresql":
            session.execute(text(f"TRUNCATE {', '.join(table.name for table in tables)} RESTART IDENTITY CASCADE"))
        else:
            for table in tables:
                session.execute(table.delete())
                session.execute(text(FROM_ONE_AGAIN), {"name": table.name})
        seed_stage_map(session)


# For SQL Server. A table that has never had a row begins at 1 by itself; RESEED 0 would make it begin at 0.
FROM_ONE_AGAIN = """
IF EXISTS (SELECT 1 FROM sys.identity_columns WHERE object_id = OBJECT_ID(:name) AND last_value IS NOT NULL)
DBCC CHECKIDENT (:name, RESEED, 0) WITH NO_INFOMSGS
"""


@pytest.fixture
def storage(environment: pytest.MonkeyPatch) -> FakeStorage:
    """Queues and blobs in memory, in place of the storage account."""
    fake = FakeStorage()
    for name in ("send", "take_all", "put_blob", "get_blob", "read_blob", "delete_blobs"):
        environment.setattr(queues, name, getattr(fake, name))
    return fake


@pytest.fixture(autouse=True)
def clock_is_given_back() -> Iterator[None]:
    """Whoever puts a clock in place of the app's takes it away again: the next test, of whatever file, has the real time."""
    before = clock._clock
    yield
    after, clock._clock = clock._clock, before
    assert after is before


@pytest.fixture
def test_clock() -> Iterator[clock.TestClock]:
    """Time stands still on a Monday morning until the test moves it."""
    with clock.frozen(START) as frozen:
        yield frozen


@pytest.fixture
def world(database: Engine, storage: FakeStorage, test_clock: clock.TestClock) -> World:
    """The whole app in this process."""
    return World(storage)
