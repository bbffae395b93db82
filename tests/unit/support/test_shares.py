"""The share of a test's forms that every run takes."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import shares


@given(st.text(), st.integers(1, 300), st.integers(1, 300))
def test_a_share_is_as_large_as_it_says_and_names_forms_that_exist(name: str, count: int, share: int) -> None:
    """No form twice; all of them where there are fewer than the share."""
    kept = shares.chosen(name, count, share)
    assert len(set(kept)) == len(kept) == min(count, share)
    assert set(kept) <= set(range(count))


def test_it_is_spread_over_all_forms() -> None:
    """Neighbours are alike, so those that are kept lie apart; it begins somewhere else for another test."""
    one, other = (sorted(shares.chosen(name, 20, 4)) for name in ("test_one", "test_another"))
    assert [later - earlier for earlier, later in pairwise(one)] == [5, 5, 5]
    assert one != other


class Form:
    """A form of a test, as pytest has collected it."""

    def __init__(self, nodeid: str, **marks: int) -> None:
        self.nodeid, self.marks = nodeid, {name: SimpleNamespace(args=(value,)) for name, value in marks.items()}

    def get_closest_marker(self, name: str) -> Any:
        return self.marks.get(name)

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.marks[mark.name] = SimpleNamespace(args=())


def test_what_is_left_is_slow_and_nothing_is_lost() -> None:
    """Every form is in `make test` or in `make test-rest`; one that is slow anyway takes nobody's place."""
    shared = [Form(f"a.py::test_many[{number}]", share=3, **({"slow": 1} if number == 0 else {})) for number in range(10)]
    alone = Form("a.py::test_alone")
    shares.mark_the_rest([*shared, alone])
    slow = [one for one in shared if "slow" in one.marks]
    assert (len(slow), shared[0] in slow, alone.marks) == (7, True, {})
