"""Fixtures of the crash tests: storage and Odoo that stay up, and a seed that is printed and can be given."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from devhost.azurite import Azurite
from sandbox.testing import RunningSandbox
from tests.crash.rig import Rig

pytest.register_assert_rewrite("tests.crash.ledger")  # so that a failure there shows the two sides

SEED_VARIABLE = "CRASH_SEED"


@pytest.fixture(scope="package")
def azurite() -> Iterator[Azurite]:
    """A storage account that does not crash."""
    with Azurite.on_free_ports() as azurite:
        yield azurite


@pytest.fixture(scope="package")
def sandbox() -> Iterator[RunningSandbox]:
    """An Odoo that does not crash."""
    with RunningSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def seed() -> int:
    """The seed of this test, shown with a failure; `CRASH_SEED=... pytest tests/crash` runs the same load again."""
    seed = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(10**6))
    print(f"{SEED_VARIABLE}={seed}")  # noqa: T201  # pytest shows it with a failure
    return seed


@pytest.fixture
def rig(tmp_path: Path, azurite: Azurite, sandbox: RunningSandbox) -> Iterator[Rig]:
    """A fresh Puente, not started."""
    sandbox.reset()
    rig = Rig(tmp_path, azurite.connection_string, sandbox)
    rig.empty_storage()
    yield rig
    if rig.host.process is not None:
        rig.host.kill()
    rig.engine.dispose()
    print(rig.host.log[-6000:])  # noqa: T201  # as above
