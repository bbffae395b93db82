"""The sandbox of the outside systems, for the flows that call them over HTTP."""

from tests.flows.conftest import sandbox, sandbox_server  # noqa: F401  # fixtures
