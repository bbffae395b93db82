"""The API over an empty database, with the sandbox as Odoo behind it, over each of Odoo's two APIs."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from sandbox.testing import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, ODOO_PASSWORD, RunningSandbox
from shared.settings import get_settings
from shared.vendors.odoo.client import _client
from tests.support.world import FakeStorage
from tests.unit.web.calls import Api
from tests.unit.web.conftest import add, keys  # noqa: F401  # fixtures

PASSWORDS = {"jsonrpc": ODOO_PASSWORD, "json2": ODOO_KEY}


@pytest.fixture(scope="module")
def sandbox_server() -> Iterator[RunningSandbox]:
    """One sandbox for a module."""
    with RunningSandbox() as server:
        yield server


@pytest.fixture(params=list(PASSWORDS))
def sandbox(request: Any, sandbox_server: RunningSandbox, environment: pytest.MonkeyPatch) -> RunningSandbox:
    """The sandbox, empty, with the app's settings pointing to it; once for each of Odoo's APIs."""
    from tests.conftest import forget

    sandbox_server.reset()
    values = {
        "ODOO_URL": sandbox_server.odoo_url,
        "ODOO_DB": ODOO_DATABASE,
        "ODOO_USERNAME": ODOO_LOGIN,
        "ODOO_API": request.param,
        "ODOO_PASSWORD": PASSWORDS[request.param],
    }
    for name, value in values.items():
        environment.setenv(name, value)
    forget()
    _client.cache_clear()
    return sandbox_server


@pytest.fixture
def api(sandbox: RunningSandbox, keys: None, database: Engine, storage: FakeStorage) -> Api:  # noqa: F811  # the fixture
    """The API."""
    get_settings.cache_clear()
    return Api()
