"""What tools and people write where a field has no value."""

from typing import Any

import pytest

from shared.readers import UnreadableError
from shared.readers.nothing import FieldKind, read, read_id
from tests.support.truth import each_row

KINDS = {
    **dict.fromkeys(("last_name", "second_last_name"), FieldKind.NAME),
    "first_name": FieldKind.GIVEN_NAME,
    "full_name": FieldKind.FULL_NAME,
    **dict.fromkeys(("phone", "email"), FieldKind.ADDRESS),
    **dict.fromkeys(("channel", "advisor", "source"), FieldKind.LABEL),
    "country": FieldKind.COUNTRY,
    **dict.fromkeys(("alergias", "street_number"), FieldKind.ANSWER),
    **dict.fromkeys(("children", "commercial_advisor_id"), FieldKind.NUMBER),
    **dict.fromkeys(("message", "summary"), FieldKind.TEXT),
}


@each_row("nothing")
def test_nothing_is_told_from_a_value(row: dict[str, Any]) -> None:
    """Every row is nothing, a value (or the filled part of one), or refused as an id."""
    field, value = row["context"]["field"], row["input"]
    if field.endswith("_id") and field != "commercial_advisor_id":
        if row["right"] == "refuse_as_id":
            with pytest.raises(UnreadableError):
                read_id(value)
        else:
            assert read_id(value) == row.get("reads", value)
        return
    found = read(value, KINDS[field], other_name=row["context"].get("last_name"))
    assert found == (None if row["right"] == "nothing" else row.get("reads", value))


@pytest.mark.parametrize(
    "value", ["<<Nombre>>", "%%FirstName%%", "[[first_name]]", "#{name}", "&#123;&#123;name&#125;&#125;", "{first_name}"]
)
def test_placeholders_of_other_tools(value: str) -> None:
    """Mail merge, Marketing Cloud, Ruby, and what was escaped for HTML."""
    assert read(value, FieldKind.NAME) is None


def test_what_a_database_dumps_for_null_is_nothing() -> None:
    """In every field, and as an id it is refused."""
    assert [read(r"\N", kind) for kind in FieldKind] == [None] * len(FieldKind)
    with pytest.raises(UnreadableError):
        read_id(r"\N")


@pytest.mark.parametrize("value", ["null null", "undefined undefined", "None None"])
def test_names_put_together_of_nothing_are_nothing(value: str) -> None:
    """First and last name, joined by a program that had neither."""
    assert read(value, FieldKind.FULL_NAME) is None


@pytest.mark.parametrize("value", ["1,23457E+15", "7.00012E+09", "1E+15", 1.23457e15, True, "0", "######"])
def test_spoilt_ids_are_refused(value: Any) -> None:
    """Digits lost in a sheet would make one person of two."""
    with pytest.raises(UnreadableError):
        read_id(value)


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("7.000000001E9", "7000000001"),
        (7000000001.0, "7000000001"),
        (7000000001, "7000000001"),
        ('="7000000001"', "7000000001"),
        ("12E4", "12E4"),
    ],
)
def test_ids_without_loss_are_kept(value: Any, right: str) -> None:
    """All digits are there; letters of an id are its own."""
    assert read_id(value) == right
