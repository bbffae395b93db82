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
from functions.meetings.syncs import CHANGES, IN_SLACK
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
    kept: dict[str, Any] = {"cursor": None, "looked_at_id": None, "left_to_look": None, "read_at": clock.now().isoformat()}
    meetings = _upcoming(calendar.address)
    if not meetings:
        return kept
    vendor = calendar_named(meetings[0].calendar)
    try:
        kept["cursor"], is_whole = _listed(vendor, calendar, meetings)
        if not is_whole or calendar.left_to_look:
            kept |= _look_at_some(vendor, calendar, meetings)
    except NoSuchCalendarError:
        return kept
    return kept


def _listed(vendor: Calendar, calendar: MeetingCalendar, meetings: Sequence[Meeting]) -> tuple[str | None, bool]:
    """Take over what the calendar lists as changed; the next cursor, and whether nothing but that can have changed."""
    listed, known = vendor.changes(calendar.address, calendar.cursor), calendar.cursor
    if known is not None and listed == ([], None):  # it is good no more: what there is now is listed from the beginning
        listed, known = vendor.changes(calendar.address, None), None
    for seen in listed[0] if listed is not None else ():
        _take(meetings, seen)
    cursor = listed[1] if listed is not None else None
    return cursor, known is not None and cursor is not None


def go_on(session: Session, subject: str) -> None:
    """The round goes on at once, where not every event was looked at."""
    calendar = session.get(MeetingCalendar, int(subject.rpartition(":")[2]), populate_existing=True)
    if calendar is not None and calendar.left_to_look:
        CHANGES.request(session, calendar)


def deleted(meeting_id: int) -> None:
    """Somebody has deleted the event: the meeting is cancelled."""
    editing.committed(lambda session: _apply(session, meeting_id, Seen(event_id="", is_cancelled=True)))


def _look_at_some(vendor: Calendar, calendar: MeetingCalendar, meetings: Sequence[Meeting]) -> Mapping[str, Any]:
    """Look at the next events of the round by themselves, beginning anew after the last one; how far the round is then."""
    written = sorted((one for one in meetings if one.calendar_event_id), key=lambda one: one.id)
    last = calendar.looked_at_id or 0
    in_turn = [*(one for one in written if one.id > last), *(one for one in written if one.id <= last)]
    left = min(calendar.left_to_look or len(in_turn), len(in_turn))
    for meeting in in_turn[: min(left, MOST_READ)]:
        seen, last = vendor.event(entry_of(meeting)), meeting.id
        if seen is not None:
            _take(meetings, seen)
    return {"looked_at_id": last or None, "left_to_look": max(left - MOST_READ, 0) or None}


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
