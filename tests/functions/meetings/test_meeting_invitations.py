"""The invitation as a file: read back by the library, and held to what calendars need."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Calendar

from functions.meetings import invitations
from functions.meetings.tables import CANCELLED, CONFIRMED, Meeting, MeetingAttendee
from shared.vendors.calendars.entries import DECLINED, NEEDS_ACTION

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
START = datetime(2026, 3, 5, 16, tzinfo=UTC)


def meeting(**more) -> Meeting:
    """Half an hour on a Thursday."""
    people = [
        MeetingAttendee(id=1, address="ana@example.com", name="Peña, Ana", response=NEEDS_ACTION),
        MeetingAttendee(id=2, address="luis@example.com", response=NEEDS_ACTION),
    ]
    facts = {
        "key": "0a" * 16,
        "organizer": "juan@example.com",
        "subject": "Revisión; plan, etapa 1",
        "description": "Uno\nDos\\tres",
        "location": "Sala A",
        "zone": "America/Mexico_City",
        "starts_at": START,
        "ends_at": START + timedelta(minutes=30),
        "status": CONFIRMED,
        "sequence": 0,
        "attendees": people,
    }
    return Meeting(**facts | more)


def event_of(content: bytes):
    """The one event in the file."""
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    return event


def test_invitation_says_who_what_and_when_with_its_zone() -> None:
    """The zone is described in the file; never a floating time."""
    file = invitations.attachment(meeting(), AT)
    event = event_of(file.content)
    assert file.content_type == "text/calendar; method=REQUEST; charset=UTF-8"
    assert b"METHOD:REQUEST" in file.content
    assert b"BEGIN:VTIMEZONE" in file.content
    assert b"DTSTART;TZID=America/Mexico_City:20260305T100000" in file.content
    assert event["UID"] == f"{'0a' * 16}@meetings.puente"
    assert event["SEQUENCE"] == 0
    assert event["SUMMARY"] == "Revisión; plan, etapa 1"
    assert event["DESCRIPTION"] == "Uno\nDos\\tres"
    assert [str(one) for one in event["ATTENDEE"]] == ["mailto:ana@example.com", "mailto:luis@example.com"]
    assert event["ATTENDEE"][0].params["CN"] == "Peña, Ana"
    assert event["ATTENDEE"][0].params["RSVP"] == "TRUE"


def test_lines_are_folded_by_octets_and_end_as_they_must() -> None:
    """75 octets at most, and no letter cut in half."""
    content = invitations.attachment(meeting(description="ñ" * 300), AT).content
    lines = content.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert all(line.decode() is not None for line in lines)
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_cancellation_keeps_the_uid() -> None:
    """With the higher sequence, or calendars ignore it."""
    file = invitations.attachment(meeting(status=CANCELLED, sequence=3), AT)
    event = event_of(file.content)
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (f"{'0a' * 16}@meetings.puente", 3, "CANCELLED")
    assert b"METHOD:CANCEL" in file.content
    assert "method=CANCEL" in file.content_type


def test_one_person_alone_is_cancelled() -> None:
    """The others are not named to them, and stay in their own file."""
    whole = meeting()
    whole.attendees[1].response = DECLINED
    event = event_of(invitations.attachment(whole, AT, whole.attendees[1]).content)
    assert str(event["ATTENDEE"]) == "mailto:luis@example.com"
    assert str(event_of(invitations.attachment(whole, AT).content)["ATTENDEE"]) == "mailto:ana@example.com"


def test_same_moment_gives_the_same_bytes() -> None:
    """A carrier that takes our key refuses other content under it."""
    assert invitations.attachment(meeting(), AT) == invitations.attachment(meeting(), AT)


def test_meeting_without_a_time_is_no_event() -> None:
    """Nobody gets an empty one."""
    with pytest.raises(ValueError, match="no event"):
        invitations.attachment(meeting(starts_at=None, ends_at=None), AT)


ZONES = st.sampled_from(("America/Mexico_City", "America/New_York", "Europe/Madrid", "Pacific/Auckland", "Asia/Kolkata", "UTC"))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1)).map(lambda one: one.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=120)


@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/Madrid", "", 60)
@example(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Europe/Madrid", "", 60)
@given(MOMENTS, ZONES, TEXTS, st.integers(15, 480))
def test_what_is_written_is_read_as_the_same_instants(start: datetime, zone: str, text: str, minutes: int) -> None:
    """On both sides of each change of summer time, whatever the texts."""
    whole = meeting(starts_at=start, ends_at=start + timedelta(minutes=minutes), zone=zone, subject=text, location=text)
    event = event_of(invitations.attachment(whole, AT).content)
    assert event["DTSTART"].dt.astimezone(UTC) == start
    assert event["DTEND"].dt.astimezone(UTC) == start + timedelta(minutes=minutes)
    assert str(event["SUMMARY"]) == text
