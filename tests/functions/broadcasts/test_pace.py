"""When messages are due: evenly, in batches, inside the window, over changes of clocks."""

from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.broadcasts import pace
from functions.broadcasts.pace import Place
from functions.broadcasts.running_config import RunConfig
from functions.broadcasts.schedules import Window

MADRID = "Europe/Madrid"
ZONES = (MADRID, "America/New_York", "America/Santiago", "Australia/Lord_Howe", "America/Mexico_City")
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
FAR = datetime(2030, 1, 1, tzinfo=UTC)


def config(rate: int = 100, delay: int = 0, window: Window | None = None, zone: str = MADRID) -> RunConfig:
    """How fast and when."""
    return RunConfig(
        rate_per_hour=rate,
        at_once=50,
        batch_delay_seconds=delay,
        retry_failed=True,
        max_retries=3,
        window=window,
        zone=ZoneInfo(zone),
    )


def times(given_config: RunConfig, number: int, start: datetime = START) -> list[datetime]:
    """The first due times."""
    return [at for at, _place in islice(pace.dues(given_config, Place(start), FAR), number)]


@given(st.integers(1, 1_000_000))
def test_no_hour_holds_one_too_many(rate: int) -> None:
    """Of messages that far apart, the first and the last of one more than the rate are more than an hour apart."""
    assert pace.spacing(rate) * rate > pace.HOUR
    assert pace.spacing(rate) * rate < pace.HOUR + timedelta(seconds=17)


def test_batches_are_followed_by_their_delay() -> None:
    """After each hundred the delay is waited in addition."""
    found = times(config(rate=3600, delay=60), 201)
    gaps = [later - at for at, later in pairwise(found)]
    step = pace.spacing(3600)
    assert gaps == [*[step] * 99, step + timedelta(seconds=60), *[step] * 99, step + timedelta(seconds=60)]


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-03-02T08:59:59", "2026-03-02T09:00:00"),
        ("2026-03-02T09:00:00", "2026-03-02T09:00:00"),
        ("2026-03-02T18:00:00", "2026-03-02T18:00:00"),
        ("2026-03-02T18:00:01", "2026-03-03T09:00:00"),
    ],
)
def test_both_ends_belong_to_the_window(at: str, opens: str) -> None:
    """A minute before and a second after are outside; the ends are inside."""
    zone = ZoneInfo(MADRID)
    moment = datetime.fromisoformat(at).replace(tzinfo=zone)
    found = pace.next_open(moment, Window(time(9), time(18)), zone)
    assert found == datetime.fromisoformat(opens).replace(tzinfo=zone)


def test_window_over_midnight() -> None:
    """It is open on both sides of midnight, and closed at noon until the evening of the same day."""
    zone, window = ZoneInfo(MADRID), Window(time(22), time(2))
    assert pace.is_open(datetime(2026, 3, 2, 23, tzinfo=zone), window, zone)
    assert pace.is_open(datetime(2026, 3, 3, 2, tzinfo=zone), window, zone)
    noon = datetime(2026, 3, 3, 12, tzinfo=zone)
    assert pace.next_open(noon, window, zone) == datetime(2026, 3, 3, 22, tzinfo=zone)


def test_window_that_opens_in_the_gap() -> None:
    """On the night on which 02:30 is skipped it opens at 03:30."""
    zone, window = ZoneInfo("America/New_York"), Window(time(2, 30), time(18))
    midnight = datetime(2027, 3, 14, 0, tzinfo=zone)
    assert pace.next_open(midnight, window, zone) == datetime(2027, 3, 14, 7, 30, tzinfo=UTC)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.datetimes(datetime(2026, 9, 1), datetime(2027, 11, 30)),  # noqa: DTZ001  # made UTC below
    st.integers(1, 5000),
    st.integers(0, 600),
)
def test_due_times_are_inside_and_never_go_back(zone: str, start: time, end: time, at: datetime, rate: int, delay: int) -> None:
    """Each lies in the window, and is at least the spacing later than the one before, over changes of clocks as well."""
    given_config = config(rate, delay, Window(start, end), zone)
    found = times(given_config, 120, at.replace(tzinfo=UTC))
    assert all(pace.is_open(moment, given_config.window, given_config.zone) for moment in found)
    assert all(later - moment >= pace.spacing(rate) for moment, later in pairwise(found))


def test_planning_goes_on_where_it_stood() -> None:
    """Taken up at any place, the rest is the same: batches and times do not begin anew after a restart."""
    given_config = config(rate=3600, delay=30, window=Window(time(9), time(9, 5)))
    whole = list(islice(pace.dues(given_config, Place(START), FAR), 500))
    for cut in (1, 99, 100, 299, 300):
        assert list(islice(pace.dues(given_config, whole[cut - 1][1], FAR), 500 - cut)) == whole[cut:]
