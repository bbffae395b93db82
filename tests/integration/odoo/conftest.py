"""The Odoo of these tests: what ODOO_TEST_URL and its companions name (a real one), else the sandbox."""

import os
import uuid
from collections.abc import Iterator

import pytest

from sandbox import testing
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.fields import model_fields
from tests.integration.odoo.place import REAL, WAYS, Place, User, calls


def _user(prefix: str) -> User:
    return User(*(os.environ[f"{prefix}_{name}"] for name in ("LOGIN", "PASSWORD", "KEY")))


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    """The Odoo under test."""
    if REAL:
        users = {"admin": _user("ODOO_TEST"), "integration": _user("ODOO_TEST_INTEGRATION")}
        yield Place(os.environ["ODOO_TEST_URL"], os.environ["ODOO_TEST_DB"], users)
        return
    with testing.InProcessSandbox() as sandbox:
        admin = User(testing.ODOO_LOGIN, testing.ODOO_PASSWORD, testing.ODOO_KEY)
        users = {"admin": admin, "integration": User("ana", "advisor", "sandbox-odoo-key-ana")}
        yield Place(sandbox.odoo_url, testing.ODOO_DATABASE, users, sandbox)


@pytest.fixture(params=WAYS, ids="-".join)
def client(place: Place, request: pytest.FixtureRequest) -> OdooClient:
    """A client for each transport and user, its fields read already."""
    client = place.client(*request.param)
    model_fields(client, "crm.lead")
    calls(client).clear()
    return client


@pytest.fixture
def admin(place: Place) -> OdooClient:
    """The administrator: what people do in Odoo beside us."""
    return place.client()


@pytest.fixture
def prefix() -> str:
    """Makes the ManyChat ids of one test its own, since a real Odoo is not emptied between them."""
    return uuid.uuid4().hex[:8]
