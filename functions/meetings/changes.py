"""What was changed in the organizer's calendar itself: moved, deleted, accepted or declined there.

Our own writing comes back as a change, and one change comes several times: an event is compared with the meeting, and what is
the same changes nothing. While something of ours waits to be written, the calendar's older times do not count.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.meetings import holding, notices, services
from functions.meetings.calendars import MOST_READ, calendar_named, entry_of
from functions.meetings.requests import LONGEST_MINUTES
from functions.meetings.services import NO_CALENDAR
from functions.meetings.syncs import IN_SLACK
from functions.meetings.tables import CONFIRMED, Meeting, MeetingCalendar
from shared import clock
from shared.crm import editing
from shared.outbox.record_sync import SUCCESS
from shared.store.session import reading
from shared.vendors.calendars.entries import DECLINED, NEEDS_ACTION, Calendar, NoSuchCalendarError, Seen

BY_CALENDAR = "calendar"
SHORTEST = timedelta(minutes=1)


def read(calendar: MeetingCalendar) -> Mapping[str, Any]:
    """Take over what has changed in this calendar since it was read last; the next cursor, once all of it is taken over.

    What is not in the list (the first time, or after a cursor that is good no more) is looked at event by event.
    """
    meetings = _upcoming(calendar.address)
    if not meetings:
        return {"cursor": None, "read_at": clock.now().isoformat()}
    vendor, cursor = calendar_named(meetings[0].calendar), None
    try:
        listed = vendor.changes(calendar.address, calendar.cursor)
        if listed is not None:
            for seen in listed[0]:
                _take(meetings, seen)
            cursor = listed[1]
        if listed is None or calendar.cursor is None or cursor is None:
            _look_at_each(vendor, meetings[:MOST_READ])
    except NoSuchCalendarError:
        cursor = None
    return {"cursor": cursor, "read_at": clock.now().isoformat()}


def deleted(meeting_id: int) -> None:
    """Somebody has deleted the event: the meeting is cancelled."""
    editing.committed(lambda session: _apply(session, meeting_id, Seen(event_id="", is_cancelled=True)))


def _look_at_each(vendor: Calendar, meetings: Sequence[Meeting]) -> None:
    for meeting in meetings:
        seen = vendor.event(entry_of(meeting)) if meeting.calendar_event_id else None
        if seen is not None:
            _take(meetings, seen)


def _upcoming(address: str) -> Sequence[Meeting]:
    """The organizer's meetings that are not over and stand in a calendar; those that come first, first."""
    query = select(Meeting).where(
        Meeting.organizer == address,
        Meeting.status == CONFIRMED,
        Meeting.ends_at > clock.now(),
        Meeting.calendar != NO_CALENDAR,
    )
    with reading() as session:
        return session.scalars(query.order_by(Meeting.starts_at)).all()


def _take(meetings: Sequence[Meeting], seen: Seen) -> None:
    """Take an event over in a transaction of its own, if it is one of ours."""
    found = next((one for one in meetings if one.calendar_event_id == seen.event_id), None)
    if found is not None:
        number = found.id
        editing.committed(lambda session: _apply(session, number, seen))


def _apply(session: Session, meeting_id: int, seen: Seen) -> None:
    meeting = holding.locked_meeting(session, meeting_id)
    if meeting is None or meeting.status != CONFIRMED:
        return
    if seen.is_cancelled:
        services.cancel(session, meeting, BY_CALENDAR, is_written=True)
        return
    if meeting.event_sync_status == SUCCESS:
        _move(session, meeting, seen)
    for attendee in list(meeting.attendees):
        response = seen.responses.get(attendee.address, NEEDS_ACTION)
        if response == DECLINED:
            services.decline(session, meeting, attendee, is_written=True)
        elif response != NEEDS_ACTION and attendee.response != DECLINED:
            attendee.response = response


def _move(session: Session, meeting: Meeting, seen: Seen) -> None:
    """The organizer has moved it in the calendar, which has told the attendees: nobody is told twice, all are reminded anew."""
    start, end = seen.start, seen.end
    if start is None or end is None or end - start < SHORTEST:
        return
    meeting.meeting_url = seen.meeting_url or meeting.meeting_url
    if (start, end) == (meeting.starts_at, meeting.ends_at):
        return
    meeting.starts_at, meeting.ends_at = start, end
    meeting.minutes = min(int((end - start).total_seconds()) // 60, LONGEST_MINUTES)
    meeting.sequence += 1
    meeting.announced_sequence, meeting.moved_by, meeting.options = meeting.sequence, BY_CALENDAR, []
    meeting.held_starts_at = meeting.held_by = meeting.asked_at = None
    IN_SLACK.request(session, meeting)
    notices.remind(session, meeting)
