"""A sandbox of the outside systems for the flows that talk to Odoo."""

from collections.abc import Iterator

import pytest

from sandbox.testing import RunningSandbox


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[RunningSandbox]:
    """One sandbox for all modules of this process; emptied before each test that asks for `sandbox`."""
    with RunningSandbox() as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server: RunningSandbox, environment: pytest.MonkeyPatch) -> RunningSandbox:
    """The sandbox, empty, with the app's settings pointing to it."""
    from tests.conftest import forget

    sandbox_server.reset()
    environment.setenv("ODOO_URL", f"{sandbox_server.url}/odoo")
    environment.setenv("ODOO_CALLS_PER_SECOND", "100")
    forget()
    return sandbox_server
