"""Fixtures for the laws."""

from collections.abc import Iterator

import pytest

from tests.support.vendors import LeadSync, lead_sync


@pytest.fixture
def odoo() -> Iterator[LeadSync]:
    """Odoo, in the test's hand."""
    with lead_sync() as odoo:
        yield odoo
