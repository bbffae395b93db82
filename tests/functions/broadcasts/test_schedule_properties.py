"""What holds for every schedule: it answers strictly later, ends, and gives the same answer from wherever it is asked."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.broadcasts import cron, schedules_next, schedules_read, wall_time
from functions.broadcasts.schedules import Calendar, Schedule, Span

ZONES = ("America/Mexico_City", "America/New_York", "America/Santiago", "Europe/Madrid", "Australia/Lord_Howe", "UTC")
DAYS = st.dates(date(2026, 9, 1), date(2027, 12, 31))
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
FIELDS = (
    st.sampled_from(["0", "*/20", "*/7", "5-50/9", "30"]),
    st.sampled_from(["*", "9", "1-3", "22-2", "*/5", "2"]),
    st.sampled_from(["*", "13", "29", "31", "*/9", "1-3"]),
    st.sampled_from(["*", "2", "MAR,NOV", "4-10"]),
    st.sampled_from(["*", "5", "MON-FRI", "SAT,SUN", "6-1"]),
)
EXPRESSIONS = st.tuples(*FIELDS).map(" ".join)


@st.composite
def recurring(draw: st.DrawFn) -> dict[str, Any]:
    """The recurrence of a schedule, whatever its kind."""
    kind = draw(st.sampled_from(["once", "daily", "weekly", "monthly", "cron", "custom"]))
    configs: dict[str, st.SearchStrategy[dict[str, Any]]] = {
        "once": st.just({}),
        "daily": st.fixed_dictionaries({"interval": st.integers(1, 40)}),
        "weekly": st.fixed_dictionaries(
            {
                "interval": st.integers(1, 5),
                "days": st.lists(st.sampled_from(schedules_read.WEEKDAYS), min_size=1, max_size=4),
            }
        ),
        "monthly": st.fixed_dictionaries({"interval": st.integers(1, 7), "day": st.integers(1, 31)}),
        "cron": st.fixed_dictionaries({"expression": EXPRESSIONS}),
        "custom": st.fixed_dictionaries({"dates": st.lists(st.builds(datetime.combine, DAYS, TIMES), min_size=1, max_size=9)}),
    }
    return {"recurrence_type": kind, "recurrence_config": draw(configs[kind])}


@st.composite
def schedules(draw: st.DrawFn) -> tuple[Schedule, tuple[Span, ...]]:
    """A schedule of any kind with rules and exceptions of any kind."""
    fields = draw(recurring()) | {
        "start_date": draw(DAYS),
        "start_time": draw(TIMES),
        "end_date": draw(st.none() | DAYS),
        "execution_timezone": draw(st.sampled_from(ZONES)),
        "skip_weekends": draw(st.booleans()),
        "skip_holidays": draw(st.booleans()),
        "weekend_policy": draw(st.sampled_from([None, "skip", "before", "after"])),
        "blackout_dates": draw(st.lists(DAYS, max_size=5)),
    }
    if draw(st.booleans()):
        fields |= {"execution_window_start": draw(TIMES), "execution_window_end": draw(TIMES)}
    calendar = Calendar(draw(st.frozensets(DAYS, max_size=6)), draw(st.integers(0, 6)))
    schedule = schedules_read.schedule(fields, calendar)
    kinds = st.sampled_from(["skip", "reschedule", "modify"])
    spans = st.lists(st.tuples(kinds, DAYS, st.integers(0, 20), st.builds(datetime.combine, DAYS, TIMES)), max_size=3)
    items = [
        {
            "exception_type": kind,
            "start_date": day,
            "end_date": day + timedelta(days=length),
            "rescheduled_to": to,
            "modified_config": {"rate_limit_per_hour": length + 1},
        }
        for kind, day, length, to in draw(spans)
    ]
    return schedule, schedules_read.exceptions(items, schedule.zone)


MOMENTS = st.datetimes(datetime(2026, 8, 1), datetime(2028, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


@settings(max_examples=150, deadline=None)
@given(schedules(), MOMENTS)
def test_each_run_is_strictly_later(made: tuple[Schedule, tuple[Span, ...]], moment: datetime) -> None:
    """Asked at a moment, and again at each answer, time only moves forward; a preview says the same runs."""
    schedule, exceptions = made
    found, at = [], moment
    while len(found) < 6 and (run := schedules_next.next_after(schedule, exceptions, at)) is not None:
        assert run.at.astimezone(UTC) > at.astimezone(UTC)
        found.append(run)
        at = run.at
    assert list(schedules_next.preview(schedule, exceptions, moment, 6).runs) == found


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(schedules(), MOMENTS)
def test_answer_does_not_depend_on_where_the_search_begins(made: tuple[Schedule, tuple[Span, ...]], moment: datetime) -> None:
    """The next run from the middle is the one that a reader of all runs from the start finds."""
    schedule, exceptions = made
    everything = schedules_next.preview(schedule, exceptions, datetime(2026, 1, 1, tzinfo=UTC), 60).runs
    if len(everything) == 60 and everything[-1].at <= moment:
        return
    first = next((run for run in everything if run.at > moment), None)
    assert schedules_next.next_after(schedule, exceptions, moment) == first


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ZONES), TIMES, st.integers(1, 3))
def test_wall_time_is_kept_over_both_changes_of_clocks(zone: str, at: time, interval: int) -> None:
    """A daily run comes once on each of its days, at its wall time, or later by the gap where that time does not exist."""
    fields = {"recurrence_type": "daily", "recurrence_config": {"interval": interval}, "start_date": "2026-09-01"}
    fields |= {"start_time": at, "execution_timezone": zone, "skip_weekends": False, "skip_holidays": False}
    schedule = schedules_read.schedule(fields)
    runs = schedules_next.preview(schedule, (), datetime(2026, 8, 1, tzinfo=UTC), 400).runs
    assert [run.at.date() for run in runs] == [date(2026, 9, 1) + timedelta(days=number * interval) for number in range(400)]
    for run in runs:
        wall = datetime.combine(run.at.date(), at)
        assert (run.at.time() == at) == (not wall_time.is_skipped(wall, schedule.zone)) == (run.why == ())
        assert run.at.fold == 0


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.sampled_from([5, 10, 15, 20, 30]), DAYS)
def test_rhythm_follows_the_minutes_that_pass(zone: str, minutes: int, day: date) -> None:
    """A cron that names no hour comes each so many minutes, whatever the clocks on the wall do."""
    fields = {"recurrence_type": "cron", "recurrence_config": {"expression": f"*/{minutes} * * * *"}, "start_date": day}
    fields |= {"start_time": "00:00:00", "execution_timezone": zone, "skip_weekends": False, "skip_holidays": False}
    runs = schedules_next.preview(schedules_read.schedule(fields), (), datetime(2026, 8, 1, tzinfo=UTC), 300).runs
    moments = [run.at.astimezone(UTC) for run in runs]  # within one zone Python would subtract the walls
    assert {later - moment for moment, later in pairwise(moments)} == {timedelta(minutes=minutes)}


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS, DAYS)
def test_cron_agrees_with_a_reader_of_every_minute(expression: str, day: date) -> None:
    """The times of three days are those that a test of each minute, written apart, finds."""
    read = cron.read(expression)
    for number in range(3):
        today = day + timedelta(days=number)
        ours = list(read.times) if read.fits(today) else []
        assert [(at.hour, at.minute) for at in ours] == [
            (hour, minute) for hour in range(24) for minute in range(60) if _fits(expression, today, hour, minute)
        ]


def _fits(expression: str, day: date, hour: int, minute: int) -> bool:
    fields = expression.split()
    in_month, in_week = _has(fields[2], day.day, 31), _has(fields[4], day.isoweekday() % 7, 6)
    days = (in_month or in_week) if fields[2] != "*" and fields[4] != "*" else (in_month and in_week)
    return days and _has(fields[0], minute, 59) and _has(fields[1], hour, 23) and _has(fields[3], day.month, 12)


def _has(field: str, value: int, greatest: int) -> bool:
    names = {"JAN": 1, "MAR": 3, "NOV": 11, "SUN": 0, "MON": 1, "FRI": 5, "SAT": 6}
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = ("0", "-", str(greatest)) if span == "*" else span.partition("-")
        low = names[first] if first in names else int(first)
        high = names[last] if last in names else int(last or low)
        if span == "*" and greatest in (31, 12):
            low = 1
        width = (value - low) if low <= high or value >= low else (value + greatest + 1 - low)
        inside = low <= value <= high if low <= high else (value >= low or value <= high)
        if inside and width % int(step or 1) == 0:
            return True
    return False


def test_both_times_of_a_doubled_hour_are_told_apart() -> None:
    """Asked at the first 01:45 of the autumn night, in the zone itself, the next is the second 01:30 of a rhythm."""
    fields = {"recurrence_type": "cron", "recurrence_config": {"expression": "*/15 * * * *"}, "start_date": "2026-11-01"}
    fields |= {"start_time": "00:00:00", "execution_timezone": "America/New_York", "skip_weekends": False}
    schedule = schedules_read.schedule(fields)
    moment = datetime(2026, 11, 1, 1, 45, tzinfo=schedule.zone)
    run = schedules_next.next_after(schedule, (), moment)
    assert run is not None
    assert (run.at.astimezone(UTC), run.at.fold) == (datetime(2026, 11, 1, 6, tzinfo=UTC), 1)
