"""Types of the campaign's payload fields: as lenient as its senders need, and no further."""

import re
from datetime import UTC, datetime, time
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from shared.intake.fields import Lenient, OrNone, Text
from shared.readers import UnreadableError, dates

MOST_SYSTEMS = 8
LONGEST_NOTES = 2000


def moment(text: object) -> datetime | None:
    """The instant that a text names, in UTC (without an offset it is UTC); None where it names none between 1900 and 2200."""
    if not isinstance(text, str):
        return None
    try:
        found = dates.read(text)
    except UnreadableError:
        return None
    return found if isinstance(found, datetime) else datetime.combine(found, time(0), tzinfo=UTC)


def _count(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number of systems")  # noqa: TRY004  # pydantic wants a ValueError
    if value is None or (isinstance(value, str) and not value.strip()):
        return 0
    number = int(value) if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,6}\s*", value) else value
    return max(number, 0) if isinstance(number, int | float) else number


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004  # pydantic wants a ValueError
    return value


def _several(value: Any) -> Any:
    """One text where a list is expected is a list of one; nothing is an empty one."""
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str) else value


Count = Annotated[int, Field(ge=0, le=MOST_SYSTEMS), BeforeValidator(_count)]
"""How many of the eight systems are of a colour. Null and negative numbers are none (rule of the replaced system)."""

Score = Annotated[Annotated[float, Field(ge=0, le=100)] | None, OrNone, BeforeValidator(_no_truth_value)]
Link = Annotated[Annotated[str, Text(1000)] | None, OrNone]
Notes = Annotated[Annotated[str, Text(1_000_000), Lenient] | None, OrNone]
Several = Annotated[list[Annotated[str, Text(200), Lenient]], Field(max_length=50), BeforeValidator(_several)]
