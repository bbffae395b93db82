"""Timer schedules: NCrontab expressions with six fields (or five, without seconds), and time spans. All times are UTC.

Unlike Unix cron, day of month and day of week must BOTH match. Ranges written backwards are swapped, and Sunday is 0 only.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from devhost.hostjson import parse_time_span

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
YEARS_AHEAD = 28 * 15  # the calendar repeats every 400 years; a 29 February on a given weekday comes within 40


class ScheduleError(ValueError):
    """A schedule that the host cannot parse; the text names the part at fault."""


class Schedule(Protocol):
    """When a timer fires."""

    @property
    def more_than_once_a_minute(self) -> bool:
        """Whether the host keeps no status for it."""

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence strictly after `moment`."""


@dataclass(frozen=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: Sequence[str] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("weekday", 0, 6, WEEKDAYS),
)
_ITEM = re.compile(r"(?:(?P<all>\*)|(?P<first>[^-/*]+)(?:-(?P<last>[^-/*]+))?)(?:/(?P<step>\d+))?")


@dataclass(frozen=True)
class Crontab:
    """A parsed expression: for each field the sorted values that match."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: frozenset[int]

    @property
    def more_than_once_a_minute(self) -> bool:
        """True only when nothing but the seconds restricts it, and they leave more than one."""
        everything = (
            len(self.minutes) == 60  # noqa: PLR2004  # every minute
            and len(self.hours) == 24  # noqa: PLR2004  # every hour
            and len(self.days) == 31  # noqa: PLR2004  # every day
            and len(self.months) == 12  # noqa: PLR2004  # every month
            and len(self.weekdays) == 7  # noqa: PLR2004  # every weekday
        )
        return everything and len(self.seconds) > 1

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence strictly after `moment`. Raises ScheduleError when no day of the calendar ever matches."""
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        today = self._time_on_or_after(start.hour, start.minute, start.second) if self._is_day(start) else None
        if today:
            return start.replace(hour=today[0], minute=today[1], second=today[2])
        day = self._day_after(start)
        return day.replace(hour=self.hours[0], minute=self.minutes[0], second=self.seconds[0])

    def _is_day(self, day: datetime) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _day_after(self, day: datetime) -> datetime:
        last_year = min(day.year + YEARS_AHEAD, 9999)
        day = day.replace(hour=0, minute=0, second=0) + timedelta(days=1)
        while day.year < last_year:
            if day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            elif self._is_day(day):
                return day
            else:
                day += timedelta(days=1)
        raise ScheduleError("no day of the calendar matches this schedule")

    def _time_on_or_after(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        """The first time of day in the schedule that is not before the given one."""
        for candidate_hour in self.hours[bisect_left(self.hours, hour) :]:
            from_minute = minute if candidate_hour == hour else 0
            for candidate_minute in self.minutes[bisect_left(self.minutes, from_minute) :]:
                from_second = second if (candidate_hour, candidate_minute) == (hour, minute) else 0
                left = self.seconds[bisect_left(self.seconds, from_second) :]
                if left:
                    return candidate_hour, candidate_minute, left[0]
        return None


@dataclass(frozen=True)
class EveryTimeSpan:
    """Fires a fixed time after the last run."""

    span: timedelta

    @property
    def more_than_once_a_minute(self) -> bool:
        """Whether the span is shorter than a minute."""
        return self.span < timedelta(minutes=1)

    def next_after(self, moment: datetime) -> datetime:
        """`moment` plus the span."""
        return moment + self.span


def parse_schedule(text: str) -> Schedule:
    """A crontab if it parses as one, else a time span. Raises ScheduleError with what is wrong with the crontab."""
    try:
        return parse_crontab(text)
    except ScheduleError as error:
        try:
            span = parse_time_span(text.strip())
        except ValueError:
            raise error from None
    if not span:
        raise ScheduleError(f"'{text}': a time span of zero never ends")
    return EveryTimeSpan(span)


def parse_crontab(text: str) -> Crontab:
    """Six fields `second minute hour day month weekday`; exactly five means without seconds. Raises ScheduleError."""
    parts = text.split()
    if len(parts) == 5:  # noqa: PLR2004  # the rule of the docstring
        parts = ["0", *parts]
    if len(parts) != len(_FIELDS):
        raise ScheduleError(f"'{text}' has {len(parts)} fields; a timer needs six: second minute hour day month weekday")
    values = [_parse_field(part, field) for part, field in zip(parts, _FIELDS, strict=True)]
    seconds, minutes, hours, days, months, weekdays = (tuple(sorted(chosen)) for chosen in values)
    return Crontab(seconds, minutes, hours, days, months, frozenset(weekdays))


def _parse_field(text: str, field: _Field) -> set[int]:
    chosen: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ScheduleError(f"'{item}' cannot be read as a {field.name}")
        first, last = (field.lowest, field.highest) if match["all"] else _range(match, field)
        step = int(match["step"] or 1)
        if step < 1:
            raise ScheduleError(f"'{item}': a step must be at least 1")
        chosen.update(range(first, last + 1, step))
    return chosen


def _range(match: re.Match[str], field: _Field) -> tuple[int, int]:
    first = _number(match["first"], field)
    if match["last"]:
        last = _number(match["last"], field)
        return min(first, last), max(first, last)
    return first, field.highest if match["step"] else first


def _number(text: str, field: _Field) -> int:
    if text.isdecimal():
        number = int(text)
    else:
        # By any prefix of a name, the first that fits: J is January, T is Tuesday.
        found = [index for index, name in enumerate(field.names) if name.lower().startswith(text.lower())]
        if not found:
            raise ScheduleError(f"'{text}' is not a {field.name}")
        number = found[0] + field.lowest
    if not field.lowest <= number <= field.highest:
        raise ScheduleError(f"{number} is outside {field.lowest}..{field.highest} for the {field.name}")
    return number
