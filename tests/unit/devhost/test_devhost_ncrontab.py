"""Timer schedules: the grammar of NCrontab, and next occurrences against a brute-force search."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devhost.ncrontab import MONTHS, WEEKDAYS, EveryTimeSpan, ScheduleError, parse_crontab, parse_schedule

START = datetime(2026, 11, 20, 10, 30, 15, 250_000, UTC)  # a Friday

RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/5 * * * * *", datetime(2026, 11, 20, 10, 30, 20, tzinfo=UTC)),
        ("15 30 10 * * *", datetime(2026, 11, 21, 10, 30, 15, tzinfo=UTC)),  # this very second has begun: strictly after
        ("0 */15 * * * *", datetime(2026, 11, 20, 10, 45, tzinfo=UTC)),
        ("*/15 * * * *", datetime(2026, 11, 20, 10, 45, tzinfo=UTC)),  # five fields: no seconds
        ("0 0 9 * * 1-5", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("0 0 9 * * Mon-Fri", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("0 0 9 * jan,DECEMBER *", datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("0 0 0 * J *", datetime(2027, 1, 1, tzinfo=UTC)),  # the first name that fits a prefix
        ("0 0 0 13 * 5", datetime(2027, 8, 13, tzinfo=UTC)),  # both must match: the next Friday the 13th
        ("0 0 0 31 * *", datetime(2026, 12, 31, tzinfo=UTC)),  # short months are skipped
        ("0 0 0 29 2 *", datetime(2028, 2, 29, tzinfo=UTC)),
        ("0 0 0 29 2 0", datetime(2032, 2, 29, tzinfo=UTC)),
        ("0 0 22-2 * * *", datetime(2026, 11, 20, 11, tzinfo=UTC)),  # a range written backwards is swapped: 2 to 22
        ("0 50/4 * * * *", datetime(2026, 11, 20, 10, 50, tzinfo=UTC)),  # a/n runs to the end of the field
        ("0 10-20/5 * * * *", datetime(2026, 11, 20, 11, 10, tzinfo=UTC)),
        ("30,45 31 10 * * *", datetime(2026, 11, 20, 10, 31, 30, tzinfo=UTC)),
    ],
)
def test_next_occurrence(expression: str, expected: datetime) -> None:
    """Each form of the grammar gives the time that the real host gives."""
    assert parse_crontab(expression).next_after(START) == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 0 9 * * 7", "outside 0..6"),
        ("0 0 24 * * *", "outside 0..23"),
        ("0 0 0 0 * *", "outside 1..31"),
        ("0 0 0 ? * *", "is not a day"),
        ("0 0 0 L * *", "is not a day"),
        ("0 0 0 * * 1#2", "is not a weekday"),
        ("0 0 0 * Foo *", "is not a month"),
        ("@daily", "has 1 fields"),
        ("* * * *", "has 4 fields"),
        ("0 0 0 1 1 * 2026", "has 7 fields"),
        ("0 */0 * * * *", "at least 1"),
        ("0 5- * * * *", "cannot be read as a minute"),
        ("0 , * * * *", "cannot be read as a minute"),
        ("0 0 0 -5 * *", "cannot be read as a day"),
        ("", "has 0 fields"),
    ],
)
def test_what_the_host_rejects(expression: str, reason: str) -> None:
    """Forms that other crons know, and nonsense, are refused with the part at fault."""
    with pytest.raises(ScheduleError, match=reason):
        parse_schedule(expression)


def test_a_day_that_never_comes() -> None:
    """30 February has no next occurrence, and the search for it ends."""
    with pytest.raises(ScheduleError, match="no day"):
        parse_crontab("0 0 0 30 2 *").next_after(START)


def test_time_spans_are_tried_after_crontabs() -> None:
    """`hh:mm:ss` is a constant interval; zero would never end."""
    schedule = parse_schedule("01:30:00")
    assert schedule == EveryTimeSpan(timedelta(minutes=90))
    assert schedule.next_after(START) == START + timedelta(minutes=90)
    with pytest.raises(ScheduleError, match="zero"):
        parse_schedule("00:00:00")


@pytest.mark.parametrize(
    ("expression", "often"),
    [
        ("*/10 * * * * *", True),
        ("0 * * * * *", False),
        ("0,30 * * * * *", True),
        ("*/10 0 * * * *", False),
        ("* * * * *", False),
        ("00:00:59", True),
        ("00:01:00", False),
    ],
)
def test_which_schedules_keep_no_status(expression: str, often: bool) -> None:  # noqa: FBT001  # a column of the table
    """Only those that fire more than once in every minute."""
    assert parse_schedule(expression).more_than_once_a_minute is often


def items(lowest: int, highest: int) -> st.SearchStrategy[str]:
    """Any list of values, ranges and steps that a field may hold."""
    number = st.integers(lowest, highest).map(str)
    span = st.tuples(number, number).map("-".join)
    stepped = st.tuples(st.one_of(st.just("*"), number, span), st.integers(1, 70).map(str)).map("/".join)
    return st.lists(st.one_of(st.just("*"), number, span, stepped), min_size=1, max_size=3).map(",".join)


expressions = st.tuples(*(items(*bounds) for bounds in RANGES)).map(" ".join)
moments = st.datetimes(datetime(1999, 1, 1), datetime(2101, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds are naive


def allowed(field: str, lowest: int, highest: int) -> list[int]:
    """By the words of the grammar, value by value; shares nothing with the parser."""

    def fits(value: int, item: str) -> bool:
        span, _, step = item.partition("/")
        low, dash, high = span.partition("-")
        if span == "*":
            first, last = lowest, highest
        elif dash:
            first, last = sorted((int(low), int(high)))
        else:
            first, last = int(low), highest if step else int(low)
        return first <= value <= last and (value - first) % int(step or 1) == 0

    return [value for value in range(lowest, highest + 1) if any(fits(value, item) for item in field.split(","))]


def brute_force(expression: str, base: datetime, days: int) -> datetime | None:
    """Look at every day, then at every time of day, for the first that fits after `base`."""
    seconds, minutes, hours, month_days, months, weekdays = (
        allowed(field, *bounds) for field, bounds in zip(expression.split(), RANGES, strict=True)
    )
    midnight = base.replace(hour=0, minute=0, second=0, microsecond=0)
    for day in (midnight + timedelta(days=number) for number in range(days)):
        if day.day in month_days and day.month in months and (day.weekday() + 1) % 7 in weekdays:
            for hour in hours:
                for minute in minutes:
                    for second in seconds:
                        candidate = day.replace(hour=hour, minute=minute, second=second)
                        if candidate > base:
                            return candidate
    return None


@given(expressions, moments)
def test_agrees_with_a_brute_force_search(expression: str, base: datetime) -> None:
    """The next occurrence is the first moment after the base that every field allows: nothing is skipped or invented."""
    expected = brute_force(expression, base, days=800)
    try:
        found = parse_crontab(expression).next_after(base)
    except ScheduleError:
        assert expected is None
    else:
        assert found == expected or (expected is None and found > base + timedelta(days=799))


@given(expressions, moments)
def test_occurrences_only_move_forward(expression: str, base: datetime) -> None:
    """Asking again from an occurrence gives a later one, never the same: no time comes up twice."""
    schedule = parse_crontab(expression)
    try:
        first = schedule.next_after(base)
        second = schedule.next_after(first)
    except ScheduleError:
        return
    assert base < first < second
    assert schedule.next_after(second - timedelta(microseconds=1)) == second


@given(st.integers(0, 11), st.integers(0, 6), st.integers(1, 9))
def test_names_mean_their_numbers(month: int, weekday: int, length: int) -> None:
    """A name cut to any length that is still unique, in any case, stands for its number."""
    name, day = MONTHS[month][:length].upper(), WEEKDAYS[weekday][:length].lower()
    crontab = parse_crontab(f"0 0 0 * {name} {day}")
    assert crontab.months == (next(i for i, m in enumerate(MONTHS, 1) if m.upper().startswith(name)),)
    assert crontab.weekdays == {next(i for i, d in enumerate(WEEKDAYS) if d.lower().startswith(day))}
