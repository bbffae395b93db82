"""No change in a calendar is lost: where it has forgotten us, where there are many meetings, and where its notices end."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from functions.meetings.calendars import MOST_READ
from functions.meetings.tables import CANCELLED, CONFIRMED, MeetingCalendar
from shared.settings import get_settings
from shared.store.session import reading
from tests.support import calendars
from tests.support.calendars import JUAN, MARIA, PEDRO, Office
from tests.support.meetings import Desk, options_of

HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def google(world, environment: pytest.MonkeyPatch, test_clock, post) -> Office:
    """An office of Google's alone."""
    return calendars.install("google", world, environment, test_clock, post)


@pytest.fixture
def outlook(world, environment: pytest.MonkeyPatch, test_clock, post) -> Office:
    """An office of Microsoft's alone."""
    return calendars.install("outlook", world, environment, test_clock, post)


def move(office: Office, number: int) -> None:
    """The organizer moves a meeting's event by a week, in the calendar."""
    row = office.row(number)
    start = row.starts_at + timedelta(days=7)
    office.vendor.act(
        "move_event",
        {"id": row.calendar_event_id, "start": start.isoformat(), "end": (start + HALF_AN_HOUR).isoformat()},
    )


@pytest.mark.parametrize("what", ["moved", "deleted"])
def test_lost_sync_token_loses_no_change(google: Office, what: str) -> None:
    """410: all is listed anew, and what a list of what there is does not show (a deleted one) is looked at by itself."""
    google.ask()
    google.receive()
    before = google.meeting.starts_at
    google.vendor.act("forget", {})
    if what == "moved":
        move(google, 1)
    else:
        google.by_hand("delete_event")
    google.receive()
    if what == "moved":
        assert (google.meeting.starts_at, google.meeting.status) == (before + timedelta(days=7), CONFIRMED)
    else:
        assert google.meeting.status == CANCELLED
    google.receive()
    with reading() as session:
        (cursor,) = session.scalars(select(MeetingCalendar.cursor).where(MeetingCalendar.address == JUAN))
    assert google.vendor.shelf.get("sync_tokens", cursor) is not None, "the next reading begins where this one has ended"


@pytest.mark.slow
def test_many_meetings_are_all_looked_at(office: Office) -> None:
    """One delivery looks at few events; the round goes on until all were seen, whichever of them was changed."""
    many = MOST_READ + 3
    for number in range(many):
        office.ask(subject=f"Número {number}", attendees=[MARIA])
    office.receive()
    assert [one.status for one in office.meetings] == [CONFIRMED] * many
    if office.name == "google":
        office.vendor.act("forget", {})
    before = [one.starts_at for one in office.meetings]
    for number in (1, many):
        move(office, number)
    office.receive()
    office.settle(180)
    after = [one.starts_at for one in office.meetings]
    assert [number for number in range(many) if after[number] != before[number]] == [0, many - 1]
    with reading() as session:
        (left,) = session.scalars(select(MeetingCalendar.left_to_look).where(MeetingCalendar.address == JUAN))
    assert left is None


def test_deleted_event_keeps_its_id_so_the_next_one_is_used(google: Office) -> None:
    """The answer of the first insert was lost and somebody deleted what it made: 409, and what is there is a tombstone."""
    google.ask(send_multiple_options=True)
    start = options_of(google.open(google.url(MARIA)))[0]
    real, seen = google.calls.send, []

    def lost(request, *more, **named):
        answer = real(request, *more, **named)
        if request.method == "POST" and request.url.partition("?")[0].endswith("/events") and not seen:
            seen.append(request)
            (event,) = google.events
            google.vendor.act("delete_event", {"id": event["id"]})
            raise calendars_lost()
        return answer

    google.calls.send = lost
    google.press(google.url(MARIA), do="choose", start=start.isoformat())
    google.world.run_for(google.clock, minutes=10, step_seconds=60)
    live = [one for one in google.events if one["status"] != "cancelled"]
    assert (len(google.events), [one["id"] for one in live]) == (2, [google.meeting.calendar_event_id])
    assert (google.meeting.status, google.meeting.generation, google.meeting.starts_at) == (CONFIRMED, 1, start)


def calendars_lost() -> Exception:
    """As a connection ends that was cut after the request."""
    import requests

    return requests.exceptions.ReadTimeout("cut")


def test_subscription_that_microsoft_took_away_is_made_anew(outlook: Office) -> None:
    """It says so to the address for that; what was changed meanwhile is read."""
    outlook.ask()
    outlook.receive()
    (old,) = outlook.vendor.shelf.rows("subscriptions")
    before = outlook.meeting.starts_at
    move(outlook, 1)
    outlook.wire.sent.clear()  # of the change nobody is told
    outlook.vendor.act("drop_subscriptions", {})
    outlook.receive()
    assert outlook.meeting.starts_at == before + timedelta(days=7)
    (new,) = outlook.vendor.shelf.rows("subscriptions")
    assert new["id"] != old["id"]


@pytest.mark.parametrize(("country", "is_closed"), [("US", False), ("MX", True)])
def test_nobody_meets_on_a_holiday_of_an_attendee(
    desk: Desk, environment: pytest.MonkeyPatch, country: str, *, is_closed: bool
) -> None:
    """16 March 2026 is one in Mexico alone; the organizer works in New York."""
    environment.setenv("HOLIDAYS_COUNTRY", "US")
    get_settings.cache_clear()
    people = [{"email": MARIA, "country": country}, PEDRO]
    asked = desk.ask(attendees=people, timezone="America/New_York", preferred_date="2026-03-16")
    days = {one["start"][:10] for one in asked["meeting"]["options"]}
    assert ("2026-03-16" not in days) is is_closed
    assert days


def test_zone_of_an_attendee_brings_its_holidays(desk: Desk, environment: pytest.MonkeyPatch) -> None:
    """No country is named: it is the one in which the zone lies."""
    environment.setenv("HOLIDAYS_COUNTRY", "US")
    get_settings.cache_clear()
    people = [{"email": MARIA, "timezone": "America/Mexico_City"}]
    asked = desk.ask(attendees=people, timezone="America/New_York", preferred_date="2026-03-16")
    assert "2026-03-16" not in {one["start"][:10] for one in asked["meeting"]["options"]}


def test_reminder_of_a_meeting_that_is_near_comes_in_five_minutes(desk: Desk) -> None:
    """Booked ten minutes before: the quarter of an hour is over, the beginning is not."""
    desk.ask()
    start = desk.clock.moment + timedelta(minutes=10)
    desk.do("POST", f"/{desk.meeting.id}/reschedule", body={"start": start.isoformat()})
    desk.got()
    booked = desk.clock.moment
    reminded = [moment for moment in desk.moments_until(start + timedelta(hours=1)) if desk.got("reunion_recordatorio")]
    assert len(reminded) == 1
    assert timedelta(minutes=3) <= reminded[0] - booked <= timedelta(minutes=6)
