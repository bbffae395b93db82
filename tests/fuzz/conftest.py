"""Fixtures of the fuzzing over HTTP: the same whole Puente as the crash tests run, started once."""

from collections.abc import Iterator

import pytest

from devhost.azurite import Azurite
from sandbox.testing import RunningSandbox
from tests.crash.conftest import azurite, sandbox
from tests.crash.rig import Rig

__all__ = ["azurite", "host", "sandbox"]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, azurite: Azurite, sandbox: RunningSandbox) -> Iterator[Rig]:
    """A Puente whose host runs, and still runs when all is over."""
    rig = Rig(tmp_path_factory.mktemp("fuzz"), azurite.connection_string, sandbox)
    rig.start()
    rig.host.wait_until_running()
    yield rig
    alive = not rig.is_dead()
    rig.host.kill()
    rig.engine.dispose()
    assert alive, rig.host.log[-6000:]
    assert "Failed after" not in rig.host.log  # an error in a function, even if the sender did not see it
