"""The fields of which definitions are made: names, delays, conditions, and a model that refuses what it does not know."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from shared.journeys import expressions, timing
from shared.journeys.timing import Delay

type Channel = Literal["email", "whatsapp", "sms", "voice", "manychat"]


def _delay(value: Any) -> Delay:
    return value if isinstance(value, Delay) else timing.parse(value)


def _not_before(value: Delay) -> Delay:
    if value < Delay():
        raise ValueError(f"{value} is negative, and this one cannot be; write it without the minus sign")
    return value


def _condition(value: str) -> str:
    expressions.check(value)
    return value


_TEXT_OF_DELAY = (
    BeforeValidator(_delay),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": timing.PATTERN, "examples": ["5m", "24h", "3d", "-24h"]}),
)
DelayField = Annotated[Delay, *_TEXT_OF_DELAY]
DurationField = Annotated[Delay, *_TEXT_OF_DELAY, AfterValidator(_not_before)]
Condition = Annotated[str, AfterValidator(_condition)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Template = Annotated[str, Field(pattern=r"^\w[\w .-]{0,99}$")]
EventName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$", max_length=100)]


class Strict(BaseModel):
    """A part of a definition; fields that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
