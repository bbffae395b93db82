"""Conditions: what they can say, and that there is no way out of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.journeys.expressions import ExpressionError, check, evaluate

FACTS = {"person": {"city": "León", "age": 30}, "data": {"score": 7, "tags": ["a"], "none": None}, "result": {"call": "busy"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('result.call == "busy"', True),
        ('result.call in ["busy", "no-answer"]', True),
        ('result.other in ["busy"]', False),  # not there: none
        ("result.other == none", True),
        ("not result.other", True),
        ("data.score > 5 and data.score <= 7", True),
        ("3 < data.score < 7", False),
        ("data.score > 9 or person.city == 'León'", True),
        ('"a" in data.tags', True),
        ('"a" not in data.tags', False),
        ("data.none < 3", False),  # nothing has no order
        ("data.score in data.none", False),
        ("data.score == -7", False),
        ("data.deeper.still.there", False),
        ("person.city.length", False),
        ("true", True),
        ("none", False),
        ("data.score", True),
    ],
)
def test_value(text: str, expected: bool) -> None:  # noqa: FBT001
    """Facts, comparisons, and/or/not; what is not there is none."""
    check(text)
    assert evaluate(text, FACTS) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "open('x')",
        "().__class__",
        "data['score']",
        "lambda: 1",
        "[x for x in data.tags]",
        "data.score + 1",
        "os.environ",
        "f'{data.score}'",
        "data.score if true else 1",
        "{1: 2}",
        "data.score is none",
        "1 ** 2",
        "x := 3",
        "b'x' == data.score",
        "...",
        "a" * 501,
        "not " * 60 + "data.x",
        "(" * 300 + ")" * 300,
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    """When the definition is loaded, not when somebody's message is due."""
    with pytest.raises(ExpressionError):
        check(text)


def test_names_that_are_asked_for() -> None:
    """With dots, without the words of the language."""
    assert check("result.call == none and data.a.b in [person.x, true]") == {"result.call", "data.a.b", "person.x"}


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    """What is accepted can be evaluated; nothing else happens."""
    try:
        check(text)
    except ExpressionError:
        return
    evaluate(text, FACTS)


@given(
    st.recursive(
        st.sampled_from(["result.call", "data.score", "person.age", '"busy"', "7", "-1.5", "none", "[1, 2]", "data.missing"]),
        lambda inner: st.builds(
            "({} {} {})".format, inner, st.sampled_from(["==", "!=", "<", ">=", "in", "not in", "and", "or"]), inner
        ),
        max_leaves=8,
    )
)
def test_every_well_formed_condition_has_a_value(text: str) -> None:
    """Whatever is compared with whatever: true or false, never an error."""
    check(text)
    assert evaluate(text, FACTS) in (True, False)
