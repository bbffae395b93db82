"""Of what is tried in many forms every run takes a share: `@pytest.mark.share(3)` keeps three, the others are slow."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from zlib import crc32

import pytest


def mark_the_rest(items: Iterable[pytest.Item]) -> None:
    """Mark as `slow` the forms of a test beyond its share, so that `make test-rest` has them. Always the same ones.

    A form that is slow anyway does not count. Which forms are kept is spread over all of them, and begins somewhere else for
    each test: of two vendors, one test takes the first and another the second.
    """
    forms: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("share") and not item.get_closest_marker("slow"):
            forms[item.nodeid.partition("[")[0]].append(item)
    for name, several in forms.items():
        marker = several[0].get_closest_marker("share")
        assert marker is not None
        kept = chosen(name, len(several), *marker.args)
        for number, item in enumerate(several):
            if number not in kept:
                item.add_marker(pytest.mark.slow)


def chosen(name: str, count: int, share: int) -> Sequence[int]:
    """The numbers of the forms that every run takes, `share` of `count` (all, where there are fewer)."""
    share = min(share, count)
    return [(crc32(name.encode()) + number * count // share) % count for number in range(share)]
