"""Dates and times: an instant in UTC, a day without a time, or the reason why a field is left out.

No time is made up for a day, and no day is rolled over into the next month. A text without an offset is local time in
`zone`; two readings leave the field out. What holds parts of a date (a weekday, a year, an hour) is no date.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from math import isfinite
from typing import Any, Literal
from zoneinfo import ZoneInfo

from shared.readers import UnreadableError
from shared.readers.date_words import MONTHS, day_offset, is_unset, weekday
from shared.readers.nothing import FieldKind, is_nothing
from shared.readers.regex import regex
from shared.readers.signs import folded, one_line
from shared.readers.times_of_day import clock_of, time_and_zone, unambiguous_hour, zone_name

Order = Literal["DMY", "MDY", "YMD", "unknown"]
FIRST_YEAR, LAST_YEAR = 1900, 2199
LONGEST = 100  # characters of a text that may be a date
CENTURY_TURN = 69  # two-digit years from here on are of the last century (POSIX)
_SHEET_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  # a sheet's local day 0
_SHEET_DAYS = 110_000
_EMPTY_DAYS = frozenset({(0, 0, 0), (1, 1, 1), (1899, 12, 30), (1899, 12, 31), (1900, 1, 0)})
_EPOCH = (3 * 10**8, 41 * 10**8)  # seconds: from 1979 to 2099, so that each count has one unit
_UNITS = tuple((_EPOCH[0] * unit, _EPOCH[1] * unit, unit) for unit in (1, 10**3, 10**6, 10**9))

_DOTNET = regex(r"/date\((-?\d+)([+-]\d{4})?\)/")
_COMPACT = regex(r"(\d{4})(\d{2})(\d{2})(?:[t ]?(\d{2})(\d{2})(\d{2})?)?(?=z|[+-]|$| )")
_WEEK = regex(r"(\d{4})-?w(\d{2})-?([1-7])")
_YMD = regex(r"(?<!\d)(\d{4})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{1,2})(?!\d)")
_NUMERIC = regex(r"(?<!\d)(\d{1,2})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{4}|\d{2})(?!\d)")
_MONTH = "(" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\b\.?"
_SEP = r"(?:\s*[-/.,]\s*|\s+(?:de\s+|del\s+|of\s+)?)"
_DAY_MONTH = regex(rf"(?<!\d)(\d{{1,2}})(?:o|st|nd|rd|th|\.)?{_SEP}{_MONTH}{_SEP}(\d{{4}}|'?\d{{2}})(?![\d:])")
_MONTH_DAY = regex(rf"\b{_MONTH}\s*(\d{{1,2}})(?:st|nd|rd|th)?(?:\s*,\s*|\s+)(\d{{4}})(?!\d)")
_COMMENT = regex(r"\s*\([^()]*\)$")
_NAMED_AFTER_Z = regex(r"(?<=[Zz])\[[A-Za-z_]+(?:/[A-Za-z_]+)*\]$")  # Java's: 10:30Z[UTC]
_FILLER = regex(r"^(?:el|dia|on|,|\s)+|[\s,]+$")


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is known of where a text comes from."""

    zone: tzinfo
    order: Order
    birth: bool
    now: datetime | None


def read(
    value: Any,
    *,
    wanted: Literal["instant", "day"] = "instant",
    zone: str | tzinfo = UTC,
    order: Order = "DMY",
    sheet: bool = False,
    birth: bool = False,
    now: datetime | None = None,
    sent_at: datetime | None = None,
) -> datetime | date:
    """An aware datetime in UTC, or a bare day: for a field that wants a day, and where the text names no time.

    `zone` is that of texts without an offset; `sheet` allows serial days; `birth` is a day in the past, as of `now`;
    `sent_at` is the time of the message whose "mañana a las 17:00" this is.

    Raises:
        UnreadableError: with why the field is left out.
    """
    place = ZoneInfo(zone) if isinstance(zone, str) else zone
    context = _Reading(place, order, birth, now)
    moment = _read(value, context, sheet=sheet, sent_at=sent_at)
    _check_range(moment, context)
    if isinstance(moment, datetime):
        return _day_of(moment, place) if wanted == "day" else _utc(moment, place)
    return moment


def read_instant(value: Any, *, zone: str | tzinfo = UTC, order: Order = "DMY", sheet: bool = False) -> datetime:
    """An instant in UTC. Raises UnreadableError: also `no time` for a bare day, since none is made up."""
    found = read(value, zone=zone, order=order, sheet=sheet)
    if not isinstance(found, datetime):
        raise UnreadableError("no time")
    return found


def read_day(value: Any, *, zone: str | tzinfo = UTC, order: Order = "DMY", sheet: bool = False) -> date:
    """A day, of the local calendar in `zone`. Raises UnreadableError."""
    found = read(value, wanted="day", zone=zone, order=order, sheet=sheet)
    return found.date() if isinstance(found, datetime) else found


