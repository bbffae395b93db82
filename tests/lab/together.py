"""Two transactions at once, in a fixed order of events."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from shared.store.session import transact

PATIENCE_SECONDS = 60
_WAITERS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")

Work = Callable[[Session], Any]


def together(engine: Engine, first: Work, second: Work) -> None:
    """Run both: `second` begins when `first` has done all but its commit, and `first` commits when `second` waits or is done.

    Without a lock `second` has read what was there before `first`; with it, it reads what `first` has left.
    """
    has_worked, may_commit = threading.Event(), threading.Event()

    def up_to_the_commit(session: Session) -> None:
        first(session)
        session.flush()
        has_worked.set()
        assert may_commit.wait(PATIENCE_SECONDS)

    with ThreadPoolExecutor(2) as pool:
        ahead = pool.submit(transact, up_to_the_commit, engine)
        try:
            wait_until(lambda: has_worked.is_set() or ahead.done())
            behind = pool.submit(transact, second, engine)
            wait_until(lambda: behind.done() or somebody_waits(engine))
        finally:
            may_commit.set()
        _ended(ahead, behind)


def _ended(*works: Future[Any]) -> None:
    for work in works:
        work.result(PATIENCE_SECONDS)


def somebody_waits(engine: Engine) -> bool:
    """Whether any transaction of this database waits for a lock."""
    with engine.connect() as connection:
        return bool(connection.scalar(_WAITERS))
