"""What meetings have carried out outside: at calendars who is busy is read, the event written, changes listened to and read.

All of that is kept in step with our rows (`RecordSync`): it may be done twice, and what is lost is asked for again. The team's
channel in Slack reads of each change once.
Light: imports no SQL until it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.meetings.calendars import TARGET
from functions.meetings.settings import MeetingSettings
from shared import slack
from shared.outbox.one_time_effect import OneTimeEffect
from shared.outbox.record_sync import RecordSync
from shared.settings import get_settings, settings_of

if TYPE_CHECKING:
    from functions.meetings.tables import Meeting, MeetingCalendar

MEETINGS, CALENDARS = "functions.meetings.tables:Meeting", "functions.meetings.tables:MeetingCalendar"


def is_used() -> bool:
    """Whether calendars are read and written at all."""
    return settings_of(MeetingSettings).meetings_calendar != "none"


def can_listen() -> bool:
    """Whether a calendar can tell us of changes: what it sends is known to be ours by a signature."""
    return is_used() and bool(get_settings().link_signing_secrets)


def posts_to_slack() -> bool:
    """Whether the team's channel reads of meetings."""
    return settings_of(MeetingSettings).meetings_slack and slack.is_used()


def _question(meeting: Meeting) -> dict[str, Any]:
    return {"organizer": meeting.organizer, "people": [one.address for one in meeting.present], "minutes": meeting.minutes}


def _event(meeting: Meeting) -> dict[str, Any]:
    return {
        "organizer": meeting.organizer,
        "status": meeting.status,
        "subject": meeting.subject,
        "location": meeting.location,
        "starts_at": meeting.starts_at,
        "ends_at": meeting.ends_at,
        "people": [one.address for one in meeting.present],
    }


def _listened(calendar: MeetingCalendar) -> dict[str, Any]:
    return {"calendar": calendar.address}


def _channel(result: Mapping[str, Any], _is_final: bool) -> dict[str, Any]:  # noqa: FBT001  # as RecordSync calls it
    ends = result["expires_at"]
    return dict(result) | {"expires_at": datetime.fromisoformat(ends) if ends else None}


def _progress(result: Mapping[str, Any], is_final: bool) -> dict[str, Any]:  # noqa: FBT001  # as RecordSync calls it
    """How far a calendar is read. Where it has changed meanwhile, the round of its events begins anew, after the last one."""
    left = result["left_to_look"] if is_final else None
    return dict(result) | {"read_at": datetime.fromisoformat(result["read_at"]), "left_to_look": left}


AVAILABILITY = RecordSync(
    target=TARGET,
    name="availability",
    table=MEETINGS,
    subject_prefix="meeting:",
    prefix="look",
    put="functions.meetings.booking:look",
    then="functions.meetings.booking:decide",
    describe=_question,
    is_used=is_used,
)
EVENT = replace(
    AVAILABILITY,
    name="event",
    prefix="event",
    put="functions.meetings.booking:put_event",
    keep=("calendar_event_id", "calendar_etag", "meeting_url", "generation", "calendar"),
    then="functions.meetings.booking:announce",
    describe=_event,
)
CHANNEL = RecordSync(
    target=TARGET,
    name="channel",
    table=CALENDARS,
    subject_prefix="meeting-calendar:",
    prefix="channel",
    put="functions.meetings.channels:open_channel",
    keep=_channel,
    describe=_listened,
    is_used=can_listen,
    overdue="functions.meetings.channels:to_renew",
)
CHANGES = replace(
    CHANNEL,
    name="changes",
    prefix="changes",
    put="functions.meetings.changes:read",
    keep=_progress,
    then="functions.meetings.changes:go_on",
    is_used=is_used,
    overdue="functions.meetings.channels:to_read",
)
IN_SLACK = OneTimeEffect(
    target=slack.TARGET,
    name="meeting",
    table=MEETINGS,
    subject_prefix="meeting:",
    do="functions.meetings.team_notice:in_slack",
    once_per=lambda meeting: f"meeting:{meeting.id}:{meeting.sequence}",
    describe=_event,
    is_used=posts_to_slack,
)
