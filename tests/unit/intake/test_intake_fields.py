"""How lenient the payloads' fields are, and where that ends."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.intake import fields
from shared.readers import nothing

FLOWER = "🌷"  # one character, two units of UTF-16, which is what SQL Server counts


def taken(kind: Any, value: Any) -> Any:
    """What a field of that kind makes of a value."""
    return TypeAdapter(kind).validate_python(value)


def refused(kind: Any, value: Any) -> str:
    """Why a field of that kind does not take a value."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    return caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("123", "123"),
        (123, "123"),
        (12345678901234567890, "12345678901234567890"),
        ("  123 \n", "123"),
        ("x" * 50, "x" * 50),
        (FLOWER * 25, FLOWER * 25),
    ],
)
def test_manychat_id(value, expected):
    """A number is taken for its text; space around it does not count."""
    assert taken(fields.ManychatId, value) == expected


@pytest.mark.parametrize("value", ["", "  ", None, True, False, [], {}, "x" * 51, 10**51, FLOWER * 26, b"\xff"])
def test_no_manychat_id(value):
    """Empty, missing, not a text, or longer than its column."""
    assert refused(fields.ManychatId, value)


@pytest.mark.parametrize("value", [None, "", "   ", "\t\n", "\u00a0"])
@pytest.mark.parametrize(
    "kind",
    [fields.Name, fields.ChannelName, fields.Email, fields.Phone, fields.LongText, fields.OptionalInstant, fields.AdvisorId],
)
def test_nothing_said(kind, value):
    """ManyChat fills what it does not know with null, nothing or spaces: all mean the same."""
    assert taken(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "longest"),
    [
        (fields.RequiredName, 200),
        (fields.Name, 200),
        (fields.ChannelName, 100),
        (fields.Phone, 100),
        (fields.StageName, 100),
        (fields.ManychatId, 50),
        (fields.ShortText, 50),
        (fields.AdvisorRef, 254),
    ],
)
def test_text_fits_its_column(kind, longest):
    """The limit counts as SQL Server counts, so that nothing taken in can fail to be stored there; emoji count twice."""
    assert taken(kind, "ñ" * longest) == "ñ" * longest
    assert taken(kind, FLOWER * (longest // 2)) == FLOWER * (longest // 2)
    assert refused(kind, "x" * (longest + 1))
    assert refused(kind, FLOWER * (longest // 2) + "xx")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=60))
def test_names_are_kept_exactly(name):
    """Nothing inside a text is changed: case, accents, composition, direction marks; what says nothing is no name."""
    assume(nothing.read(name, nothing.FieldKind.NAME) == name)
    assert taken(fields.Name, f" {name} ") == name


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01 10:00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T04:00:00-06:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00:00.123456Z", datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        (1772359200, datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("1/3/2026 10:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("1 de marzo de 2026, 4:00 a. m. GMT-0600", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("1900-01-01T00:00:00Z", fields.EARLIEST),
    ],
)
def test_instant(value, expected):
    """Any offset, or none (then UTC); held in UTC."""
    assert taken(fields.Instant, value) == expected
    assert taken(fields.Instant, value).tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "",
        "mañana",
        "2026-02-30T10:00:00Z",
        "2026-03-01T25:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1899-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2199-12-31T23:00:00-01:00",
        True,
        False,
        [],
        1e300,
        float("nan"),
        float("inf"),
    ],
)
def test_no_instant(value):
    """No date, an impossible one, or one that no sender can mean; never an error of another kind."""
    assert refused(fields.Instant, value)


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), ("0", 0), (7, 7), ("7", 7), (" 7 ", 7), (7.0, 7), (2**31 - 1, 2**31 - 1)]
)
def test_advisor(value, expected):
    """A number, also as text; 0 says that there is none."""
    assert taken(fields.AdvisorId, value) == expected


@pytest.mark.parametrize("value", [-1, 2**31, 1.5, "siete", True, False, [7]])
def test_no_advisor(value):
    """Not negative, not beyond an SQL integer, not a truth value."""
    assert refused(fields.AdvisorId, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (16, 16),
        ("16", 16),
        (" 16 ", 16),
        ("١٦", 16),
        ("Comienza AC", "Comienza AC"),
        ("  Comienza AC ", "Comienza AC"),
        ("9" * 10, "9" * 10),
    ],
)
def test_stage(value, expected):
    """Odoo's number, also as text, or ManyChat's name."""
    assert taken(fields.StageName, value) == expected


@pytest.mark.parametrize("value", [None, "", " ", 0, -1, 2**31, 1.5, True, [16], {"id": 16}, "x" * 101])
def test_no_stage(value):
    """Nothing else is a stage."""
    assert refused(fields.StageName, value)


@pytest.mark.parametrize("value", ["{{last_name}}", "{{ cuf_123 }}", "null", "N/A", "#N/A", "[object Object]", "(none)"])
@pytest.mark.parametrize(
    "kind", [fields.Name, fields.Label, fields.ChannelName, fields.Phone, fields.OptionalInstant, fields.AdvisorId]
)
def test_other_ways_of_writing_nothing(kind, value):
    """Unfilled placeholders, programs' words and sheets' errors say nothing."""
    assert taken(kind, value) is None


@pytest.mark.parametrize(
    "value", ["{{user_id}}", "null", "N/A", "1.23457E+15", "######", "00000000-0000-0000-0000-000000000000", 1.23457e15]
)
def test_an_id_that_is_none_is_refused(value):
    """It would make one person of everybody who has it."""
    assert "is no id" in refused(fields.ManychatId, value)


@pytest.mark.parametrize("value", ["{{first_name}}", "null", "-"])
def test_a_needed_name_that_says_nothing_is_refused(value):
    """Required fields stay strict."""
    assert "says nothing" in refused(fields.RequiredName, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ana.Lopez@Example.COM", "ana.lopez@example.com"),
        ("mailto:ana@señor.example", "ana@xn--seor-hqa.example"),
        ("o'hara@example.com", "o'hara@example.com"),
    ],
)
def test_email(value, expected):
    """One rule for every entrance; what is stored is the key."""
    assert taken(fields.Email, value) == expected


@pytest.mark.parametrize(("value", "expected"), [(5255, "5255"), ("+52 55", "+52 55"), (5.5, "5.5")])
def test_number_for_a_text(value, expected):
    """Phones and ids often come as numbers."""
    assert taken(fields.Phone, value) == expected


@pytest.mark.parametrize("kind", [fields.Name, fields.Email, fields.Phone, fields.LongText])
@pytest.mark.parametrize("value", [True, [], {}, ["a"]])
def test_no_text(kind, value):
    """A truth value or a structure is a mistake of the sender's, not a text."""
    assert refused(kind, value)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (7, 7), ("7", 7), (7.0, 7)])
def test_whole_number(value, expected):
    """A count, also as text."""
    assert taken(fields.Whole, value) == expected


@pytest.mark.parametrize("value", [True, False, -1, 1.5, 2**31, None, "muchos"])
def test_no_whole_number(value):
    """`true` would be 1 by itself; what does not fit the column is refused here."""
    assert refused(fields.Whole, value)
