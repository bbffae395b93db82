"""The one clock: UTC, waiting and chance in a test's hand, and back to the real world afterwards."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import clock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_now_is_aware_and_utc():
    """The real clock says UTC."""
    assert clock.now().utcoffset() == timedelta(0)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_frozen_time_stands_still_until_moved():
    """A test moves the clock by hand."""
    with clock.frozen(START) as test:
        assert clock.now() == clock.now() == START
        test.advance(hours=1)
        assert clock.now() == START + timedelta(hours=1)


def test_sleep_under_a_test_clock_costs_no_time_and_moves_it():
    """A wait of a day is over at once."""
    with clock.frozen(START):
        clock.sleep(86_400)
        assert clock.now() == START + timedelta(days=1)


@pytest.mark.parametrize("seconds", [0, -1, -0.001])
def test_no_wait_is_no_wait(seconds):
    """Nothing or less is not slept at all."""
    with clock.frozen(START):
        clock.sleep(seconds)
        assert clock.now() == START


def test_all_threads_see_the_test_clock():
    """Handlers run in threads of their own."""
    seen: list[datetime] = []
    with clock.frozen(START):
        thread = threading.Thread(target=lambda: seen.append(clock.now()))
        thread.start()
        thread.join()
    assert seen == [START]


def test_real_clock_comes_back_even_after_an_error():
    """A failing test leaves nothing behind; nested ones give back what they found."""
    with clock.frozen(START), pytest.raises(RuntimeError), clock.frozen(START + timedelta(days=9)):
        raise RuntimeError
    assert clock.now() > START + timedelta(days=1)


def test_same_seed_same_delays():
    """Chance is replayable."""

    def draws(seed: int) -> list[float]:
        with clock.frozen(START, seed):
            return [clock.jitter(10) for _ in range(5)]

    assert draws(7) == draws(7) != draws(8)


@given(st.floats(0, 1e9), st.floats(0, 1))
def test_jitter_stays_within_its_share(seconds, share):
    """A delay moves by at most its share, either way."""
    moved = clock.jitter(seconds, share)
    assert seconds * (1 - share) * 0.999999 <= moved <= seconds * (1 + share) * 1.000001


def test_jitter_spreads_both_ways():
    """What failed together does not return together."""
    with clock.frozen(START):
        drawn = [clock.jitter(100) for _ in range(200)]
    assert min(drawn) < 90
    assert max(drawn) > 110


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 10, tzinfo=UTC)),  # noqa: DTZ001  # no offset: UTC by our rule
        (datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=-6))), datetime(2026, 3, 1, 16, tzinfo=UTC)),
        (datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=14))), datetime(2026, 2, 28, 11, tzinfo=UTC)),
        (datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=5, minutes=45))), datetime(2026, 3, 1, 4, 15, tzinfo=UTC)),
    ],
)
def test_as_utc(given, expected):
    """Any offset becomes UTC; none is taken to be UTC."""
    assert clock.as_utc(given) == expected
    assert clock.as_utc(given).utcoffset() == timedelta(0)
