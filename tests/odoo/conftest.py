"""Tests against a real Odoo: collected only where one runs (`make test-odoo`), and never left out without a word."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.odoo import seed
from tests.odoo.rpc import Session
from tests.odoo.server import OdooServer

HAS_ODOO = "ODOO_TEST_URL" in os.environ

# What tests the harness alone needs no Odoo; all the rest does.
collect_ignore = (
    [] if HAS_ODOO else [path.name for path in Path(__file__).parent.glob("test_*.py") if path.name != "test_harness.py"]
)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests did not run, under every summary."""
    if collect_ignore:
        names = ", ".join(f"tests/odoo/{name}" for name in sorted(collect_ignore))
        terminalreporter.write_line(f"NOT RUN, for they need a real Odoo (make test-odoo): {names}", yellow=True)


@pytest.fixture(scope="session")
def server() -> OdooServer:
    """The running server, for tests that pause or resume it. It must run: `make test-odoo` has started it."""
    server = OdooServer()
    if not server.is_running() or server.url != os.environ["ODOO_TEST_URL"]:
        pytest.fail(f"ODOO_TEST_URL is {os.environ['ODOO_TEST_URL']}, but that Odoo does not run in {server.place.root}")
    return server


@pytest.fixture
def odoo(server: OdooServer) -> Iterator[OdooServer]:
    """The server with a fresh copy of the seed database; up again afterwards, whatever the test did."""
    server.reset()
    yield server
    server.resume()


@pytest.fixture
def admin(odoo: OdooServer) -> Session:
    """The administrator, over /jsonrpc. With the key, for Odoo takes a quarter of a second to check a password."""
    return Session.login(odoo.url, "lab", seed.ADMIN.login, seed.ADMIN.key)


@pytest.fixture
def integration(odoo: OdooServer) -> Session:
    """The user Puente works as, over /jsonrpc with an API key."""
    return Session.login(odoo.url, "lab", seed.INTEGRATION.login, seed.INTEGRATION.key)
