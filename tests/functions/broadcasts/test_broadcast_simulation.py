"""A broadcast on a simulated clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from functions.broadcasts.simulation import Places, Reader, simulate
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


DAY = timedelta(hours=24)


def test_who_is_one_too_many_waits_for_a_place() -> None:
    """Three places a day, one of them taken for an hour still; who is counted already goes at once."""
    places = Places(3, [START + timedelta(hours=1)], DAY)
    people = [Reader()] * 5 + [Reader(counted_until=START + timedelta(hours=2))]
    course = simulate(people, every(10), START, places)  # type: ignore[arg-type]
    assert (course.sent, course.unsent, course.put_off) == (6, 0, {"messaging_limit": 3})
    assert [number for _hour, number in sorted(course.hours.items())] == [3, 1, 2]
    assert course.last_at == START + DAY + timedelta(minutes=10)


def test_a_place_that_comes_free_at_night_waits_for_the_morning() -> None:
    """Both rules hold, and nothing turns round for ever."""
    places = Places(1, [datetime(2026, 3, 3, 5, tzinfo=UTC)], DAY)
    course = simulate([Reader(MEXICO)], every(10), START, places)  # type: ignore[arg-type]
    assert (course.first_at, course.put_off) == (datetime(2026, 3, 3, 15, tzinfo=UTC), {"messaging_limit": 1, "quiet_hours": 1})


def test_a_limit_of_nobody_reaches_nobody() -> None:
    """All are counted as left over."""
    course = simulate([Reader()] * 3, every(10, days=2), START, Places(0, (), DAY))  # type: ignore[arg-type]
    assert (course.sent, course.unsent) == (0, 3)


@given(
    st.lists(st.sampled_from([Reader(), Reader(MEXICO), Reader(MADRID), Reader(MEXICO, is_capped=True)]), max_size=40),
    st.integers(1, 90),
    st.integers(1, 8),
)
@settings(max_examples=examples(60))
def test_no_day_has_one_too_many(people: list[Reader], minutes: int, most: int) -> None:
    """And everybody gets it in the end, in the order of the list where hours are the same."""
    went: list[datetime] = []

    class Noted(Places):
        def take(self, at: datetime) -> bool:
            took = super().take(at)
            went.extend([at] if took else [])
            return took

    course = simulate(people, every(minutes, days=400), START, Noted(most, (), DAY))  # type: ignore[arg-type]
    assert (course.sent, course.unsent) == (len(people), 0)
    assert all(later - earlier >= DAY for earlier, later in zip(went, went[most:], strict=False))
