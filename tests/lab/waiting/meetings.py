"""The places of functions/meetings that lock rows, and how somebody comes by them."""

from functions.meetings import calendar_notices
from functions.meetings import holding as meeting_holding
from functions.meetings.tables import Meeting, MeetingCalendar
from tests.lab.rows import Wait, one

WAITS = {
    "functions.meetings.calendar_notices:take": Wait(
        MeetingCalendar,
        one(MeetingCalendar, address="ana@example.com"),
        lambda session: calendar_notices.take(session, [1], [], "k"),
    ),
    "functions.meetings.holding:lock_people": Wait(
        MeetingCalendar,
        one(MeetingCalendar, address="ana@example.com"),
        lambda session: meeting_holding.lock_people(session, ["ana@example.com"]),
    ),
    "functions.meetings.holding:locked_meeting": Wait(
        Meeting,
        one(Meeting, key="k", request_key="k", organizer="ana@example.com", subject="S", minutes=30, zone="UTC"),
        lambda session: meeting_holding.locked_meeting(session, 1),
    ),
}
