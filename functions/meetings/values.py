"""What a meeting's row keeps as JSON, read and written: how it was asked for, who is busy, the times that are offered."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from functions.meetings import people, slots
from functions.meetings.requests import Attendee, MeetingRequest, PreferredTime
from functions.meetings.slots import Slot, Wish
from functions.meetings.tables import Meeting, MeetingAttendee
from shared.vendors.calendars.entries import Interval

ORGANIZER = "organizer"


def wish_of(meeting: Meeting) -> Wish:
    """How the meeting was asked for."""
    wishes: Mapping[str, Any] = meeting.wishes
    days = [date.fromisoformat(one) for one in wishes.get("days") or ()]
    return Wish(
        minutes=meeting.minutes,
        zone=ZoneInfo(meeting.zone),
        days=(days[0], days[1]) if days else None,
        times=tuple(PreferredTime(**one) for one in wishes.get("times", ())),
        several=bool(wishes.get("several")),
    )


def participants(meeting: Meeting) -> list[slots.Person]:
    """Those who take part, each on their own clock: the request's where no other is known."""
    present = [people.person(str(one.id), one.zone or meeting.zone, one.country) for one in meeting.present]
    return [people.person(ORGANIZER, meeting.zone), *present]


def options_of(meeting: Meeting) -> list[Slot]:
    """The times that are offered."""
    return [_slot(one) for one in meeting.options or ()]


def whole_of(meeting: Meeting, start: datetime) -> Interval:
    """From a beginning to the end that the meeting then has."""
    return Interval(start, start + timedelta(minutes=meeting.minutes))


def names_of(meeting: Meeting) -> list[str]:
    """Who takes part, as what calendars say is kept: `organizer`, or the number of the attendee's row."""
    return [ORGANIZER, *(str(one.id) for one in meeting.present)]


def intervals(found: Any) -> list[Interval] | None:
    """When somebody is busy, out of what is kept; None where nobody knows."""
    if found is None:
        return None
    return [Interval(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in found]


def without_own(found: list[Interval] | None, meeting: Meeting) -> list[Interval] | None:
    """What is busy besides the meeting itself, which stands in the calendars as well: it is moved, not doubled."""
    if found is None or meeting.starts_at is None or meeting.ends_at is None:
        return found
    own = Interval(meeting.starts_at, meeting.ends_at)
    return [part for one in found for part in slots.without(one, own)]


def written(found: Sequence[Slot]) -> list[dict[str, Any]]:
    """Times as they are kept with a meeting."""
    return [
        {"start": one.start.isoformat(), "end": one.end.isoformat(), "score": one.score, "confidence": one.confidence}
        for one in found
    ]


def _slot(one: Mapping[str, Any]) -> Slot:
    start, end = datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"])
    return Slot(start=start, end=end, score=int(one.get("score", 0)))


def wishes_of(wanted: MeetingRequest) -> dict[str, Any]:
    """How it was asked for, as it is kept."""
    return {
        "asks_first": wanted.asks_first,
        "several": wanted.send_multiple_options,
        "days": [day.isoformat() for day in wanted.preferred_days] if wanted.preferred_days else None,
        "times": [asdict(one) for one in wanted.preferred_times],
    }


def attendee_of(one: Attendee) -> MeetingAttendee:
    """A row for somebody who is invited."""
    return MeetingAttendee(address=one.address, name=one.name, zone=one.zone, country=one.country)
