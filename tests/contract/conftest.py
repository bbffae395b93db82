"""What the contract tests run against: an Odoo (the sandbox's, or that of ODOO_TEST_URL), and vendors' descriptions."""

import os
from collections.abc import Iterator

import pytest
from odoo_contract import Api, Server, add_custom_fields, connected

from sandbox.testing import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, ODOO_PASSWORD, InProcessSandbox

# The vendors' own descriptions are not ours to ship; docs/vendors.md says where they are.
collect_ignore_glob = [] if os.environ.get("VENDOR_SPECS") else ["test_specs_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if collect_ignore_glob:
        terminalreporter.write_line("Set VENDOR_SPECS to hold requests against the vendors' descriptions (docs/vendors.md).")


@pytest.fixture(scope="session")
def odoo_server() -> Iterator[Server]:
    """A real Odoo where the environment gives one (ODOO_TEST_URL, _DB, _LOGIN, _PASSWORD, _KEY), else the sandbox."""
    if url := os.environ.get("ODOO_TEST_URL"):
        yield Server(
            url=url.rstrip("/"),
            db=os.environ["ODOO_TEST_DB"],
            login=os.environ["ODOO_TEST_LOGIN"],
            password=os.environ["ODOO_TEST_PASSWORD"],
            key=os.environ["ODOO_TEST_KEY"],
        )
        return
    with InProcessSandbox() as sandbox:
        yield Server(url=sandbox.odoo_url, db=ODOO_DATABASE, login=ODOO_LOGIN, password=ODOO_PASSWORD, key=ODOO_KEY)


@pytest.fixture(scope="session", params=["jsonrpc", "json2"])
def api(request: pytest.FixtureRequest, odoo_server: Server) -> Iterator[Api]:
    """The administrator, over each of the two APIs; the custom fields are there."""
    with connected(odoo_server, request.param) as connection:
        add_custom_fields(connection)
        yield connection


@pytest.fixture(scope="session")
def rpc(odoo_server: Server) -> Iterator[Api]:
    """The administrator over JSON-RPC, for what is about that API alone."""
    with connected(odoo_server, "jsonrpc") as connection:
        add_custom_fields(connection)
        yield connection
