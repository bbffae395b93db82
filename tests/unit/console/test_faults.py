"""What is wrong with a field is said in the reader's language, whoever has found it."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FutureDate, HttpUrl, ValidationError

from shared.console import faults, words
from shared.errors import FieldError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Everything(BaseModel):
    """A field of each kind that forms, files and payloads have."""

    model_config = ConfigDict(extra="forbid")

    missing: str
    short: Annotated[str, Field(min_length=3)] = "abc"
    filled: Annotated[str, Field(min_length=1)] = "a"
    long: Annotated[str, Field(max_length=3)] = ""
    shaped: Annotated[str, Field(pattern="^a$")] = "a"
    few: Annotated[list[int], Field(max_length=1)] = []
    some: Annotated[list[int], Field(min_length=2)] = [1, 2]
    least: Annotated[int, Field(ge=1)] = 1
    most: Annotated[int, Field(le=1)] = 1
    more: Annotated[int, Field(gt=1)] = 2
    less: Annotated[float, Field(lt=1)] = 0
    whole: int = 1
    number: float = 1
    amount: Annotated[Decimal, Field(max_digits=6, decimal_places=2)] = Decimal(0)
    digits: Annotated[Decimal, Field(max_digits=2)] = Decimal(0)
    plain: Decimal = Decimal(0)
    flag: bool = False
    text: str = ""
    day: date = date(2026, 1, 1)
    later: FutureDate = date(2999, 1, 1)
    moment: AwareDatetime | None = None
    zoned: AwareDatetime | None = None
    one: Literal["a", "b"] = "a"
    colour: Colour = Colour.RED
    listed: list[str] = []
    inner: dict[str, int] = {}
    link: HttpUrl | None = None
    scheme: HttpUrl | None = None
    number_of: UUID | None = None


WRONG = {
    "short": "a",
    "filled": "",
    "long": "abcd",
    "shaped": "b",
    "few": [1, 2],
    "some": [1],
    "least": 0,
    "most": 2,
    "more": 1,
    "less": 1,
    "whole": "x",
    "number": "x",
    "amount": "1.234",
    "digits": "123",
    "plain": "x",
    "flag": "perhaps",
    "text": 1,
    "day": "yesterday",
    "later": "2020-01-01",
    "moment": "never",
    "zoned": "2026-01-01T10:00:00",
    "one": "c",
    "colour": "green",
    "listed": "x",
    "inner": "x",
    "link": "nowhere",
    "scheme": "ftp://example.com",
    "number_of": "x",
    "unknown": 1,
}


def wrong() -> list[FieldError]:
    with pytest.raises(ValidationError) as found:
        Everything.model_validate(WRONG)
    return [FieldError(str(fault["loc"][-1]), str(fault["msg"])) for fault in found.value.errors()]


def test_every_kind_of_fault_is_said_in_the_language_of_the_reader() -> None:
    """Each field of the model is wrong; none is left in pydantic's English."""
    found = {fault.field: faults.in_words("es", fault) for fault in wrong()}
    assert set(found) == {*WRONG, "missing"}
    assert [field for field, text in found.items() if text is None] == []
    assert (found["missing"], found["short"]) == ("falta", "debe tener al menos 3 caracteres")
    assert found["one"] == "debe ser uno de estos: 'a' or 'b'"


@pytest.mark.parametrize("shape", [shape for shape, _text in faults.SENTENCES])
def test_every_shape_has_words_of_its_own(shape: str) -> None:
    """In Spanish other ones than in English."""
    text = dict(faults.SENTENCES)[shape]
    assert words.translations("es").gettext(text) != text


def test_fault_of_a_line_says_which_line_and_column() -> None:
    fault = FieldError("line 3", "odoo_stage_id: Input should be a valid integer, unable to parse string as an integer")
    assert faults.field_in_words("es", fault) == "línea 3"
    assert faults.in_words("es", fault) == "odoo_stage_id: debe ser un número entero"
    assert faults.in_words("en", fault) == "odoo_stage_id: must be a whole number"


def test_what_a_check_of_ours_says_goes_without_the_name_of_its_error() -> None:
    assert faults.in_words("es", FieldError("x", "Value error, must be in the future")) == "debe estar en el futuro"


def test_what_nobody_knows_stays_what_it_is() -> None:
    """The page says then that it is English."""
    assert faults.in_words("es", FieldError("x", "the moon is not full")) is None
