"""Types of payload fields that several flows share: how lenient we are with what people type, and where that ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from annotated_types import GroupedMetadata
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from shared.money import LARGEST, Money
from shared.readers import UnreadableError, dates, email, nothing
from shared.readers.money import Source
from shared.readers.nothing import FieldKind
from shared.settings import get_settings

UNREADABLE = "\ufffd"
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
NO_ADVISOR = 0


def or_none(kind: FieldKind) -> BeforeValidator:
    """A field that may be empty: every way in which tools and people write "nothing" there is None."""
    return BeforeValidator(partial(nothing.read, kind=kind))


def _given_name(value: Any, info: ValidationInfo) -> Any:
    """A first name. The family name must stand before it in the model: beside one, "None" is a name."""
    return nothing.read(value, FieldKind.GIVEN_NAME, other_name=info.data.get("last_name"))


def _readable(value: str) -> str:
    """Refuse the sign that stands for what could not be read (see `body.parse_object`)."""
    if UNREADABLE in value:
        raise PydanticCustomError("unreadable_sign", "holds a sign that cannot be stored")
    return value


def _not_empty(value: str) -> str:
    """Refuse an empty value in a required field: a placeholder that was not filled in, null, a dash."""
    if nothing.is_nothing(value, FieldKind.FULL_NAME):
        raise ValueError("says nothing; it is needed")
    return value


def _plain_text(value: Any) -> Any:
    """A number where a text is expected is that number's text (ids and phones often come so); a truth value is not."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _id(value: Any) -> Any:
    """An id as text; what a sheet has spoilt is refused, since it would make one person of two."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return value
    try:
        return nothing.read_id(value)
    except UnreadableError as error:
        raise ValueError(f"is no id ({error.reason})") from error


def _instant(value: Any) -> datetime:
    try:
        moment = dates.read(value)
    except UnreadableError as error:
        raise ValueError(f"must be a date and time ({error.reason})") from error
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(0), tzinfo=UTC)
    if not EARLIEST <= moment < LATEST:
        raise ValueError("must lie between 1900 and 2200")
    return moment


def _email(value: str) -> str:
    try:
        return email.read(value).key
    except UnreadableError as error:
        raise ValueError(f"must be an e-mail address such as ana@example.com ({error.reason})") from error


def read_amount(value: Any, *, source: Source | None = None) -> Money:
    """An amount in DEFAULT_CURRENCY, as it is written in DEFAULT_PHONE_REGION. Raises ValueError."""
    if isinstance(value, Money):
        return value
    settings = get_settings()
    try:
        return Money.read(value, settings.default_currency, locale=f"es-{settings.default_phone_region}", source=source)
    except UnreadableError as error:
        raise ValueError(f"must be an amount of {settings.default_currency} ({error.reason})") from error


def _advisor(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be the advisor's number, 0 for none")  # noqa: TRY004  # pydantic wants a ValueError
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a whole number, not true or false")  # noqa: TRY004  # pydantic wants a ValueError
    return value


OrNone = or_none(FieldKind.LABEL)
Lenient = BeforeValidator(_plain_text)
Readable = AfterValidator(_readable)
Needed = AfterValidator(_not_empty)
"""A required value: an unfilled placeholder or "null" is refused."""


def _fits(at_most: int, value: str) -> str:
    if len(value.encode("utf-16-le")) // 2 > at_most:
        message = "String should have at most {max_length} characters; an emoji counts as two"
        raise PydanticCustomError("string_too_long", message, {"max_length": at_most})
    return value


@dataclass(frozen=True)
class Text(GroupedMetadata):
    """A text without space around it that fits a column of `at_most`, counted as SQL Server counts (units of UTF-16).

    It stands directly after `str` in an annotation: after a validator of ours the length would be that of the text as sent.
    """

    at_most: int
    at_least: int = 0

    def __iter__(self) -> Iterator[object]:
        """The single constraints, as pydantic asks for them."""
        yield from StringConstraints(strip_whitespace=True, min_length=self.at_least, max_length=self.at_most)
        yield AfterValidator(partial(_fits, self.at_most))


Instant = Annotated[datetime, BeforeValidator(_instant)]
"""A date in any spelling that has one meaning, with any offset or none (then it is UTC); held in UTC.

