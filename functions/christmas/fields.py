"""Types of the campaign's payload fields: as lenient as its senders need, and no further."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from shared import clock
from shared.intake.fields import EARLIEST, LATEST, Lenient, OrNone, Text

MOST_SYSTEMS = 8
LONGEST_NOTES = 2000
# The rule of the system that this one replaces, for every address it was sent.
_EMAIL = re.compile(r"[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}")


def address(text: object) -> str | None:
    """The e-mail address in lower case and without space around it; None where it is none."""
    lower = text.strip().lower() if isinstance(text, str) else ""
    return lower if len(lower) <= 254 and _EMAIL.fullmatch(lower) else None  # noqa: PLR2004  # RFC 5321, section 4.5.3


def moment(text: object) -> datetime | None:
    """The instant that an ISO 8601 text names, in UTC; None where it names none between 1900 and 2200."""
    if not isinstance(text, str):
        return None
    try:
        found = clock.as_utc(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        return None
    return found if EARLIEST <= found < LATEST else None


def _address(value: str) -> str:
    found = address(value)
    if found is None:
        raise ValueError("must be an e-mail address such as ana@example.com")
    return found


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


Address = Annotated[Annotated[str, Text(254, at_least=1)], AfterValidator(_address)]
"""Somebody's e-mail address, in lower case."""

Count = Annotated[int, Field(ge=0, le=MOST_SYSTEMS), BeforeValidator(_count)]
"""How many of the eight systems are of a colour. Null and negative numbers are none (rule of the replaced system)."""

Score = Annotated[Annotated[float, Field(ge=0, le=100)] | None, OrNone, BeforeValidator(_no_truth_value)]
Sum = Annotated[Annotated[float, Field(ge=0, le=1e12)] | None, OrNone, BeforeValidator(_no_truth_value)]
Link = Annotated[Annotated[str, Text(1000)] | None, OrNone]
Notes = Annotated[Annotated[str, Text(1_000_000), Lenient] | None, OrNone]
Several = Annotated[list[Annotated[str, Text(200), Lenient]], Field(max_length=50), BeforeValidator(_several)]
