"""One Azurite for all tests of the host, and the app of `apps/main` running in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devhost.azurite import Azurite
from devhost.testing import RunningHost
from tests.integration.devhost.notes import Notes

APPS = Path(__file__).parent / "apps"


@pytest.fixture(scope="package")
def devhost_azurite() -> Iterator[Azurite]:
    """In memory, on ports of its own."""
    with Azurite.on_free_ports() as azurite:
        yield azurite


@pytest.fixture(scope="package")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Notes:
    """Those of the session's `host`."""
    return Notes(tmp_path_factory.mktemp("host") / "notes")


@pytest.fixture(scope="package")
def main_environment(devhost_azurite: Azurite, notes: Notes) -> dict[str, str]:
    """What `apps/main` needs."""
    return {
        "AzureWebJobsStorage": devhost_azurite.connection_string,
        "AzureFunctionsWebHost__hostid": "main",
        "WORK_QUEUE": "work",
        "SLOW_QUEUE": "slow",
        "NOTES": str(notes.path),
        "AzureWebJobs_switched_off_Disabled": "true",
    }


@pytest.fixture(scope="package")
def host(main_environment: dict[str, str], notes: Notes) -> Iterator[RunningHost]:
    """`apps/main`, running; shared by all tests that do not stop it."""
    with RunningHost(APPS / "main", main_environment, log_file=notes.path.with_name("log")) as running:
        yield running
