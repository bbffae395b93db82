"""Reminders and texts around weekends and nights: before the date in open hours, and true whenever they go out."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from shared import clock
from shared.journeys import engine, forecast, load
from shared.messages import templates, text_checks
from shared.messages.windows import Window
from shared.settings import get_settings
from shared.store.journey_models import EnrolmentStep
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.journeys import SETTINGS, Post, post, run
from tests.support.world import FakeStorage

MEXICO = timedelta(hours=6)
WEDNESDAY = datetime(2026, 3, 4, 18, tzinfo=UTC)
NOWADAYS = {
    "lead_day_9": "what they do these days",
    "assessment_email_2": "the day on which they read it",
    "assessment_email_3": "what is guessed these days",
    "assessment_email_4": "what is lost these days",
    "assessment_email_5": "the state of things",
}


@pytest.fixture
def vendors(
    environment: pytest.MonkeyPatch, database: Engine, storage: FakeStorage, test_clock: clock.TestClock
) -> Iterator[Post]:
    """Everything that is sent."""
    for name, value in SETTINGS.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = WEDNESDAY
    with post() as vendors:
        yield vendors


def book(start: datetime, event: str = "booking.created", key: str = "e") -> None:
    """Ana's meeting, in Mexico."""
    data = {
        "first_name": "Ana",
        "email": "ana@example.com",
        "phone": "+525512345678",
        "time_zone": "America/Mexico_City",
        "booking_uid": "u1",
        "start_at": start.isoformat(),
        "starts_at": start.isoformat(),
        "end_at": (start + timedelta(hours=1)).isoformat(),
    }
    transact(lambda session: engine.signal(session, event, ["lead:1"], data, event_key=key))


def reminders(vendors: Post) -> list[str]:
    """When Ana was reminded, on the clock on her wall."""
    return [f"{one.at - MEXICO:%m-%d %H:%M}" for one in vendors.sent if one.step == "reminder"]


@pytest.mark.share(6)
@pytest.mark.parametrize("hour", range(9, 19))
@pytest.mark.parametrize("day", [9, 10])
def test_every_meeting_has_a_reminder(vendors: Post, test_clock: clock.TestClock, day: int, hour: int) -> None:
    """Monday as well as Tuesday, at any hour: on Saturday before the end of the open hours, or a day before."""
    start = datetime(2026, 3, day, hour, tzinfo=UTC) + MEXICO
    book(start)
    run(test_clock, days=8)
    is_monday = day == 9  # Sunday is free, in the settings as they are
    assert reminders(vendors) == ["03-07 19:45" if is_monday else f"03-09 {hour:02}:00"]


def test_reminder_of_an_early_meeting_comes_the_evening_before(vendors: Post, test_clock: clock.TestClock) -> None:
    """24 hours before eight in the morning is a quiet hour: the evening before that, not an hour later."""
    book(datetime(2026, 3, 12, 8, tzinfo=UTC) + MEXICO)
    run(test_clock, days=9)
    assert reminders(vendors) == ["03-10 19:45"]


def test_booked_when_the_last_open_moment_has_gone(vendors: Post, test_clock: clock.TestClock) -> None:
    """Booked on Sunday for Monday afternoon: reminded on Monday morning, as soon as that is allowed, or not at all."""
    test_clock.moment = datetime(2026, 3, 8, 12, tzinfo=UTC) + MEXICO
    book(datetime(2026, 3, 9, 15, tzinfo=UTC) + MEXICO)
    run(test_clock, days=3)
    assert reminders(vendors) == ["03-09 09:00"]


def test_moved_to_monday_and_told_again_of_something_else(vendors: Post, test_clock: clock.TestClock) -> None:
    """One reminder for each date, whatever else is told of the meeting after it went out."""
    book(datetime(2026, 3, 10, 12, tzinfo=UTC) + MEXICO)
    book(datetime(2026, 3, 9, 12, tzinfo=UTC) + MEXICO, "booking.rescheduled", "m1")
    run(test_clock, days=4)  # Sunday
    book(datetime(2026, 3, 9, 12, tzinfo=UTC) + MEXICO, "booking.changed", "m2")
    run(test_clock, days=4)
    assert reminders(vendors) == ["03-07 19:45"]


def test_forecast_and_decision_name_the_same_moment(vendors: Post, test_clock: clock.TestClock) -> None:
    """What the forecast says is what happens."""
    start = datetime(2026, 3, 9, 12, tzinfo=UTC) + MEXICO
    data = {"start_at": start.isoformat(), "time_zone": "America/Mexico_City", "booking_uid": "u"}
    lines = forecast.forecast(load.journey("booking"), forecast.newcomer(data))
    (line,) = (one for one in lines if one.step == "reminder")
    book(start)
    run(test_clock, days=6)
    with reading() as session:
        row = session.scalars(select(EnrolmentStep).where(EnrolmentStep.step == "reminder")).one()
        delivery = session.get_one(Delivery, row.delivery_id)
    assert line.goes_at == row.due_at == datetime(2026, 3, 8, 1, 45, tzinfo=UTC)
    assert (row.nominal_at, delivery.finished_at) == (start - timedelta(hours=24), row.due_at)


@given(
    minute=st.integers(0, 2 * 366 * 24 * 60),
    zone=st.sampled_from(["America/Mexico_City", "Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "Etc/UTC"]),
    quiet=st.sampled_from(["20:00-09:00", "13:00-15:00", "00:00-00:00", "22:00-06:30", "00:05-23:55"]),
    days=st.sets(st.integers(0, 6), min_size=1),
)
def test_last_open_moment(minute: int, zone: str, quiet: str, days: set[int]) -> None:
    """It is open, not later, and no open quarter of an hour lies between; an open moment is its own."""
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    quiet_from, quiet_to = (time.fromisoformat(part) for part in quiet.split("-"))
    window = Window(zone=ZoneInfo(zone), country="MX", quiet_from=quiet_from, quiet_to=quiet_to, days=frozenset(days))
    found = window.last_open(moment)
    assert found is not None
    assert found <= moment
    assert window.closed(found) is None
    if window.closed(moment) is None:
        assert found == moment
        return
    between = range(int((moment - found) / timedelta(minutes=1)) - 15)
    assert all(window.closed(moment - timedelta(minutes=ago)) is not None for ago in between[:: max(1, len(between) // 200)])


def test_texts_are_true_whenever_they_go_out() -> None:
    """Quiet hours may move a message to another day: no text says today or yesterday of something that has its own date."""
    texts = [path for root in templates.roots() for path in (root / "es").glob("*/*")]
    assert len(texts) > 40
    found = {path.parent.name for path in texts if text_checks.DAY_WORDS.search(path.read_text(encoding="utf-8"))}
    assert found == set(NOWADAYS)


def test_survey_names_the_day_of_the_meeting(vendors: Post) -> None:
    """After a meeting on Saturday evening it goes out on Monday, and says of which day it speaks."""
    from shared.messages import template_sources, templates

    template = template_sources.of_repository("booking_survey")
    variables = {
        "first_name": "Ana",
        "starts_at": "2026-03-07T23:00:00+00:00",
        "time_zone": "America/Mexico_City",
        "survey_url": "https://encuesta.example",
        "resource_url": "https://recursos.example",
    }
    rendered = templates.render(template, variables, unsubscribe_url="")
    assert "la conversación del sábado 7 de marzo" in str(rendered)
    assert date(2026, 3, 7).weekday() == 5
