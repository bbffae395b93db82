"""When a person may be disturbed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import ConfigurationError
from shared.messages.windows import DAY_OFF, HOLIDAY, QUIET, Window, window_for
from shared.settings import get_settings

ZONES = ["America/Mexico_City", "America/Tijuana", "America/New_York", "Europe/Madrid", "Australia/Lord_Howe", "Asia/Kathmandu",
         "America/Sao_Paulo", "America/Havana", "Africa/Cairo"]  # fmt: skip
ALL_DAYS = frozenset(range(7))
MADRID = ZoneInfo("Europe/Madrid")


def window(zone: str = "America/Mexico_City", quiet: str = "20:00-09:00", days=range(6), country: str | None = "MX") -> Window:
    begin, end = (time.fromisoformat(part) for part in quiet.split("-"))
    return Window(ZoneInfo(zone), country, begin, end, frozenset(days))


def local(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)


times = st.builds(time, hour=st.integers(0, 23), minute=st.sampled_from([0, 30]))
windows = st.builds(
    Window,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    country=st.sampled_from(["MX", "ES", "US", None]),
    quiet_from=times,
    quiet_to=times,
    days=st.frozensets(st.integers(0, 6), min_size=1),
)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(windows, moments)
@example(window("America/Havana", "00:00-02:30", ALL_DAYS, None), datetime(2026, 3, 8, 4, 30, tzinfo=UTC))
@example(window("Europe/Madrid", "22:00-02:30", ALL_DAYS, None), datetime(2026, 10, 25, 0, 45, tzinfo=UTC))
def test_next_open_is_open_and_not_before(chosen: Window, moment: datetime) -> None:
    """Whatever the zone, hours, days and holidays: the answer is never quiet, never a day off or holiday, never in the past."""
    opening = chosen.next_open(moment)
    here = opening.astimezone(chosen.zone)
    assert opening >= moment
    assert here.weekday() in chosen.days
    assert not chosen._quiet(here.time())
    assert chosen.closed(opening) is None


@given(windows, moments, st.floats(0, 1))
def test_nothing_open_is_passed_over(chosen: Window, moment: datetime, share: float) -> None:
    """No instant between now and the answer was open already."""
    opening = chosen.next_open(moment)
    between = moment + (opening - moment) * share
    if between < opening - timedelta(seconds=1):
        assert chosen.closed(between) is not None


@given(windows, moments)
def test_next_day_is_a_later_local_day(chosen: Window, moment: datetime) -> None:
    """The day after is the person's own, and open."""
    following = chosen.next_day(moment)
    assert chosen.day(following) > chosen.day(moment)
    assert chosen.closed(following) is None


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ((2026, 3, 2, 9, 0), None),  # Monday, the first minute
        ((2026, 3, 2, 8, 59), QUIET),
        ((2026, 3, 2, 19, 59), None),
        ((2026, 3, 2, 20, 0), QUIET),
        ((2026, 3, 7, 12, 0), None),  # Saturday
        ((2026, 3, 8, 12, 0), DAY_OFF),
        ((2026, 3, 16, 12, 0), HOLIDAY),  # Benito Juárez, observed on a Monday
        ((2026, 12, 25, 12, 0), HOLIDAY),
    ],
)
def test_hours_days_and_holidays_of_mexico(parts: tuple[int, ...], why: str | None) -> None:
    """The defaults, at their edges."""
    assert window().closed(local("America/Mexico_City", *parts)) == why


def test_window_moves_with_daylight_saving_time() -> None:
    """Nine o'clock is nine o'clock on the wall, before and after the change."""
    chosen = window("Europe/Madrid", days=ALL_DAYS, country=None)
    before = chosen.next_open(datetime(2026, 3, 28, 2, tzinfo=UTC))
    after = chosen.next_open(datetime(2026, 3, 29, 2, tzinfo=UTC))
    assert (before, after) == (datetime(2026, 3, 28, 8, tzinfo=UTC), datetime(2026, 3, 29, 7, tzinfo=UTC))


def test_long_weekend_is_waited_out() -> None:
    """From Saturday night over a Sunday off and a Monday's holiday to Tuesday morning."""
    chosen = window()
    assert chosen.next_open(local("America/Mexico_City", 2026, 3, 14, 21)) == local("America/Mexico_City", 2026, 3, 17, 9)


def test_no_open_day_is_a_mistake_of_the_settings() -> None:
    """A window that never opens is refused instead of searched for ever."""
    with pytest.raises(ConfigurationError, match="no hour"):
        window(days=()).next_open(datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("known", "zone", "country"),
    [
        ({"time_zone": "Europe/Madrid", "phone": "+525512345678"}, "Europe/Madrid", "MX"),
        ({"phone": "+526641234567"}, "America/Tijuana", "MX"),  # the area code tells
        ({"phone": "+34612345678"}, "Europe/Madrid", "ES"),
        ({"phone": "+541123456789"}, "America/Buenos_Aires", "AR"),
        ({"country": "ES"}, "Europe/Madrid", "ES"),
        ({"country": "mx"}, "America/Mexico_City", "MX"),  # many zones, ours among them
        ({"time_zone": "No/Such"}, "America/Mexico_City", "MX"),
        ({"time_zone": "America"}, "America/Mexico_City", "MX"),
        ({"phone": "not a number"}, "America/Mexico_City", "MX"),
        ({"country": "ZZ"}, "America/Mexico_City", "MX"),
        ({}, "America/Mexico_City", "MX"),
    ],
)
def test_zone_and_country_of_a_person(environment, known: dict[str, str], zone: str, country: str) -> None:
    """What is known of them wins, then their phone, then the settings."""
    chosen = window_for(get_settings(), **known)
    assert (chosen.zone.key, chosen.country) == (zone, country)


@pytest.mark.parametrize(
    ("name", "value"), [("WORKING_DAYS", "mon,funday"), ("DEFAULT_TIME_ZONE", "Mars/Base"), ("QUIET_HOURS", "25:00-09:00")]
)
def test_setting_that_cannot_be_read_is_named(environment, name: str, value: str) -> None:
    """A wrong setting is an error with its name."""
    environment.setenv(name, value)
    get_settings.cache_clear()
    with pytest.raises(ConfigurationError, match=name):
        window_for(get_settings())
