"""Texts with `{{contact.name}}`: what is looked up, what stands for what is not known, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.broadcasts import variables
from functions.broadcasts.variables import Facts

ANA = Facts(
    contact={"name": "Ana Núñez", "first_name": "Ana", "phone_number": "+525512345678", "last_name": None, "email": " "},
    attributes={"city": "León", "age": 41},
    row={"saldo": "12", "blank": ""},
)


@pytest.mark.parametrize(
    ("text", "value", "missing"),
    [
        ("Hola {{contact.first_name}}", "Hola Ana", None),
        ("{{ contact.name }}/{{contact.phone_number}}", "Ana Núñez/+525512345678", None),
        ("{{contact.last_name|amigo}}", "amigo", None),
        ("{{contact.last_name|}}", "", None),
        ("{{contact.email}}", "", "email"),
        ("{{contact.attributes.city}} {{contact.custom_fields.age}}", "León 41", None),
        ("{{contact.attributes.none}}", "", "none"),
        ("{{row.saldo}}", "12", None),
        (500, "500", None),
        ("sin nada", "sin nada", None),
    ],
)
def test_texts_are_filled(text: object, value: str, missing: str | None) -> None:
    """The text around stays; a fact that is not known, or blank, is missing unless a default stands beside it."""
    assert variables.resolve({"x": text}, ANA) == ({"saldo": "12", "x": value}, missing)


def test_mapping_goes_before_the_row() -> None:
    """A column of the list is a variable by itself."""
    assert variables.resolve({"saldo": "{{row.saldo}} MXN"}, ANA)[0] == {"saldo": "12 MXN"}


@pytest.mark.parametrize(
    "path",
    [
        "contact.__class__",
        "contact.attributes",
        "contact.attributes.a.b",
        "settings.key",
        "row.a.b",
        "contact",
        "",
        "row.__x__.y",
    ],
)
def test_nothing_but_what_is_listed_is_looked_up(path: str) -> None:
    """The refusal says what is."""
    (fault,) = variables.faults({"x": f"{{{{{path}}}}}"})
    assert fault.field == "variable_mapping.x"
    assert "is not known" in fault.message


@pytest.mark.parametrize(
    "mapping", [{"x": "{{contact.name"}, {"x": "a}}"}, {"a b": "x"}, {"x": None}, {"x": ["a"]}, {"x": "a" * 1001}]
)
def test_what_cannot_be_meant_is_refused(mapping: dict[str, object]) -> None:
    """Braces that do not close, names that are none, values that are no text."""
    assert variables.faults(mapping)


def test_what_is_right_has_no_faults() -> None:
    """All fields, attributes, rows, constants."""
    mapping = {name: f"{{{{contact.{name}}}}}" for name in variables.FIELDS}
    assert variables.faults(mapping | {"a": "{{contact.attributes.x-1|si}}", "b": 1, "c": True, "d": "{{row.x}}"}) == []


@given(st.text(max_size=60))
def test_any_text_is_filled_or_refused(text: str) -> None:
    """Neither raises, and a text without braces stays as it is."""
    faults = variables.faults({"x": text})
    values, _missing = variables.resolve({"x": text}, ANA) if not faults else ({"x": ""}, None)
    assert faults or "{{" in text or values["x"] == text
