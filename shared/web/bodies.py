"""Fields of the API's bodies. Texts are trimmed and counted as for webhooks; what cannot be meant is refused."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    model_validator,
)

from shared.intake.fields import EARLIEST, LATEST, Text
from shared.readers import UnreadableError, email
from shared.store.types import CENT
from shared.web.paging import Moment


def _email(value: str) -> str:
    try:
        return email.read(value).key
    except UnreadableError as error:
        raise ValueError(f"must be an e-mail address such as ana@example.com ({error.reason})") from error


def _within(value: datetime) -> datetime:
    if not EARLIEST <= value < LATEST:
        raise ValueError("must lie between 1900 and 2200")
    return value


def _cents(value: Decimal) -> Decimal:
    return abs(value).quantize(CENT)  # as it will be read back; minus nought is nought


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be an amount")  # noqa: TRY004  # pydantic wants a ValueError
    return value


Words20 = Annotated[str, Text(20, at_least=1)]
Words50 = Annotated[str, Text(50, at_least=1)]
Words100 = Annotated[str, Text(100, at_least=1)]
Words200 = Annotated[str, Text(200, at_least=1)]
Words255 = Annotated[str, Text(255, at_least=1)]
EmailAddress = Annotated[
    Annotated[str, Text(254, at_least=1)],
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
PhoneNumber = Annotated[
    str,
    Text(100, at_least=1),
    Field(description="In any spelling; without a country code that of DEFAULT_PHONE_REGION counts."),
]
When = Annotated[Moment, AfterValidator(_within)]
"""A date with or without a time, any offset or none (then it is UTC), between 1900 and 2200."""
Number = Annotated[StrictInt, Field(gt=0, lt=2**31)]
Flag = StrictBool
_AMOUNT = [
    {"type": "number", "minimum": 0, "maximum": 999_999_999_999.99, "multipleOf": 0.01},
    {"type": "string", "pattern": r"^[0-9]{1,12}([.][0-9]{1,2})?$"},
]
Amount = Annotated[
    Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2), AfterValidator(_cents), BeforeValidator(_no_truth_value)],
    WithJsonSchema({"anyOf": _AMOUNT}),
]
"""Money. In: a number or a text with at most two decimals. Out: always a text with two, so that no cent is lost on the way."""


class Body(BaseModel):
    """A body that says what a row shall be. An unknown member is refused, for a misspelt one must not be silently left out.

    Members that an answer has beyond those that can be changed (`read_only`) may come along, so that what was read can be
    changed and sent back.
    """

    model_config = ConfigDict(extra="forbid")

    read_only: ClassVar[frozenset[str]] = frozenset({"id", "created_at", "updated_at"})

    @model_validator(mode="before")
    @classmethod
    def _without_read_only(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if name in cls.model_fields or name not in cls.read_only}

    def given(self) -> dict[str, Any]:
        """The members that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Change(Body):
    """The same in part: what is left out stays as it is, null takes a value away (JSON merge patch, RFC 7396).

    A field that cannot be taken away has a `default_factory`, for a default would be shown; what it gives is never used.
    """
