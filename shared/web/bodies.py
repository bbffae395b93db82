"""Fields of the API's bodies. Texts are trimmed and counted as for webhooks; what cannot be meant is refused."""

from datetime import datetime
from functools import partial
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

from shared.intake.fields import EARLIEST, EXACT, LATEST, SENT_AMOUNT, Text, read_amount
from shared.money import Money
from shared.web.paging import Moment


def _within(value: datetime) -> datetime:
    if not EARLIEST <= value < LATEST:
        raise ValueError("must lie between 1900 and 2200")
    return value


Words20 = Annotated[str, Text(20, at_least=1)]
Words50 = Annotated[str, Text(50, at_least=1)]
Words100 = Annotated[str, Text(100, at_least=1)]
Words200 = Annotated[str, Text(200, at_least=1)]
Words255 = Annotated[str, Text(255, at_least=1)]
PhoneNumber = Annotated[
    str,
    Text(100, at_least=1),
    Field(description="In any spelling; without a country code that of DEFAULT_PHONE_REGION counts."),
]
When = Annotated[Moment, AfterValidator(_within)]
"""A date with or without a time, any offset or none (then it is UTC), between 1900 and 2200."""
Number = Annotated[StrictInt, Field(gt=0, lt=2**31)]
Flag = StrictBool
Amount = Annotated[Money, BeforeValidator(partial(read_amount, source="json")), EXACT, WithJsonSchema({"anyOf": SENT_AMOUNT})]
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
        """The members that were given, each as `model_dump` has it: an amount is a decimal here too."""
        return self.model_dump(exclude_unset=True)


class Change(Body):
    """The same in part: what is left out stays as it is, null takes a value away (JSON merge patch, RFC 7396).

    A field that cannot be taken away has a `default_factory`, for a default would be shown; what it gives is never used.
    """
