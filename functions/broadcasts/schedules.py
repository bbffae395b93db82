"""What a schedule is: when an automation runs, as plain values without a database.

Of the files beside it, those in the plural are pure, and those in the singular work on the rows of one schedule:

    schedules_read    makes these values of what a caller sends
    schedules_days    the days on which runs may be, by the recurrence alone
    schedules_next    the rules that move or drop them, and the answer to "when next"
    schedule_records  reads the rows as these values, and keeps the next run in them
    schedule_edits    changes by hand: the API calls it
    schedule_runs     the timer, which begins an execution for each run that is due (`running_start`)
    schedule_failures sets one aside that fails then, as a stopped event
    schedule_replays  puts it back in force when that is replayed

docs/schedules.md says what the rules mean.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from functions.broadcasts.cron import Cron

SATURDAY = 5


class Recurrence(StrEnum):
    """How a schedule recurs."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    CRON = "cron"
    CUSTOM = "custom"


class WeekendPolicy(StrEnum):
    """What becomes of a run on a weekend or holiday: it is left out, or taken to the working day before or after."""

    SKIP = "skip"
    BEFORE = "before"
    AFTER = "after"


class ExceptionType(StrEnum):
    """What an exception does to the runs in its span."""

    SKIP = "skip"
    RESCHEDULE = "reschedule"
    MODIFY = "modify"


class ScheduleError(ValueError):
    """A schedule that cannot be taken. `code` is stable (`never`, `invalid-cron`); the text says what to change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Window:
    """Hours of the day, both ends included; over midnight where `start` is later than `end`."""

    start: time
    end: time

    def holds(self, at: time) -> bool:
        """Whether a time of day lies in it."""
        if self.start <= self.end:
            return self.start <= at <= self.end
        return at >= self.start or at <= self.end


@dataclass(frozen=True)
class Span:
    """An exception: what happens to the runs from `first` to `last`, both included, in UTC.

    `to`: where a reschedule takes them. `config`: what a modify changes for them.
    """

    kind: ExceptionType
    first: datetime
    last: datetime
    to: datetime | None = None
    config: Mapping[str, Any] = field(default_factory=dict)

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.first <= moment <= self.last


@dataclass(frozen=True)
class Calendar:
    """What the house knows of days: public holidays (anything that answers `in` for a date), and where a week begins, 0-6."""

    holidays: Collection[date] = ()
    week_start: int = 0


@dataclass(frozen=True)
class Schedule:
    """When an automation runs. Dates and times are those of the clock on the wall in `zone`.

    `interval`, `days` (0 is Monday), `day`, `cron` and `dates` are what its recurrence needs; `dates` are naive walls, with
    `fold` where an offset has said that the second of two equal times is meant. `end`: the last instant that still counts.
    """

    recurrence: Recurrence
    start_day: date
    start_time: time
    zone: ZoneInfo
    end: datetime | None = None
    interval: int = 1
    days: frozenset[int] = frozenset()
    day: int = 1
    cron: Cron | None = None
    dates: tuple[datetime, ...] = ()
    window: Window | None = None
    blackout: frozenset[date] = frozenset()
    skip_weekends: bool = True
    skip_holidays: bool = True
    weekend_policy: WeekendPolicy = WeekendPolicy.SKIP
    calendar: Calendar = field(default_factory=Calendar)

    @property
    def start(self) -> datetime:
        """The first possible run, as a naive wall time."""
        return datetime.combine(self.start_day, self.start_time)

    def closed(self, day: date) -> tuple[str, ...]:
        """Why a day is no day for a run: `weekend`, `holiday`, both, or neither."""
        is_weekend = self.skip_weekends and day.weekday() >= SATURDAY
        is_holiday = self.skip_holidays and day in self.calendar.holidays
        return ("weekend",) * is_weekend + ("holiday",) * is_holiday


@dataclass(frozen=True)
class Run:
    """A run to come. `at` is in the schedule's zone; `why`: what moved it, in order; `config`: what exceptions change for it.

    `warning`: an exception has put it on a day on which the schedule itself has no runs.
    """

    at: datetime
    why: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    warning: str | None = None


@dataclass(frozen=True)
class Dropped:
    """A run that does not take place: when it would have been, why, and where a reschedule has taken it."""

    at: datetime
    why: tuple[str, ...]
    to: datetime | None = None


@dataclass(frozen=True)
class Preview:
    """The next runs of a schedule, and those that are left out up to the last of them."""

    runs: Sequence[Run]
    dropped: Sequence[Dropped]