A bare day is its beginning by the same rule: the column holds an instant, and the event keeps what was written.
"""

ManychatId = Annotated[str, Text(50, at_least=1), Readable, BeforeValidator(_id)]
RequiredName = Annotated[str, Text(200, at_least=1), Readable, Needed, Lenient]
Name = Annotated[Annotated[str, Text(200), Readable, Lenient] | None, or_none(FieldKind.NAME)]
GivenName = Annotated[Annotated[str, Text(200), Readable, Lenient] | None, BeforeValidator(_given_name)]
Label = Annotated[Annotated[str, Text(200), Readable, Lenient] | None, OrNone]
"""The name of a thing: a state, a source, a package."""

ChannelName = Annotated[Annotated[str, Text(100), Readable, Lenient] | None, OrNone]
RequiredEmail = Annotated[
    str, AfterValidator(_email), WithJsonSchema({"type": "string", "format": "email", "maxLength": email.LONGEST})
]
"""An address that must be there, by its key: in lower case, the domain as A-label. So it is found again, and erased."""

Email = Annotated[RequiredEmail | None, or_none(FieldKind.ADDRESS)]
"""An address by its key: in lower case, the domain as A-label."""

Phone = Annotated[Annotated[str, Text(100), Readable, Lenient] | None, or_none(FieldKind.ADDRESS)]
LongText = Annotated[Annotated[str, Text(1_000_000), Readable, Lenient] | None, or_none(FieldKind.TEXT)]
OptionalInstant = Annotated[Instant | None, OrNone]
AdvisorId = Annotated[Annotated[int, Field(ge=0, lt=2**31)] | None, OrNone, BeforeValidator(_advisor)]
"""An advisor's number; `NO_ADVISOR` says that there is none, None that nothing was said."""


def _stage(value: Any) -> Any:
    """Odoo's number of a stage, also as text; anything else is ManyChat's name of it."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value.strip()) < 10:  # noqa: PLR2004  # an SQL integer
        return int(value.strip())
    return value


SENT_AMOUNT = [
    {"type": "number", "minimum": 0, "exclusiveMaximum": int(LARGEST), "multipleOf": 0.01},
    {"type": "string", "pattern": r"^[0-9]{1,12}([.][0-9]{1,2})?$"},
]
EXACT = PlainSerializer(lambda amount: amount.amount, return_type=Decimal)
"""An amount leaves a model as an exact decimal, and in JSON as its text."""

Amount = Annotated[
    Annotated[Money, BeforeValidator(read_amount), EXACT, WithJsonSchema({"anyOf": SENT_AMOUNT})] | None,
    or_none(FieldKind.NUMBER),
]
"""Money in DEFAULT_CURRENCY, in any spelling that has one meaning: 1500.5, "$1,500.50", "1.500,50". Never below nought."""

StageName = Annotated[
    Annotated[int, Strict(), Field(gt=0, lt=2**31)] | Annotated[str, Text(100, at_least=1)], BeforeValidator(_stage)
]
"""A stage by Odoo's number (int) or by ManyChat's name (str)."""

Number = Annotated[Annotated[int, Field(gt=0, lt=2**31)], BeforeValidator(_advisor)]
"""The number of one of our rows, also as text."""

Whole = Annotated[Annotated[int, Field(ge=0, lt=2**31)], BeforeValidator(_whole)]
"""A count that must be there: a whole number from 0, also as text. `true` is no number."""

ShortText = Annotated[Annotated[str, Text(50), Readable, Lenient] | None, OrNone]
Place = Annotated[Annotated[str, Text(100), Readable, Lenient] | None, OrNone]
"""A district, a city, a province or a country, as people write it."""
AddressLine = Annotated[Annotated[str, Text(255), Readable, Lenient] | None, OrNone]
"""Street and number."""


def _reference(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number, an e-mail address or a name")  # noqa: TRY004  # pydantic wants a ValueError
    if isinstance(value, str) and value.strip().isdecimal() and len(value.strip()) < 10:  # noqa: PLR2004  # an SQL integer
        return int(value.strip())
    return value


AdvisorRef = Annotated[
    Annotated[int, Strict(), Field(ge=0, lt=2**31)] | Annotated[str, Text(254, at_least=1)] | None,
    OrNone,
    BeforeValidator(_reference),
]
"""An advisor by number (0: none), e-mail address or name; None: nothing was said."""
