"""What is read from the environment: names in any case, nothing where a variable is empty, JSON where a field holds several."""

from typing import Annotated

import pytest
from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from shared.environment import BaseSettings, NoDecode, read


class Part(BaseModel):
    """A value of several members."""

    size: int


class Example(BaseSettings):
    """A field of each kind."""

    plain: str = "usual"
    number: int = 0
    renamed: str | None = Field(default=None, validation_alias="AzureThing__Name")
    old: str = Field(default="", validation_alias=AliasChoices("NEW_NAME", "OLD_NAME"))
    parts: tuple[Part, ...] = ()
    maybe: dict[str, int] | None = None
    words: Annotated[tuple[str, ...], NoDecode, BeforeValidator(tuple)] = ()


def test_names_are_taken_in_any_case(monkeypatch):
    """As Azure and Windows have them; also those that are no field's name."""
    for name, value in {"Plain": "a", "azurething__name": "b", "old_name": "c"}.items():
        monkeypatch.setenv(name, value)
    found = Example()
    assert (found.plain, found.renamed, found.old) == ("a", "b", "c")


def test_first_of_several_names_wins():
    """The new name is taken where the old one is set as well."""
    assert read(Example, {"OLD_NAME": "old", "NEW_NAME": "new"}) == {"NEW_NAME": "new"}


def test_empty_variable_is_none():
    """It leaves the default, and the old name's value where there is one."""
    assert read(Example, {"NUMBER": "", "NEW_NAME": "", "OLD_NAME": "x"}) == {"NEW_NAME": "x"}


def test_what_holds_several_values_is_json(monkeypatch):
    """Models, collections, and those that may be none; not what reads its text itself."""
    for name, value in {"PARTS": '[{"size": 3}]', "MAYBE": '{"a": 1}', "WORDS": "xy"}.items():
        monkeypatch.setenv(name, value)
    found = Example()
    assert (found.parts, found.maybe, found.words) == ((Part(size=3),), {"a": 1}, ("x", "y"))


def test_broken_json_names_the_variable_and_not_its_value():
    """It may be a secret."""
    with pytest.raises(ValueError, match="PARTS is no JSON") as caught:
        read(Example, {"PARTS": '[{"size": 77'})
    assert "77" not in str(caught.value)


def test_what_is_given_stands_before_the_environment(monkeypatch):
    """By the field's name, for tests and tools."""
    monkeypatch.setenv("PLAIN", "environment")
    assert Example(plain="given").plain == "given"


def test_what_is_wrong_is_refused(monkeypatch):
    """A text that is no number is a mistake, not a default."""
    monkeypatch.setenv("NUMBER", "many")
    with pytest.raises(ValueError, match="valid integer"):
        Example()