def day_readings(value: Any, *, zone: str | tzinfo = UTC, order: Order = "DMY") -> list[date]:
    """Every day that a text may mean, that of `order` first: for a caller that proves which of them is meant.

    Raises:
        UnreadableError: it is no day.
    """
    first = read_day(value, zone=zone, order=order)
    try:
        read_day(value, zone=zone, order="unknown")
    except UnreadableError as error:
        return [first, *(day for text in error.found if (day := date.fromisoformat(text)) != first)]
    return [first]


def _read(value: Any, context: _Reading, *, sheet: bool, sent_at: datetime | None) -> datetime | date:
    if isinstance(value, datetime | date):
        return value
    if isinstance(value, bool) or value is None:
        raise UnreadableError("nothing")
    if isinstance(value, int | float):
        return _number(_digits(value), sheet=sheet)
    if len(str(value)) > LONGEST:
        raise UnreadableError("not a date")
    plain = folded(str(value))
    if is_nothing(plain, FieldKind.LABEL) or is_unset(one_line(str(value))):
        raise UnreadableError("nothing")
    if re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?", plain):
        return _number(plain, sheet=sheet)
    return _text(plain, context, sent_at)


def _digits(value: float) -> str:
    """A JSON number without an exponent. Raises UnreadableError where it is beyond every unit of time."""
    if abs(value) >= _UNITS[-1][1] or not isfinite(value):  # in this order: an integer may be too large for a float
        raise UnreadableError("unknown unit")
    return format(Decimal(repr(value)), "f")


def _number(plain: str, *, sheet: bool) -> datetime | date:
    whole, _, rest = plain.replace(",", ".").partition(".")
    amount = int(whole)
    if amount == 0:
        raise UnreadableError("nothing")
    if sheet and 0 < amount < _SHEET_DAYS:
        seconds = round(float(f"0.{rest or 0}") * 86_400)
        day = _SHEET_EPOCH + timedelta(days=amount, seconds=seconds)
        return day if seconds else day.date()
    if len(whole) == 14 and not rest:  # noqa: PLR2004
        return _compact(whole)
    if len(whole) == 8 and not rest:  # noqa: PLR2004
        return _day(int(whole[:4]), int(whole[4:6]), int(whole[6:]))
    for least, most, per_second in _UNITS:
        if least <= amount < most:
            return datetime.fromtimestamp(amount // per_second, UTC) + timedelta(
                microseconds=amount % per_second * 10**6 // per_second
            )
    raise UnreadableError("incomplete" if 1900 <= amount < 2200 else "unknown unit")  # noqa: PLR2004


def _text(plain: str, context: _Reading, sent_at: datetime | None) -> datetime | date:
    if found := _DOTNET.fullmatch(plain):
        return _number(found[1].lstrip("-"), sheet=False)
    zone_text, rest = zone_name(_NAMED_AFTER_Z.sub("", _COMMENT.sub("", plain)))
    day, before, after = _find_day(rest, context, sent_at)
    _no_second_day(f"{before} {after}")
    clock, zone, left = time_and_zone(f"{before}  {after}".strip() if not after.strip() else after, zone_text)
    left = f"{before} {left}" if after.strip() else left
    left = _check_weekday(left, day)
    if _FILLER.sub("", left.strip()):
        raise UnreadableError("unknown zone" if clock is not None else "not a date")
    if clock is None:
        return day
    return _joined(day, clock, zone)


def _joined(day: date, clock: tuple[time, bool], zone: tzinfo | None) -> datetime:
    moment, next_day = clock
    joined = datetime.combine(day, moment, tzinfo=zone)
    return joined + timedelta(days=1) if next_day else joined


def _find_day(rest: str, context: _Reading, sent_at: datetime | None) -> tuple[date, str, str]:
    """The day that a text names, and what stands before and after it."""
    if found := _WEEK.search(rest):
        try:
            day = date.fromisocalendar(int(found[1]), int(found[2]), int(found[3]))
        except ValueError as error:
            raise UnreadableError("no such day") from error
        return day, rest[: found.start()], rest[found.end() :]
    if found := _COMPACT.match(rest):
        clock = f"t{found[4]}:{found[5]}:{found[6] or '00'}" if found[4] else ""
        return _day(int(found[1]), int(found[2]), int(found[3])), "", clock + rest[found.end() :]
    for pattern, pick in (
        (_YMD, _from_ymd),
        (_DAY_MONTH, _from_day_month),
        (_MONTH_DAY, _from_month_day),
        (_NUMERIC, _from_numeric),
    ):
        if found := pattern.search(rest):
            return pick(found, context), rest[: found.start()], rest[found.end() :]
    if found := re.fullmatch(rf"(?:[a-z]+,? )?{_MONTH} (\d{{1,2}}) (\d{{1,2}}:.*) (\d{{4}})", rest):  # C's ctime
        return _day(int(found[4]), MONTHS[found[1]], int(found[2])), "", found[3]
    if sent_at is not None and (relative := day_offset(rest)):
        days, left = relative
        return (sent_at.astimezone(context.zone) + timedelta(days=days)).date(), "", unambiguous_hour(left)
    raise UnreadableError(
        "incomplete" if re.search(r"\d", rest) or weekday(rest) is not None or day_offset(rest) else "not a date"
    )


