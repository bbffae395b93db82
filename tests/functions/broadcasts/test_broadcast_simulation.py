"""A broadcast on a simulated clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from functions.broadcasts.simulation import Reader, simulate
from shared.messages.windows import Window
from tests.support.examples import examples

START = datetime(2026, 3, 2, 15, tzinfo=UTC)  # a Monday, 9:00 in Mexico City
MEXICO = Window(ZoneInfo("America/Mexico_City"), None, time(20), time(9), frozenset(range(5)))
MADRID = Window(ZoneInfo("Europe/Madrid"), None, time(20), time(9), frozenset(range(5)))


def every(minutes: int, days: int = 30, start: datetime = START) -> object:
    """A slot each so many minutes."""

    def slots(moment: datetime) -> Iterator[datetime]:
        at = moment
        while at <= start + timedelta(days=days):
            yield at
            at += timedelta(minutes=minutes)

    return slots


def test_everybody_goes_at_the_rate() -> None:
    """The first at once; the hours are counted."""
    course = simulate([Reader()] * 25, every(6), START)  # type: ignore[arg-type]
    assert (course.first_at, course.last_at, course.unsent) == (START, START + timedelta(minutes=144), 0)
    assert list(course.hours.values()) == [10, 10, 5]


def test_whose_hours_are_over_waits_and_holds_nobody_up() -> None:
    """In Madrid it is 16:00: open until 20:00, so what is later goes next morning, and others use the slots."""
    people = [Reader(MADRID)] * 30 + [Reader(MEXICO)] * 10
    course = simulate(people, every(10), START)  # type: ignore[arg-type]
    assert course.sent == 40
    assert course.put_off == {"quiet_hours": 6}
    in_madrid = START + timedelta(hours=4)
    assert course.hours[in_madrid] == 6
    assert course.last_at == datetime(2026, 3, 3, 8, 50, tzinfo=UTC)


def test_whose_day_is_full_gets_it_the_next_day() -> None:
    """At the first open minute."""
    course = simulate([Reader(MEXICO, is_capped=True), Reader(MEXICO)], every(10), START)  # type: ignore[arg-type]
    assert course.first_at == START
    assert course.last_at == datetime(2026, 3, 3, 15, tzinfo=UTC)
    assert course.put_off == {"daily_cap": 1}


def test_weekend_is_waited_for() -> None:
    """What does not fit on Friday goes on Monday."""
    friday = datetime(2026, 3, 7, 1, 50, tzinfo=UTC)  # 19:50 in Mexico
    course = simulate([Reader(MEXICO)] * 3, every(6, start=friday), friday)  # type: ignore[arg-type]
    assert course.last_at == datetime(2026, 3, 9, 15, tzinfo=UTC)


def test_who_gets_none_before_the_forecast_ends_is_said() -> None:
    """They are counted, and nobody loops for ever."""
    course = simulate([Reader()] * 10, every(60, days=0), START)  # type: ignore[arg-type]
    assert (course.sent, course.unsent) == (1, 9)


@given(
    st.lists(st.sampled_from([Reader(), Reader(MEXICO), Reader(MADRID), Reader(MEXICO, is_capped=True)]), max_size=60),
    st.integers(1, 90),
)
@settings(max_examples=examples(80))
def test_nobody_is_lost_or_written_to_twice_and_no_slot_is_used_twice(people: list[Reader], minutes: int) -> None:
    """Whoever they are, and however fast it goes; no hour has more than the rate allows."""
    course = simulate(people, every(minutes, days=60), START)  # type: ignore[arg-type]
    assert course.sent + course.unsent == len(people)
    assert course.unsent == 0
    assert all(number <= -(-60 // minutes) for number in course.hours.values())
