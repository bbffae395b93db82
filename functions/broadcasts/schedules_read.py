"""Read a schedule and its exceptions as a caller sends them; what cannot be is refused with a code and a sentence."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from functions.broadcasts import cron, wall_time
from functions.broadcasts.schedules import (
    Calendar,
    ExceptionType,
    Recurrence,
    Schedule,
    ScheduleError,
    Span,
    WeekendPolicy,
    Window,
)
from shared.phrases import phrase

DEFAULT_ZONE = "America/Sao_Paulo"
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
LONGEST_MONTH = 31
FIRST_YEAR, LAST_YEAR = 1970, 9000
MOST_DATES, MOST_INTERVAL = 10_000, 100_000
_DAY_ONLY = re.compile(r"\d{4}-\d\d-\d\d$")


def schedule(fields: Mapping[str, Any], calendar: Calendar | None = None) -> Schedule:
    """The schedule of these fields. Dates and times may be texts or already read; a field that is absent has its default.

    Raises:
        ScheduleError: a field cannot be used; the code says which (`invalid-cron`, `invalid-interval`, ...).
    """
    zone = _zone(fields.get("execution_timezone") or DEFAULT_ZONE)
    recurrence = _member(Recurrence, fields.get("recurrence_type") or Recurrence.ONCE, "invalid-type")
    config = fields.get("recurrence_config") or {}
    start_time = _time(fields.get("start_time"), "invalid-dates")
    end = fields.get("end_date")
    parts = _recurring(recurrence, config, zone, start_time)
    return Schedule(
        recurrence=recurrence,
        start_day=_start_day(fields.get("start_date"), zone),
        start_time=start_time,
        zone=zone,
        end=None if end is None else _last(end, zone, "invalid-dates"),
        window=_window(fields.get("execution_window_start"), fields.get("execution_window_end")),
        blackout=frozenset(_moment(day, "invalid-dates").date() for day in fields.get("blackout_dates") or ()),
        skip_weekends=fields.get("skip_weekends") is not False,
        skip_holidays=fields.get("skip_holidays") is not False,
        weekend_policy=_member(WeekendPolicy, fields.get("weekend_policy") or WeekendPolicy.SKIP, "invalid-policy"),
        calendar=calendar or Calendar(),
        **parts,
    )


def exceptions(items: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> tuple[Span, ...]:
    """The exceptions of a schedule, in their order.

    Raises:
        ScheduleError: `invalid-exception`.
    """
    return tuple(_span(item, zone) for item in items)


def _span(item: Mapping[str, Any], zone: ZoneInfo) -> Span:
    code = "invalid-exception"
    kind = _member(ExceptionType, item.get("exception_type"), code)
    first, last = item.get("start_date"), item.get("end_date")
    if first is None:
        raise ScheduleError(code, "start_date: " + phrase("an exception needs the day on which it begins"))
    day = _day(first, zone, code)
    if last is None:
        day = day or _local(first, zone, code).date()
        begins, ends = wall_time.day_begins(day, zone), wall_time.day_ends(day, zone)
    else:
        begins = wall_time.day_begins(day, zone) if day else _instant(first, zone, code)
        ends = _last(last, zone, code)
    if ends < begins:
        raise ScheduleError(code, "end_date: " + phrase("an exception ends after it begins"))
    target, config = item.get("rescheduled_to"), item.get("modified_config") or {}
    if kind is ExceptionType.RESCHEDULE and target is None:
        raise ScheduleError(code, "rescheduled_to: " + phrase("a reschedule needs the moment to which the run is moved"))
    if not isinstance(config, Mapping):
        raise ScheduleError(code, "modified_config: " + phrase("an object of settings is needed"))
    to = _instant(target, zone, code) if kind is ExceptionType.RESCHEDULE else None
    return Span(kind, begins, ends, to, dict(config) if kind is ExceptionType.MODIFY else {})


def _recurring(recurrence: Recurrence, config: Any, zone: ZoneInfo, start_time: time) -> dict[str, Any]:
    if not isinstance(config, Mapping):
        raise ScheduleError("invalid-type", "recurrence_config: " + phrase("an object is needed"))
    if recurrence is Recurrence.DAILY:
        return {"interval": _interval(config.get("interval"))}
    if recurrence is Recurrence.WEEKLY:
        return {"interval": _interval(config.get("interval", 1)), "days": _weekdays(config.get("days"))}
    if recurrence is Recurrence.MONTHLY:
        day = config.get("day")
        if not isinstance(day, int) or isinstance(day, bool) or not 1 <= day <= LONGEST_MONTH:
            raise ScheduleError("invalid-day", "recurrence_config.day: " + phrase("a day of the month, 1 to 31, is needed"))
        return {"interval": _interval(config.get("interval", 1)), "day": day}
    if recurrence is Recurrence.CRON:
        return {"cron": _cron(config.get("expression"))}
    if recurrence is Recurrence.CUSTOM:
        return {"dates": _dates(config.get("dates"), zone, start_time)}
    return {}


def _interval(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_INTERVAL:
        raise ScheduleError("invalid-interval", "recurrence_config.interval: " + phrase("a whole number from 1 on is needed"))
    return value


def _weekdays(names: Any) -> frozenset[int]:
    texts = [name.upper() for name in names if isinstance(name, str)] if isinstance(names, list | tuple) else []
    if not texts or len(texts) != len(names) or any(name not in WEEKDAYS for name in texts):
        raise ScheduleError(
            "invalid-days", "recurrence_config.days: " + phrase("a list of %(known)s is needed", known=", ".join(WEEKDAYS))
        )
    return frozenset(WEEKDAYS.index(name) for name in texts)


def _cron(expression: Any) -> cron.Cron:
    if not isinstance(expression, str):
        raise ScheduleError(
            "invalid-cron", "recurrence_config.expression: " + phrase("a cron expression of five fields is needed")
        )
    try:
        return cron.read(expression)
    except ValueError as error:
        raise ScheduleError("invalid-cron", f"recurrence_config.expression: {error}") from None


def _dates(values: Any, zone: ZoneInfo, start_time: time) -> tuple[datetime, ...]:
    code = "invalid-dates"
    if not isinstance(values, list | tuple) or not 0 < len(values) <= MOST_DATES:
        raise ScheduleError(code, "recurrence_config.dates: " + phrase("1 to %(most)s dates are needed", most=MOST_DATES))
    walls = [_date(value, zone, start_time) for value in values]
    # Two walls that differ by their fold alone are equal to Python; they are two dates all the same.
    different = {(wall, wall.fold): wall for wall in walls}
    return tuple(different[key] for key in sorted(different))


def _date(value: Any, zone: ZoneInfo, start_time: time) -> datetime:
    """A date that was named, as a naive wall: with its time, else with that of the schedule."""
    moment = _moment(value, "invalid-dates")
    if _is_day_only(value):
        return datetime.combine(moment.date(), start_time)
    return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment.replace(fold=0)


def _start_day(value: Any, zone: ZoneInfo) -> date:
    if value is None:
        raise ScheduleError("invalid-dates", "start_date: " + phrase("the first day is needed"))
    return _day(value, zone) or _local(value, zone, "invalid-dates").date()


def _last(value: Any, zone: ZoneInfo, code: str) -> datetime:
    """The last instant of an end: of its whole day where it is a date or midnight, else the moment itself."""
    day = _day(value, zone, code)
    return wall_time.day_ends(day, zone) if day else _instant(value, zone, code)


def _day(value: Any, zone: ZoneInfo, code: str = "invalid-dates") -> date | None:
    """The day that is meant where a date stands alone or at midnight, as it is written or in the zone; else None."""
    moment = _moment(value, code)
    if moment.time() == wall_time.MIDNIGHT:
        return moment.date()
    local = _local(value, zone, code)
    return local.date() if moment.tzinfo and local.time() == wall_time.MIDNIGHT else None


def _local(value: Any, zone: ZoneInfo, code: str) -> datetime:
    """A moment as a naive wall time of the zone."""
    moment = _moment(value, code)
    return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment


def _instant(value: Any, zone: ZoneInfo, code: str) -> datetime:
    moment = _moment(value, code)
    return moment.astimezone(UTC) if moment.tzinfo else wall_time.instant(moment, zone)


def _moment(value: Any, code: str) -> datetime:
    """A date or moment, of a text or already read; naive where it has no offset."""
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime.combine(value, wall_time.MIDNIGHT)
        else:
            moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ScheduleError(
            code, phrase("%(value)s is no date such as 2027-03-02 or 2027-03-02T10:00:00", value=_quoted(value))
        ) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ScheduleError(
            code,
            phrase("%(value)s: the year is from %(first)s to %(last)s", value=_quoted(value), first=FIRST_YEAR, last=LAST_YEAR),
        )
    return moment


def _quoted(value: Any) -> str:
    return repr(str(value)[:60])


def _is_day_only(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_DAY_ONLY.match(value.strip()))
    return not isinstance(value, datetime)


def _window(start: Any, end: Any) -> Window | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise ScheduleError("invalid-window", phrase("execution_window_start and execution_window_end come together"))
    return Window(_time(start, "invalid-window"), _time(end, "invalid-window"))


def _time(value: Any, code: str) -> time:
    try:
        found = value if isinstance(value, time) else time.fromisoformat(value)
    except (TypeError, ValueError):
        raise ScheduleError(code, phrase("%(value)s is no time such as 09:30:00", value=_quoted(value))) from None
    return found.replace(tzinfo=None)


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):  # KeyError: unknown; OSError: the name is a folder
        raise ScheduleError(
            "invalid-zone", "execution_timezone: " + phrase("%(name)s is no time zone", name=_quoted(name))
        ) from None


def _member[E: (Recurrence, WeekendPolicy, ExceptionType)](kind: type[E], value: Any, code: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise ScheduleError(
            code, phrase("%(value)s is not one of %(known)s", value=_quoted(value), known=", ".join(kind))
        ) from None
