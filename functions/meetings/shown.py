"""A meeting as the API and the answers to a request show it: plain values, ready for JSON."""

from datetime import datetime
from typing import Any

from functions.meetings.tables import Meeting


def shown(meeting: Meeting) -> dict[str, Any]:
    """The meeting, its people and what is offered. Times are instants in UTC; `time_zone` is that of the request."""
    return {
        "id": meeting.id,
        "status": meeting.status,
        "reason": meeting.reason,
        "organizer_email": meeting.organizer,
        "subject": meeting.subject,
        "description": meeting.description,
        "location": meeting.location,
        "duration_minutes": meeting.minutes,
        "time_zone": meeting.zone,
        "start_time": _written(meeting.starts_at),
        "end_time": _written(meeting.ends_at),
        "held_start_time": _written(meeting.held_starts_at),
        "is_searching": meeting.asked_at is not None,
        "options": list(meeting.options or ()),
        "alternatives": list(meeting.alternatives or ()),
        "attendees": [
            {
                "email": one.address,
                "name": one.name,
                "time_zone": one.zone,
                "response": one.response,
                "calendar_read": not one.is_unknown,
            }
            for one in meeting.attendees
        ],
        "calendar_provider": meeting.calendar,
        "calendar_event_id": meeting.calendar_event_id,
        "calendar_sync_status": meeting.event_sync_status,
        "calendar_sync_error": meeting.event_sync_error,
        "meeting_url": meeting.meeting_url,
        "uid": meeting.uid,
        "sequence": meeting.sequence,
        "changed_by": meeting.moved_by,
        "created_at": _written(meeting.created_at),
    }


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
