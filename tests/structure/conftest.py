"""What these tests have read is dropped after the last of them."""

from collections.abc import Iterator

import pytest

from tests.structure.modules import tree


@pytest.fixture(autouse=True, scope="package")
def sources_are_dropped() -> Iterator[None]:
    """Millions of nodes: kept, each search for garbage in the tests that follow would go through them."""
    yield
    tree.cache_clear()
