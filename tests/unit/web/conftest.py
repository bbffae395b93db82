"""The API over an empty database, and rows to fill it with."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.settings import get_settings
from shared.store.session import transact
from tests.support.world import FakeStorage
from tests.unit.web.calls import KEYS, Api


@pytest.fixture
def keys(environment: pytest.MonkeyPatch) -> None:
    """One key for each scope."""
    environment.setenv("API_KEYS", json.dumps(KEYS))
    get_settings.cache_clear()


@pytest.fixture
def api(keys: None, database: Engine, storage: FakeStorage) -> Api:
    """The API over an empty database."""
    return Api()


@pytest.fixture
def add(database: Engine) -> Callable[..., Any]:
    """Store rows, in order; gives back the first."""

    def store(*rows: Any) -> Any:
        def work(session: Session) -> None:
            for row in rows:
                session.add(row)
                session.flush()

        transact(work)
        return rows[0]

    return store
