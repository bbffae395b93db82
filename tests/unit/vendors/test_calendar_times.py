"""What calendars say of who is busy: dates without a zone, zones by other names, and errors that are not emptiness."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.vendors.calendars import google_events, outlook_events
from shared.vendors.calendars.entries import Entry, Guest, Interval

CHRISTMAS_EVE = Interval(datetime(2026, 12, 24, 6, tzinfo=UTC), datetime(2026, 12, 25, 6, tzinfo=UTC))  # in Mexico City
SPAN = Interval(datetime(2026, 12, 24, 14, tzinfo=UTC), datetime(2026, 12, 24, 15, tzinfo=UTC))
FIVE_TO_SIX = Interval(datetime(2026, 12, 24, 17, tzinfo=UTC), datetime(2026, 12, 24, 18, tzinfo=UTC))


def item(status: str, zone: str = "UTC", start: str = "2026-12-24T17:00:00.0000000") -> dict[str, Any]:
    """An entry of an hour, as Graph shows it."""
    end = (datetime.fromisoformat(start[:19]) + timedelta(hours=1)).isoformat() + ".0000000"
    return {"status": status, "start": {"dateTime": start, "timeZone": zone}, "end": {"dateTime": end, "timeZone": zone}}


def schedule(*items: dict[str, Any], view: str = "0220") -> dict[str, Any]:
    """A mailbox that could be read."""
    return {"scheduleId": "ana@empresa.example", "availabilityView": view, "scheduleItems": list(items)}


@pytest.mark.parametrize("status", ["busy", "tentative", "oof", "Busy"])
def test_busy_blocks(status: str) -> None:
    """Whoever may come, is away, or is busy."""
    assert outlook_events.busy(schedule(item(status)), SPAN) == [FIVE_TO_SIX]


@pytest.mark.parametrize("status", ["free", "workingElsewhere"])
def test_free_does_not_block(status: str) -> None:
    """An all-day entry that is marked free neither."""
    all_day = {
        "status": status,
        "start": {"dateTime": "2026-12-24T00:00:00.0000000", "timeZone": "Central Standard Time (Mexico)"},
        "end": {"dateTime": "2026-12-25T00:00:00.0000000", "timeZone": "Central Standard Time (Mexico)"},
    }
    assert outlook_events.busy(schedule(item(status), all_day), SPAN) == []


@pytest.mark.parametrize("zone", ["America/Mexico_City", "Central Standard Time (Mexico)"])
def test_day_that_is_busy_is_that_of_the_answers_zone(zone: str) -> None:
    """From midnight to midnight there, by IANA's name of the zone or by Windows'; its end is not in it."""
    ends = {"dateTime": "2026-12-25T00:00:00.0000000", "timeZone": zone}
    day = {"status": "busy", "start": {"dateTime": "2026-12-24T00:00:00.0000000", "timeZone": zone}, "end": ends}
    assert outlook_events.busy(schedule(day), SPAN) == [CHRISTMAS_EVE]
    assert not CHRISTMAS_EVE.meets(Interval(CHRISTMAS_EVE.end, CHRISTMAS_EVE.end + timedelta(minutes=30)))


def test_day_of_google_is_that_of_the_calendars_zone() -> None:
    """A date alone begins at midnight in the calendar's own zone, not in UTC."""
    event = {"id": "a", "status": "confirmed", "start": {"date": "2026-12-24"}, "end": {"date": "2026-12-25"}}
    seen = google_events.seen(event, "America/Mexico_City")
    assert (seen.start, seen.end) == (CHRISTMAS_EVE.start, CHRISTMAS_EVE.end)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"scheduleId": "a", "availabilityView": "", "error": {"responseCode": "ErrorMailRecipientNotFound"}},
        schedule(view=""),
        schedule(view="0x20"),
        schedule(item("perhaps")),
        schedule(item("busy", zone="Nowhere Standard Time")),
        schedule({"status": "busy"}),
    ],
    ids=["left out", "error", "no view", "strange view", "strange status", "strange zone", "no times"],
)
def test_what_cannot_be_read_is_unknown_and_never_free(answer: dict[str, Any] | None) -> None:
    """None is not an empty list."""
    assert outlook_events.busy(answer, SPAN) is None


def test_view_counts_where_entries_are_not_shown() -> None:
    """Each sign is a quarter of an hour from the beginning of what was asked for; 4 is somebody working elsewhere."""
    quarter = timedelta(minutes=15)
    found = outlook_events.busy(schedule(view="0243"), SPAN)
    assert found == [Interval(SPAN.start + quarter * number, SPAN.start + quarter * (number + 1)) for number in (1, 3)]


@pytest.mark.parametrize(
    "answer",
    [None, {}, {"errors": [{"reason": "notFound"}]}, {"errors": [{"reason": "x"}], "busy": []}, {"busy": [{"start": "soon"}]}],
)
def test_error_in_googles_good_answer_is_not_emptiness(answer: Any) -> None:
    """Once a part of it is unknown, all of it is, whatever other answers say."""
    assert google_events.added([], answer) is None
    assert google_events.added(None, {"busy": []}) is None


def test_both_are_asked_for_the_same_event() -> None:
    """Google has each reminder, Graph the earliest; who has declined is left out or stays as one who has."""
    entry = Entry(
        key="ab" * 20,
        owner="luis@empresa.example",
        subject="Primer día",
        zone="America/Mexico_City",
        start=FIVE_TO_SIX.start,
        end=FIVE_TO_SIX.end,
        guests=(Guest(address="ana@empresa.example"), Guest(address="bea@empresa.example", has_declined=True)),
        reminders=(1440, 30),
    )
    ours, theirs = google_events.body_of(entry, []), outlook_events.body_of(entry, [])
    assert [one["responseStatus"] for one in ours["attendees"]] == ["needsAction", "declined"]
    assert [one["emailAddress"]["address"] for one in theirs["attendees"]] == ["ana@empresa.example"]
    assert [one["minutes"] for one in ours["reminders"]["overrides"]] == [1440, 30]
    assert theirs["reminderMinutesBeforeStart"] == 1440
    assert ours["start"] == {"dateTime": "2026-12-24T11:00:00-06:00", "timeZone": "America/Mexico_City"}
    assert theirs["start"] == {"dateTime": "2026-12-24T17:00:00", "timeZone": "UTC"}
