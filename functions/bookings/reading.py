"""Reads single fields of a calendar's webhook. What cannot be read is none of it, and is named where that matters. Light."""

import re
from collections.abc import Mapping
from typing import Any

from functions.bookings.payloads import LONGEST_UID
from shared.readers import UnreadableError, dates

UTF16_UNIT = 2  # bytes
_ABOUT_A_PHONE = re.compile(r"tel[eé]fono|phone|celular|m[oó]vil|mobile|whats\s?app|sms", re.IGNORECASE)
_LIKE_A_PHONE = re.compile(r"\+?(?:[\s().\-/]*\d){7,15}[\s().\-/]*")


def uid(value: Any, name: str, unread: list[str]) -> str | None:
    """The calendar's id of a booking; one that no column holds is unreadable."""
    plain = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if plain and (units(plain) > LONGEST_UID or not plain.isprintable()):
        unread.append(name)
        return None
    return plain or None


def moment(value: Any, name: str, unread: list[str]) -> str | None:
    """An instant in ISO 8601, in UTC."""
    if value in (None, ""):
        return None
    try:
        return dates.read_instant(value).isoformat()
    except UnreadableError:
        unread.append(name)
        return None


def url(value: Any, at_most: int) -> str | None:
    """An address on the web."""
    plain = value.strip() if isinstance(value, str) else ""
    return plain if re.fullmatch(r"https?://[^\s<>\"]+", plain) and units(plain) <= at_most else None


def text(value: Any, at_most: int) -> str | None:
    """As much of a text as the column holds, in one line."""
    plain = " ".join(str(value).split()) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return plain.encode("utf-16-le")[: UTF16_UNIT * at_most].decode("utf-16-le", "ignore").strip() or None


def units(plain: str) -> int:
    """How long a text is as Azure SQL counts."""
    return len(plain.encode("utf-16-le", "surrogatepass")) // UTF16_UNIT


def phone_in(value: Any) -> str | None:
    """A text that looks like a phone number and like nothing else; whether it is one is decided where it is used."""
    plain = text(value, 100)
    return plain if plain and _LIKE_A_PHONE.fullmatch(plain) else None


def asks_for_phone(*words: Any) -> bool:
    """Whether a question, or the name of a field, is about a phone number."""
    return any(isinstance(one, str) and _ABOUT_A_PHONE.search(one) for one in words)


def first(*values: Any) -> Any:
    """The first of the values that is one."""
    return next((value for value in values if value not in (None, "")), None)


def mapping(value: Any) -> Mapping[str, Any]:
    """An object of JSON; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A list of JSON; an empty one for anything else."""
    return value if isinstance(value, list) else []


__all__ = ["asks_for_phone", "first", "items", "mapping", "moment", "phone_in", "text", "uid", "units", "url"]
