"""Cron expressions of five fields: minute, hour, day of the month, month, day of the week.

Names (`JAN`, `MON`), lists, ranges, steps, and 7 for Sunday. A range may wrap (`FRI-MON`, `22-3`). Where both day fields are
written, a day counts that fits one of them; "written" is anything but `*`, so `*/2` and `1-31` are (as POSIX has it).
"""

from dataclasses import dataclass
from datetime import date, time
from functools import cached_property

from shared.phrases import pattern, phrase

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LONGEST = 200  # characters
SUNDAY_AGAIN = 7
MOST_LISTED = 12  # times of a day that are named one by one
FULL_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
FULL_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True)
class Field:
    """One of the five fields: its name, its least and greatest value, and the names that stand for values from the least on."""

    name: str
    least: int
    greatest: int
    names: tuple[str, ...] = ()

    @property
    def open_end(self) -> int:
        """Where a field goes that names no end: of the days of the week 6, for 7 is Sunday once more."""
        return self.greatest - (self.greatest == SUNDAY_AGAIN)

    @property
    def all(self) -> frozenset[int]:
        """Every value of the field."""
        return frozenset(range(self.least, self.open_end + 1))

    def value(self, text: str) -> int:
        """The value that is written as a number or a name.

        Raises:
            ValueError: it is neither, or outside the field.
        """
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.least
        if not (text.isascii() and text.isdigit()) or not self.least <= (number := int(text[:4])) <= self.greatest:
            raise ValueError(
                phrase(
                    "%(field)s: %(value)s is not from %(least)s to %(most)s",
                    field=self.name,
                    value=repr(text[:20]),
                    least=self.least,
                    most=self.greatest,
                )
            )
        return number

    def values(self, text: str) -> frozenset[int]:
        """All values that a field's text stands for.

        Raises:
            ValueError: it cannot be read.
        """
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def _part(self, text: str) -> list[int]:
        span, slash, step_text = text.partition("/")
        step = _step(self.name, step_text) if slash else 1
        if span == "*":
            return list(range(self.least, self.open_end + 1, step))
        first_text, dash, last_text = span.partition("-")
        first = self.value(first_text)
        if not dash:
            return list(range(first, self.open_end + 1, step)) if slash else [first]
        last = self.value(last_text)
        if self.least <= first <= last:
            return list(range(first, last + 1, step))
        # `MON-SUN`, `22-3`: on to the greatest, and from the least. Sunday is 0 as well as 7, so a week has seven values.
        size = self.open_end - self.least + 1
        return [(value - self.least) % size + self.least for value in range(first, last + size + 1, step)]


def _step(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:4]) < 1:
        raise ValueError(
            phrase("%(field)s: a step is a whole number from 1 on, not %(value)s", field=name, value=repr(text[:20]))
        )
    return int(text[:4])


MINUTE, HOUR = Field(pattern("minute"), 0, 59), Field(pattern("hour"), 0, 23)
MONTH_DAY, MONTH = Field(pattern("day of the month"), 1, 31), Field(pattern("month"), 1, 12, MONTHS)
WEEKDAY = Field(pattern("day of the week"), 0, 7, DAYS)
FIELDS = (MINUTE, HOUR, MONTH_DAY, MONTH, WEEKDAY)


@dataclass(frozen=True)
class Cron:
    """An expression that was read. `month_days`, `weekdays` (0 is Sunday): None where the field is `*`."""

    minutes: frozenset[int]
    hours: frozenset[int]
    month_days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None

    @cached_property
    def times(self) -> tuple[time, ...]:
        """The times of a day that fits, in order."""
        return tuple(time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes))

    @property
    def is_rhythm(self) -> bool:
        """Whether it names no hour: it follows the minutes that pass, and a change of clocks neither adds nor loses one."""
        return self.hours == HOUR.all

    def fits(self, day: date) -> bool:
        """Whether the expression has runs on a day."""
        if day.month not in self.months:
            return False
        in_month = self.month_days is not None and day.day in self.month_days
        in_week = self.weekdays is not None and day.isoweekday() % 7 in self.weekdays
        if self.month_days is None or self.weekdays is None:
            return in_month or in_week or (self.month_days is None and self.weekdays is None)
        return in_month or in_week

    def in_words(self) -> str:
        """What the expression means, for people: "at 09:00, on day 13 of the month or on Friday"."""
        return ", ".join(part for part in (self._times_in_words(), self._days_in_words(), self._months_in_words()) if part)

    def _times_in_words(self) -> str:
        if len(self.times) <= MOST_LISTED:
            return "at " + _listed([f"{at:%H:%M}" for at in self.times])
        minutes = "every minute" if self.minutes == MINUTE.all else f"at {_listed(_ranges(self.minutes))} minutes past the hour"
        return minutes if self.is_rhythm else f"{minutes}, in the hours {_listed(_ranges(self.hours))}"

    def _days_in_words(self) -> str:
        month = None if self.month_days is None else f"on day {_listed(_ranges(self.month_days))} of the month"
        week = None if self.weekdays is None else "on " + _listed([FULL_DAYS[day] for day in sorted(self.weekdays)])
        return " or ".join(part for part in (month, week) if part)

    def _months_in_words(self) -> str:
        return "" if self.months == MONTH.all else "in " + _listed([FULL_MONTHS[month - 1] for month in sorted(self.months)])


def read(expression: str) -> Cron:
    """Read an expression of five fields. One that never comes (30 February) is read; the search for its first run tells.

    Raises:
        ValueError: it has not five fields, or one cannot be read; the text says which.
    """
    texts = expression.split() if len(expression) <= LONGEST else []
    if len(texts) != len(FIELDS):
        raise ValueError(phrase("a cron expression has five fields: minute, hour, day of the month, month, day of the week"))
    minutes, hours, month_days, months, weekdays = (field.values(text) for field, text in zip(FIELDS, texts, strict=True))
    return Cron(
        minutes=minutes,
        hours=hours,
        month_days=None if texts[2] == "*" else month_days,
        months=months,
        weekdays=None if texts[4] == "*" else frozenset(day % SUNDAY_AGAIN for day in weekdays),
    )


def _ranges(values: frozenset[int]) -> list[str]:
    """Numbers with neighbours joined: 1, 2, 3, 7 are `1-3`, `7`."""
    found: list[list[int]] = []
    for value in sorted(values):
        if found and value == found[-1][-1] + 1:
            found[-1].append(value)
        else:
            found.append([value])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in found]


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
