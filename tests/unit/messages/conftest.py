"""Fixtures for messages: settings with everything configured, and vendors in the test's hand."""

from collections.abc import Iterator

import pytest

from shared.settings import get_settings
from tests.support.messages import CONFIGURED, PostOffice


@pytest.fixture
def configured(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every vendor of messages is set up."""
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    return environment


@pytest.fixture
def post(configured: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    """All vendors of messages, in the test's hand."""
    with PostOffice().installed(configured) as office:
        yield office
