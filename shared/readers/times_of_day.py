"""Times of day and zones in a text that holds a date: the half of `dates` that does not look at days."""

import re
from datetime import time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from shared.readers import UnreadableError
from shared.readers.date_words import ZONES
from shared.readers.regex import regex

NOON = 12
_CLOCK = regex(
    r"(?:\b(?:a las?|as|at)\s+|(?<=\d)t|\bt)?(?<![\d:])(?P<h>\d{1,2})"
    r"(?:(?:[:h]|\.(?=\d\d\b))(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"|(?=\s*(?:[ap]\.?\s?m\b|h|hs|hrs|horas?\b)))"
    r"(?!\d)(?:\s*(?P<ap>[ap]\.?\s?m\b\.?))?(?:\s*(?:h|hs|hrs|horas?)\b\.?)?"
)
_SPOKEN_HOUR = regex(r"\b(?:a las?|as|at)\s+(?P<h>\d{1,2})(?:\s*h)?(?P<part> de la (?:manana|tarde|noche))?$")
_PART_OF_DAY = regex(r"\s*(?:de|por) la (manana|tarde|noche)$")
_OFFSET = regex(r"\s*\(?(?:utc|gmt)?\s*([+-])(\d{1,2}):?(\d{2})?\)?|\s+(\d{2}):(\d{2})$")


def zone_name(plain: str) -> tuple[str, str]:
    """The name of a zone at the end of a text (IANA's), and the rest."""
    found = re.search(r"[\s\[]+([a-z_]+/[a-z_/+\-0-9]+)\]?$", plain)
    return (found[1], plain[: found.start()]) if found else ("", plain)


def time_and_zone(text: str, zone_name: str) -> tuple[tuple[time, bool] | None, tzinfo | None, str]:
    """The time of day that a text names (and whether it is the midnight that ends the day), its zone, and what is left.

    Raises:
        UnreadableError: `no such time`, `unknown zone`.
    """
    found = _CLOCK.search(text)
    if found is None:
        return None, _named_zone(zone_name), text
    after = text[found.end() :]
    hour, minute, second = int(found["h"]), int(found["m"] or 0), int(found["s"] or 0)
    half = (found["ap"] or "")[:1]
    if part := _PART_OF_DAY.match(after):
        half, after = half or ("a" if part[1] == "manana" else "p"), after[part.end() :]
    if half:
        hour = _of_half(hour, half)
    clock = clock_of(hour, minute, second, int((found["f"] or "0").ljust(6, "0")[:6]))
    zone, left = _zone(after)
    return clock, zone or _named_zone(zone_name), text[: found.start()] + left


def _of_half(hour: int, half: str) -> int:
    """The hour by the 24-hour clock; tools also write "18:30 PM"."""
    if half == "p" and NOON < hour < 24:  # noqa: PLR2004
        return hour
    if not 1 <= hour <= NOON:
        raise UnreadableError("no such time")
    return hour % NOON + (NOON if half == "p" else 0)


def clock_of(hour: int, minute: int, second: int, microsecond: int) -> tuple[time, bool]:
    """A time of day; 24:00 is the midnight that ends the day (ISO 8601). Raises UnreadableError: `no such time`."""
    if (hour, minute, second, microsecond) == (24, 0, 0, 0):
        return time(0), True
    try:
        return time(hour, minute, min(second, 59) if second == 60 else second, microsecond), False  # noqa: PLR2004  # a leap second
    except ValueError as error:
        raise UnreadableError("no such time") from error


def _zone(after: str) -> tuple[tzinfo | None, str]:
    plain = after.strip()
    if found := _OFFSET.match(after):
        sign, hours, minutes = (found[1], found[2], found[3] or "0") if found[1] else ("+", found[4], found[5])
        delta = timedelta(hours=int(hours), minutes=int(minutes))
        if delta >= timedelta(hours=15):
            raise UnreadableError("unknown zone")
        return timezone(-delta if sign == "-" else delta), after[found.end() :]
    name = re.match(r"[a-z]+", plain)
    if name and name[0] in ZONES:
        return timezone(timedelta(hours=ZONES[name[0]])), plain[name.end() :]
    return None, after


def _named_zone(name: str) -> tzinfo | None:
    if not name:
        return None
    spelled = "/".join("_".join(part.capitalize() for part in piece.split("_")) for piece in name.split("/"))
    try:
        return ZoneInfo(spelled)
    except (KeyError, ValueError, OSError) as error:
        raise UnreadableError("unknown zone") from error


def unambiguous_hour(left: str) -> str:
    """What is said of the time beside "mañana". Raises UnreadableError where morning and afternoon are both meant by it."""
    if found := _SPOKEN_HOUR.search(left):
        if not found["part"] and 1 <= int(found["h"]) <= NOON:
            raise UnreadableError("ambiguous", ask=True)
        return f"{left[: found.start()]} {found['h']}:00{found['part'] or ''}"
    clock = _CLOCK.search(left)
    if (
        clock
        and not clock["ap"]
        and not _PART_OF_DAY.search(left)
        and 1 <= int(clock["h"]) <= NOON
        and not clock["h"].startswith("0")
    ):
        raise UnreadableError("ambiguous", ask=True)
    return left
