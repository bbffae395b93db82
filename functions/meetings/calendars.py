"""What meetings have of calendars: whose there are, and a meeting as an event in one. Light: imports no SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import PermanentError
from shared.outbox.policy import TargetPolicy
from shared.vendors.calendars.entries import DECLINED, Calendar, Entry, Guest
from shared.vendors.calendars.google import SCOPE, GoogleCalendar, google_calendar
from shared.vendors.calendars.outlook import OutlookCalendar, outlook_calendar

if TYPE_CHECKING:
    from functions.meetings.tables import Meeting

TARGET = "meeting-calendar"
READ_SECONDS = 10.0
CALLS = 14
MOST_READ = 8
"""So many events are read one by one in one delivery; with tokens, pages and writing that stays below `CALLS`."""

GOOGLE = google_calendar(
    name="Google-Calendar", target=TARGET, scope=SCOPE, ping_by="/calendars/primary", read_seconds=READ_SECONDS, calls=CALLS
)
OUTLOOK = outlook_calendar(name="Graph-Calendar", target=TARGET, read_seconds=READ_SECONDS, calls=CALLS)


def policy() -> TargetPolicy:
    """Graph takes four calls at once for a mailbox, Google ten a second for a person; a meeting is worth a few of them."""
    return TargetPolicy(slots=2, batches_per_second=4)


def calendar_named(name: str) -> Calendar:
    """The calendars of that vendor, by the names that MEETINGS_CALENDAR takes. Raises PermanentError `not-configured`."""
    if name == "google":
        return GoogleCalendar(GOOGLE)
    if name == "outlook":
        return OutlookCalendar(OUTLOOK)
    raise PermanentError("not-configured", f"there is no calendar {name!r}")


def entry_of(meeting: Meeting) -> Entry:
    """The meeting's event. Who has declined here stays among the guests, as one who has."""
    return Entry(
        key=meeting.key,
        owner=meeting.organizer,
        subject=meeting.subject,
        description=meeting.description,
        location=meeting.location,
        start=meeting.starts_at,
        end=meeting.ends_at,
        zone=meeting.zone,
        guests=tuple(
            Guest(address=one.address, name=one.name, has_declined=one.response == DECLINED) for one in meeting.attendees
        ),
        event_id=meeting.calendar_event_id,
        generation=meeting.generation,
        is_online=True,
    )
