"""Fixtures for the laws."""

from collections.abc import Iterator

import pytest

from tests.support.vendors import FakeOdoo, fake_odoo


@pytest.fixture
def odoo() -> Iterator[FakeOdoo]:
    """Odoo, in the test's hand."""
    with fake_odoo() as odoo:
        yield odoo
