"""Types of payload fields that several flows share: how lenient we are with what people type, and where that ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from annotated_types import GroupedMetadata
from pydantic import AfterValidator, BeforeValidator, Field, Strict, StringConstraints

from shared import clock

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
NO_ADVISOR = 0


def _empty_is_none(value: Any) -> Any:
    """ManyChat fills a field it does not know with nothing, spaces or null; all three mean the same."""
    return None if isinstance(value, str) and not value.strip() else value


def _plain_text(value: Any) -> Any:
    """A number where a text is expected is that number's text (ids and phones often come so); a truth value is not."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _instant(value: datetime) -> datetime:
    try:
        moment = clock.as_utc(value)
    except OverflowError as error:
        raise ValueError("is outside the calendar") from error
    if not EARLIEST <= moment < LATEST:
        raise ValueError("must lie between 1900 and 2200")
    return moment


def _advisor(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be the advisor's number, 0 for none")  # noqa: TRY004  # pydantic wants a ValueError
    return value


OrNone = BeforeValidator(_empty_is_none)
Lenient = BeforeValidator(_plain_text)


def _fits(at_most: int, value: str) -> str:
    if len(value.encode("utf-16-le")) // 2 > at_most:
        raise ValueError(f"should have at most {at_most} characters; an emoji counts as two")
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


Instant = Annotated[datetime, AfterValidator(_instant)]
"""A date with any offset, or with none (then it is UTC); held in UTC."""

ManychatId = Annotated[str, Text(50, at_least=1), Lenient]
RequiredName = Annotated[str, Text(200, at_least=1), Lenient]
Name = Annotated[Annotated[str, Text(200), Lenient] | None, OrNone]
ChannelName = Annotated[Annotated[str, Text(100), Lenient] | None, OrNone]
Email = Annotated[Annotated[str, Text(254)] | None, OrNone]
Phone = Annotated[Annotated[str, Text(100), Lenient] | None, OrNone]
LongText = Annotated[Annotated[str, Text(1_000_000), Lenient] | None, OrNone]
OptionalInstant = Annotated[Instant | None, OrNone]
AdvisorId = Annotated[Annotated[int, Field(ge=0, lt=2**31)] | None, OrNone, BeforeValidator(_advisor)]
"""An advisor's number; `NO_ADVISOR` says that there is none, None that nothing was said."""


def _stage(value: Any) -> Any:
    """Odoo's number of a stage, also as text; anything else is ManyChat's name of it."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value.strip()) < 10:  # noqa: PLR2004  # an SQL integer
        return int(value.strip())
    return value


StageName = Annotated[
    Annotated[int, Strict(), Field(gt=0, lt=2**31)] | Annotated[str, Text(100, at_least=1)], BeforeValidator(_stage)
]
"""A stage by Odoo's number (int) or by ManyChat's name (str)."""

Number = Annotated[Annotated[int, Field(gt=0, lt=2**31)], BeforeValidator(_advisor)]
"""The number of one of our rows, also as text."""

ShortText = Annotated[Annotated[str, Text(50), Lenient] | None, OrNone]


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
