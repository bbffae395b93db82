"""Every place that locks rows waits for a transaction that holds them (or steps over them); without its lock it does not."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect, select
from sqlalchemy.dialects import mssql
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from shared.store.session import rehearse, transact
from tests.lab.sites import mark
from tests.lab.together import PATIENCE_SECONDS, somebody_waits
from tests.lab.waits import SKIPS, WAITS, Wait

LACKS_POSTGRESQL = not os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql")
each_place = pytest.mark.parametrize("site", sorted(WAITS | SKIPS))


class ReachedError(Exception):
    """The place was reached; what comes after it does not matter here, and its transaction is rolled back."""


def store(session: Session, wait: Wait) -> None:
    """What there is, one row after the other, as the later ones refer to the earlier."""
    for row in wait.rows():
        session.add(row)
        session.flush()


@contextmanager
def reached(engine: Engine, site: str, note: Any) -> Iterator[None]:
    """Call `note` with the number of rows when the statement of the place has returned, and go no further."""

    def returned(_connection: Any, cursor: Any, _text: str, _values: Any, context: Any, _many: Any) -> None:
        if context.execution_options.get("lab_site") == site:
            note(cursor.rowcount)
            raise ReachedError

    event.listen(engine, "after_cursor_execute", returned)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", returned)


def outcome(engine: Engine, site: str, wait: Wait) -> tuple[bool, int]:
    """Whether the place's statement returned only after the other transaction had committed, and how many rows it found."""
    transact(lambda session: store(session, wait), engine)
    holds, may_commit = threading.Event(), threading.Event()
    seen: list[tuple[bool, int]] = []

    def first(session: Session) -> None:
        (key,) = inspect(wait.model).primary_key
        query = select(key).where(key == wait.held).with_for_update(key_share=True)
        assert len(session.scalars(query).all()) == 1
        holds.set()
        assert may_commit.wait(PATIENCE_SECONDS)

    def second() -> None:
        with suppress(ReachedError):
            transact(wait.come_by, engine)

    with ThreadPoolExecutor(2) as pool, reached(engine, site, lambda rows: seen.append((may_commit.is_set(), rows))):
        ahead = pool.submit(transact, first, engine)
        try:
            wait_until(lambda: holds.is_set() or ahead.done())
            behind = pool.submit(second)
            wait_until(lambda: behind.done() or somebody_waits(engine))
        finally:
            may_commit.set()
        ahead.result(PATIENCE_SECONDS)
        behind.result(PATIENCE_SECONDS)
    (found,) = seen
    return found


@pytest.mark.lab
@pytest.mark.skipif(LACKS_POSTGRESQL, reason="races need PostgreSQL: make test-lab")
@each_place
def test_reads_what_the_other_has_left(lab: Engine, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second transaction waits for the first, or steps over what it holds."""
    mark(monkeypatch, site, with_lock=True)
    assert outcome(lab, site, (WAITS | SKIPS)[site]) == ((True, 1) if site in WAITS else (False, 0))


@pytest.mark.lab
@pytest.mark.skipif(LACKS_POSTGRESQL, reason="races need PostgreSQL: make test-lab")
@each_place
def test_does_not_without_its_lock(lab: Engine, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, the lock taken away: the test above would fail."""
    mark(monkeypatch, site, with_lock=False)
    assert outcome(lab, site, (WAITS | SKIPS)[site]) == (False, 1)


@each_place
@pytest.mark.parametrize("with_lock", [True, False])
def test_azure_sql_is_asked_for_the_lock(lab: Engine, site: str, monkeypatch: pytest.MonkeyPatch, *, with_lock: bool) -> None:
    """The statement at the place bears the hint that locks its rows; with the lock taken away it does not."""
    wait = (WAITS | SKIPS)[site]
    mark(monkeypatch, site, with_lock=with_lock)
    texts: list[str] = []

    def whole(session: Session) -> None:
        store(session, wait)

        def note(state: Any) -> None:
            if state.execution_options.get("lab_site") == site:
                texts.append(str(state.statement.compile(dialect=mssql.dialect())))
                raise ReachedError

        event.listen(session, "do_orm_execute", note)
        wait.come_by(session)

    with suppress(ReachedError):
        rehearse(whole, lab)
    (text,) = texts
    hint = "READPAST" if site in SKIPS else "UPDLOCK"
    assert (f"FROM {wait.model.__tablename__} WITH (UPDLOCK" in text and hint in text) == with_lock
