"""The console over an empty database, and people who look at it."""

import pytest
from sqlalchemy import Engine

from shared.console import navigation
from shared.settings import get_settings
from tests.functions.console.browser import Browser, keys
from tests.support.world import FakeStorage


@pytest.fixture
def console(environment: pytest.MonkeyPatch, database: Engine, storage: FakeStorage) -> None:
    """One key for each role, and a secret to sign with."""
    environment.setenv(
        "API_KEYS", keys(vera=["read"], olga=["read", "write"], ana=["read", "approve"], adan=["admin"], hook=["webhook"])
    )
    environment.setenv("LINK_SIGNING_SECRETS", "a-secret-of-tests,an-older-one")
    get_settings.cache_clear()
    navigation.counts.forget()


@pytest.fixture
def viewer(console: None) -> Browser:
    return Browser().signed_in("vera-key")


@pytest.fixture
def operator(console: None) -> Browser:
    return Browser().signed_in("olga-key")


@pytest.fixture
def admin(console: None) -> Browser:
    return Browser().signed_in("adan-key")
