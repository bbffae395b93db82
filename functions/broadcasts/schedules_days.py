"""The days on which a schedule may have runs, before window, weekends and exceptions are looked at.

What those drop never shifts the rhythm: days are counted from the start, not from the last run.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby

from functions.broadcasts import wall_time
from functions.broadcasts.schedules import Recurrence, Schedule

ONE_DAY = timedelta(days=1)
LAST_YEAR = 9990
YEARS_AHEAD = 45
"""How far the search for a run goes: 29 February waits eight years around 2100, and longer with weekends in between."""


@dataclass(frozen=True)
class Day:
    """A day with its times, in order. `clamped`: it stands for a day that the month does not have."""

    date: date
    times: tuple[time, ...]
    clamped: bool = False


def days(schedule: Schedule, since: date, until: date) -> Iterator[Day]:
    """The days from `since` to `until` on which the schedule may have runs, in order."""
    if schedule.recurrence is Recurrence.CUSTOM:
        yield from _custom(schedule, since, until)
        return
    since = max(since, schedule.start_day)
    if schedule.recurrence is Recurrence.CRON:
        yield from _cron(schedule, since, until)
    elif schedule.recurrence is Recurrence.MONTHLY:
        yield from _monthly(schedule, since, until)
    else:
        yield from (Day(day, (schedule.start_time,)) for day in _counted(schedule, since, until))


def horizon(schedule: Schedule, since: date) -> date:
    """The last day that a search from `since` on looks at."""
    year = min(max(since, schedule.start_day).year + YEARS_AHEAD, LAST_YEAR)
    last = date(year, 12, 31)
    if schedule.end is None:
        return last
    return min(last, schedule.end.astimezone(schedule.zone).date())


def _counted(schedule: Schedule, since: date, until: date) -> Iterator[date]:
    if schedule.recurrence is Recurrence.ONCE:
        yield from [schedule.start_day] if since <= schedule.start_day <= until else []
        return
    if schedule.recurrence is Recurrence.DAILY:
        step, origin, offsets = schedule.interval, schedule.start_day, [0]
    else:
        back = (schedule.start_day.weekday() - schedule.calendar.week_start) % 7
        step, origin = 7 * schedule.interval, schedule.start_day - timedelta(days=back)
        offsets = sorted((day - schedule.calendar.week_start) % 7 for day in schedule.days)
    number = (since - origin).days // step
    while (first := origin.toordinal() + number * step) <= until.toordinal():
        for offset in offsets:
            day = date.fromordinal(first + offset)
            if since <= day <= until:
                yield day
        number += 1


def _monthly(schedule: Schedule, since: date, until: date) -> Iterator[Day]:
    first = schedule.start_day.year * 12 + schedule.start_day.month - 1
    passed = since.year * 12 + since.month - 1 - first
    number = first + passed // schedule.interval * schedule.interval
    while number // 12 <= until.year:
        year, month = number // 12, number % 12 + 1
        last = monthrange(year, month)[1]
        day = date(year, month, min(schedule.day, last))
        if since <= day <= until:
            yield Day(day, (schedule.start_time,), clamped=schedule.day > last)
        number += schedule.interval


def _cron(schedule: Schedule, since: date, until: date) -> Iterator[Day]:
    cron = schedule.cron
    if cron is None:
        return
    for ordinal in range(since.toordinal(), until.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if not cron.fits(day):
            continue
        times = _passing(schedule, day, cron.times) if cron.is_rhythm else cron.times
        if day == schedule.start_day:
            times = tuple(at for at in times if at >= schedule.start_time)
        if times:
            yield Day(day, times)


def _passing(schedule: Schedule, day: date, times: tuple[time, ...]) -> tuple[time, ...]:
    """The times as they pass on a day: without those that the clocks skip, and both of those that they show twice."""
    if not wall_time.changes_clocks(day, schedule.zone):
        return times
    walls = [datetime.combine(day, at) for at in times]
    once = [wall.time() for wall in walls if not wall_time.is_skipped(wall, schedule.zone)]
    again = [wall.time().replace(fold=1) for wall in walls if wall_time.comes_twice(wall, schedule.zone)]
    return (*once, *again)


def _custom(schedule: Schedule, since: date, until: date) -> Iterator[Day]:
    first = bisect_left(schedule.dates, since, key=datetime.date)
    for day, walls in groupby(schedule.dates[first:], key=datetime.date):
        if day > until:
            return
        yield Day(day, tuple(wall.time() for wall in walls))
