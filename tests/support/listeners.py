"""A listener of a test's own, beside those that the flows declare."""

from collections.abc import Callable
from typing import Any

import pytest

from shared import flows


def listen(patch: pytest.MonkeyPatch, event: str, name: str, listener: Callable[..., Any]) -> None:
    """Let `listener` hear of `event` for the length of the test, under `name`, or in place of that flow's own."""
    declared = flows.listeners

    def with_the_tests(asked: str) -> tuple[tuple[str, Any], ...]:
        found = dict(declared(asked))
        return tuple((found | {name: listener} if asked == event else found).items())

    patch.setattr(flows, "listeners", with_the_tests)