def _from_ymd(found: re.Match[str], _context: _Reading) -> date:
    return _day(int(found[1]), int(found[2]), int(found[3]))


def _from_day_month(found: re.Match[str], context: _Reading) -> date:
    return _day(_year(found[3].lstrip("'"), context), MONTHS[found[2]], int(found[1]))


def _from_month_day(found: re.Match[str], context: _Reading) -> date:
    return _day(_year(found[3], context), MONTHS[found[1]], int(found[2]))


def _from_numeric(found: re.Match[str], context: _Reading) -> date:
    first, second, last = found[1], found[2], found[3]
    readings = {"DMY": (last, second, first), "MDY": (last, first, second)}
    if len(last) == 2:  # noqa: PLR2004
        readings["YMD"] = (first, second, last)
    if context.order != "unknown":
        others = [name for name in readings if name not in (context.order, "YMD")]
        for name in (context.order, *others):  # written against the known order, where only that can be
            if name in readings and (day := _maybe_day(readings[name], context)):
                return day
        raise UnreadableError("no such day")
    days = {day for parts in readings.values() if (day := _maybe_day(parts, context))}
    if len(days) != 1:
        raise UnreadableError(
            "ambiguous" if days else "no such day", found=sorted(day.isoformat() for day in days), ask=bool(days)
        )
    return days.pop()


def _maybe_day(parts: tuple[str, str, str], context: _Reading) -> date | None:
    try:
        return _day(_year(parts[0], context), int(parts[1]), int(parts[2]))
    except UnreadableError as error:
        if error.reason == "nothing":
            raise
        return None


def _year(text: str, context: _Reading) -> int:
    year = int(text)
    if len(text) == 4:  # noqa: PLR2004
        return year
    full = year + (1900 if year >= CENTURY_TURN else 2000)
    return full - 100 if context.birth and context.now and full > context.now.year else full


def _day(year: int, month: int, day: int) -> date:
    if (year, month, day) in _EMPTY_DAYS:
        raise UnreadableError("nothing")
    try:
        return date(year, month, day)
    except ValueError as error:
        raise UnreadableError("no such day") from error


def _compact(digits: str) -> datetime:
    day = _day(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    clock, _ = clock_of(int(digits[8:10]), int(digits[10:12]), int(digits[12:]), 0)
    return datetime.combine(day, clock)


def _no_second_day(left: str) -> None:
    for pattern in (_YMD, _NUMERIC, _DAY_MONTH, _MONTH_DAY):
        if pattern.search(left):
            raise UnreadableError("two dates", ask=True)


def _check_weekday(left: str, day: date) -> str:
    """What is left without the names of weekdays. Raises UnreadableError where one contradicts the day."""
    kept = []
    for word in re.split(r"[\s,]+", left):
        number = weekday(word)
        if number is None:
            kept.append(word)
        elif number != day.weekday():
            raise UnreadableError("weekday contradicts", ask=True)
    return " ".join(kept)


def _check_range(moment: datetime | date, context: _Reading) -> None:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise UnreadableError("out of range")
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=context.zone)
        if aware == datetime(1970, 1, 1, tzinfo=UTC):
            raise UnreadableError("nothing")
    if context.birth and context.now and _as_day(moment, context) > context.now.astimezone(context.zone).date():
        raise UnreadableError("in the future")


def _as_day(moment: datetime | date, context: _Reading) -> date:
    return _day_of(moment, context.zone) if isinstance(moment, datetime) else moment


def _day_of(moment: datetime, zone: tzinfo) -> date:
    """The local day; midnight UTC is what a date picker writes for the day itself."""
    if moment.tzinfo is None:
        return moment.date()
    in_utc = moment.astimezone(UTC)
    return in_utc.date() if in_utc.time() == time(0) else moment.astimezone(zone).date()


def _utc(moment: datetime, zone: tzinfo) -> datetime:
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    local = moment.replace(tzinfo=zone)
    found = local.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != moment:
        raise UnreadableError("no such local time")
    if local.replace(fold=1).astimezone(UTC) != found:
        raise UnreadableError("ambiguous", ask=True)
    return found
