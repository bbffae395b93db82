"""Whether two texts differ, against tables whose result is known and against counting every table by hand."""

from fractions import Fraction
from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.broadcasts import measures
from shared import comparison
from shared.comparison import Side, p_value
from shared.console.words import catalogue

SMALL = st.integers(1, 12)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (Side(3, 4), Side(1, 4), 0.4857),  # Fisher's tea
        (Side(8, 10), Side(1, 6), 0.0350),
        (Side(1, 9), Side(11, 12), 0.0003),
        (Side(250, 5000), Side(300, 5000), 0.0284),  # pooled z: 2.19
        (Side(121, 2634), Side(91, 2632), 0.0359),  # pooled z: 2.10
        (Side(5, 50), Side(5, 50), 1.0),
        (Side(0, 5000), Side(0, 5000), 1.0),
    ],
)
def test_known_tables(a: Side, b: Side, expected: float) -> None:
    """Whichever of the two is named first."""
    assert p_value(a, b) == pytest.approx(expected, abs=0.0002)
    assert p_value(b, a) == pytest.approx(expected, abs=0.0002)


@given(SMALL, SMALL, st.data())
def test_small_tables_are_exact(a_base: int, b_base: int, data: st.DataObject) -> None:
    """The chances of all tables with the same margins, as fractions."""
    a, b = data.draw(st.integers(0, a_base)), data.draw(st.integers(0, b_base))
    hits = a + b
    ways = {n: Fraction(comb(a_base, n) * comb(b_base, hits - n), comb(a_base + b_base, hits)) for n in range(hits + 1)}
    expected = sum(way for way in ways.values() if way <= ways[a])
    assert p_value(Side(a, a_base), Side(b, b_base)) == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize(("one", "other"), list(combinations((40, 60, 80, 100), 2)))
def test_both_tests_agree_where_one_takes_over(one: int, other: int) -> None:
    """Just above and below the bound the verdict is hardly another."""
    half = comparison.EXACT_UP_TO // 2
    exact = p_value(Side(one, half), Side(other, half))
    normal = p_value(Side(one, half + 1), Side(other, half + 1))
    assert exact == pytest.approx(normal, abs=0.02)


def compared(**counted: int) -> comparison.Compared:
    """How many have replied, the measure that decides."""
    whole = {"sent": 0, "delivered": 0, "read": 0, "replied": 0, "completed": 0}
    return measures.of_counts(whole | {f"b_{name}": 0 for name in whole} | {"b_total": 1} | counted)[0]


@pytest.mark.parametrize(
    ("counted", "verdict", "words"),
    [
        ({"sent": 100, "b_sent": 0}, "none-sent", "nothing to compare"),
        ({"sent": 100, "b_sent": 50, "replied": 11, "b_replied": 6}, "chance", "may be chance"),
        ({"sent": 400, "b_sent": 200, "replied": 60, "b_replied": 50}, "b", "Text B does better"),
        ({"sent": 400, "b_sent": 200, "replied": 60, "b_replied": 10}, "a", "Text A does better"),
        ({"sent": 100, "b_sent": 50, "replied": 5, "b_replied": 6}, "none-sent", "nothing to compare"),  # counted late
    ],
)
def test_verdict_in_words(counted: dict[str, int], verdict: str, words: str) -> None:
    """A's counts are the whole's without B's."""
    found = compared(**counted)
    assert (found.verdict, words in found.sentence) == (verdict, True)


def test_one_text_is_compared_with_nothing() -> None:
    """Nobody got a text B."""
    assert measures.of_counts({"total": 10, "b_total": 0}) == []


def test_sentences_stand_in_the_catalogue() -> None:
    """The console says the same."""
    assert set(comparison.SENTENCES.values()) <= {message.id for message in catalogue("es")}
