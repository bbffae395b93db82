"""What is done at a calendar for one meeting: who is busy is read, the event is brought up to date."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from functions.meetings import changes, holding, notices, people, services, slots, values
from functions.meetings.calendars import calendar_named, entry_of
from functions.meetings.services import NO_CALENDAR
from functions.meetings.tables import CANCELLED, CONFIRMED, Meeting
from shared import clock
from shared.store.session import transact
from shared.vendors.calendars.entries import EventDeletedError, NoSuchCalendarError, Written


def look(meeting: Meeting) -> None:
    """Read who is busy when, as far as calendars say. An organizer without one goes on without: everybody is unknown then.

    What is read stands in the meeting until it is decided, and nowhere else: it is other people's time.
    """
    if meeting.asked_at is None or meeting.calendar == NO_CALENDAR:
        return
    wish, rules = values.wish_of(meeting), people.rules()
    addresses = {values.ORGANIZER: meeting.organizer} | {str(one.id): one.address for one in meeting.present}
    spans = slots.spans(wish, rules, clock.now())
    if meeting.held_starts_at is not None:
        spans = [values.whole_of(meeting, meeting.held_starts_at)]
    try:
        found = calendar_named(meeting.calendar).busy(meeting.organizer, list(addresses.values()), spans)
    except NoSuchCalendarError:
        _keep(meeting.id, None, NO_CALENDAR)
        return
    _keep(meeting.id, {name: _plain(found.get(address)) for name, address in addresses.items()}, meeting.calendar)


def _keep(meeting_id: int, busy: Mapping[str, Any] | None, calendar: str) -> None:
    query = update(Meeting).where(Meeting.id == meeting_id, Meeting.asked_at.is_not(None))
    transact(lambda session: session.execute(query.values(busy=busy, calendar=calendar)))


def decide(session: Session, subject: str) -> None:
    """With what was read, find a time; nothing where the question was answered meanwhile."""
    meeting = holding.locked_meeting(session, _number(subject))
    if meeting is not None:
        services.decide(session, meeting)


def put_event(meeting: Meeting) -> Mapping[str, Any]:
    """Bring the event up to date: written while the meeting is on, deleted when it is cancelled.

    Whoever deletes it in the calendar cancels the meeting. An organizer without a calendar goes on without.
    """
    kept = {
        "calendar_event_id": meeting.calendar_event_id,
        "calendar_etag": meeting.calendar_etag,
        "meeting_url": meeting.meeting_url,
        "generation": meeting.generation,
        "calendar": meeting.calendar,
    }
    if meeting.calendar == NO_CALENDAR:
        return kept
    calendar = calendar_named(meeting.calendar)
    try:
        if meeting.status == CANCELLED:
            calendar.drop(entry_of(meeting))
            return kept
        return kept | _kept(calendar.put(entry_of(meeting)))
    except EventDeletedError:
        changes.deleted(meeting.id)
        return kept
    except NoSuchCalendarError:
        return kept | {"calendar": NO_CALENDAR}


def announce(session: Session, subject: str) -> None:
    """The event is written, so tell of it who is not told by the calendar."""
    meeting = holding.locked_meeting(session, _number(subject))
    if meeting is not None and meeting.status == CONFIRMED and meeting.starts_at is not None:
        notices.announce(session, meeting)


def _kept(written: Written) -> dict[str, Any]:
    return {
        "calendar_event_id": written.event_id,
        "calendar_etag": written.etag,
        "meeting_url": written.meeting_url,
        "generation": written.generation,
    }


def _plain(found: Any) -> list[list[str]] | None:
    return None if found is None else [[one.start.isoformat(), one.end.isoformat()] for one in found]


def _number(subject: str) -> int:
    return int(subject.rpartition(":")[2])
