"""Whose calendars there are, by the names that MEETINGS_CALENDAR takes."""

from functions.meetings.calendars import Calendar
from functions.meetings.google import GoogleCalendar
from functions.meetings.outlook import OutlookCalendar
from shared.errors import PermanentError


def calendar_named(name: str) -> Calendar:
    """The calendars of that vendor. Raises PermanentError `not-configured`."""
    if name == "google":
        return GoogleCalendar()
    if name == "outlook":
        return OutlookCalendar()
    raise PermanentError("not-configured", f"there is no calendar {name!r}")
