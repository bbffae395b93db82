"""How long meetings are kept."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, exists, or_, select

from functions.meetings.holding import OVER
from functions.meetings.tables import Meeting, MeetingAttendee, MeetingCalendar
from shared.retention_rules import DaysOf, Rule

_DAYS = DaysOf("retention_meeting_days")


def _old(before: datetime) -> ColumnElement[bool]:
    """Over, and not touched since; one that never got a time as well."""
    is_over = or_(Meeting.status.in_(OVER), Meeting.ends_at < before, Meeting.ends_at.is_(None))
    return (Meeting.updated_at < before) & is_over


def _old_attendee(before: datetime) -> ColumnElement[bool]:
    return MeetingAttendee.meeting_id.in_(select(Meeting.id).where(_old(before)))


def _old_meeting(before: datetime) -> ColumnElement[bool]:
    return _old(before) & ~exists().where(MeetingAttendee.meeting_id == Meeting.id)


def _unused(before: datetime) -> ColumnElement[bool]:
    """Of people who take part in no meeting any more."""
    organizes = exists().where(Meeting.organizer == MeetingCalendar.address)
    is_invited = exists().where(MeetingAttendee.address == MeetingCalendar.address)
    return (MeetingCalendar.updated_at < before) & ~organizes & ~is_invited


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "attendees of meetings": Rule(MeetingAttendee, MeetingAttendee.created_at, _DAYS, _old_attendee),
        "meetings": Rule(Meeting, Meeting.created_at, _DAYS, _old_meeting),
        "calendars of meetings": Rule(MeetingCalendar, MeetingCalendar.created_at, _DAYS, _unused),
    }
)
