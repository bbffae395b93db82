"""Time arithmetic: days of the calendar, hours that pass, and the days on which the clocks are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.journeys import schedule, timing
from shared.journeys.definition import Journey
from shared.journeys.timing import Delay

ZONES = st.sampled_from(
    ["America/Mexico_City", "Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "Etc/UTC", "Asia/Kolkata"]
)
MOMENTS = st.integers(0, 60 * 366 * 86_400).map(lambda seconds: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
DELAYS = st.builds(
    lambda days, seconds, sign: Delay(sign * days, sign * seconds),
    st.integers(0, 400),
    st.integers(0, 200_000),
    st.sampled_from([1, -1]),
)


@given(DELAYS)
def test_delay_is_read_as_it_is_written(delay: Delay) -> None:
    """Writing and reading give the same."""
    assert timing.parse(str(delay)) == delay


@pytest.mark.parametrize(
    ("text", "delay"),
    [("3d", Delay(3, 0)), ("24h", Delay(0, 86400)), ("-24h", Delay(0, -86400)), ("1d12h", Delay(1, 43200)), ("0m", Delay())],
)
def test_delays(text: str, delay: Delay) -> None:
    """The forms of a delay."""
    assert timing.parse(text) == delay


@pytest.mark.parametrize("text", ["", "-", "3", "d", "3 d", "3w", "1h1d", "--1h", "1.5h", "\uff13d", "99999d", None, 3])
def test_what_is_no_delay(text) -> None:
    """An error that shows how one is written."""
    with pytest.raises(ValueError, match="write for example 5m, 24h, 3d"):
        timing.parse(text)


@given(MOMENTS, st.integers(-100_000, 100_000), ZONES)
def test_hours_pass(moment: datetime, seconds: int, zone: str) -> None:
    """Hours are the same everywhere and on every day."""
    assert timing.after(moment, Delay(0, seconds), zone) - moment == timedelta(seconds=seconds)


@given(MOMENTS, st.integers(0, 400), ZONES)
def test_days_keep_the_local_time(moment: datetime, days: int, zone: str) -> None:
    """The same time on the wall, so many dates later; except where that time does not exist that day."""
    local, later = moment.astimezone(ZoneInfo(zone)), timing.after(moment, Delay(days, 0), zone).astimezone(ZoneInfo(zone))
    wanted = (local + timedelta(days=days)).replace(tzinfo=None)
    assert later.replace(tzinfo=None) == wanted or timedelta() < later.replace(tzinfo=None) - wanted <= timedelta(hours=1)


@given(MOMENTS, DELAYS, DELAYS, ZONES)
def test_longer_delay_is_never_earlier(moment: datetime, one: Delay, two: Delay, zone: str) -> None:
    """With as many hours or more and as many days or more, it is as late or later."""
    if two.days >= one.days and two.seconds >= one.seconds:
        assert timing.after(moment, two, zone) >= timing.after(moment, one, zone)


@given(MOMENTS, MOMENTS, DELAYS, ZONES)
def test_order_of_anchors_is_the_order_of_steps(one: datetime, two: datetime, delay: Delay, zone: str) -> None:
    """Who came first gets it first, but for the hour that comes twice or never."""
    if one + timedelta(hours=1) <= two:
        assert timing.after(one, delay, zone) <= timing.after(two, delay, zone)


@pytest.mark.parametrize(
    ("start", "delay", "expected"),
    [
        # Madrid, clocks forward on 29 March 2026 at 02:00
        ("2026-03-27T18:00+01:00", "3d", "2026-03-30T18:00+02:00"),
        ("2026-03-27T18:00+01:00", "72h", "2026-03-30T19:00+02:00"),
        ("2026-03-28T02:30+01:00", "1d", "2026-03-29T03:30+02:00"),  # 02:30 does not exist
        # back on 25 October 2026 at 03:00
        ("2026-10-24T02:30+02:00", "1d", "2026-10-25T02:30+02:00"),  # comes twice: the first
        ("2026-10-24T18:00+02:00", "24h", "2026-10-25T17:00+01:00"),
        ("2026-10-26T18:00+01:00", "-2d", "2026-10-24T18:00+02:00"),
    ],
)
def test_days_on_which_the_clocks_are_changed(start: str, delay: str, expected: str) -> None:
    """A table, so that anybody can check it."""
    found = timing.after(datetime.fromisoformat(start), timing.parse(delay), "Europe/Madrid")
    assert found == datetime.fromisoformat(expected)


@given(DELAYS)
def test_hurried_days_are_minutes(delay: Delay) -> None:
    """TESTING_MODE: to the second."""
    assert abs(timing.hurried(delay).length() - delay.length() / 1440) <= timedelta(seconds=0.5)


STEPS = st.lists(
    st.fixed_dictionaries({"delay": DELAYS.map(str), "if_late": st.sampled_from(["send", "skip", "latest"])}),
    min_size=1,
    max_size=6,
)


@given(STEPS, MOMENTS, st.integers(-30, 30), ZONES)
def test_of_late_steps_at_most_one_latest_is_sent(steps, begun: datetime, days: int, zone: str) -> None:
    """Of steps with `latest` whose time has gone, none or one is left, and it is the last of them."""
    items = [step | {"id": f"s{n}", "channel": "email", "template": "t", "expires": "999d"} for n, step in enumerate(steps)]
    journey = Journey.model_validate({"name": "j", "title": "J", "steps": items})
    due = schedule.dues(journey, schedule.Frame(enrolled_at=begun, zone=zone))
    now = begun + timedelta(days=days)
    skips = schedule.skips(due, set(due), now)
    late = {name for name, one in due.items() if one.at < now - schedule.GRACE}
    assert set(skips) <= late
    left = [due[s.id].at for s in journey.steps if s.if_late == "latest" and s.id in late - set(skips)]
    assert len(left) <= 1
    assert all(at <= left[0] for at in (due[name].at for name in skips if journey.step(name).if_late == "latest") if left)
    assert all(s.id in skips for s in journey.steps if s.if_late == "skip" and s.id in late)
