"""The invitation as a file that every calendar reads (iCalendar, RFC 5545; what it asks for is RFC 5546)."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vText

from functions.meetings.tables import CANCELLED, Meeting, MeetingAttendee
from shared.messages.attachments import Attachment
from shared.vendors.calendars.entries import ACCEPTED, DECLINED, TENTATIVE

PRODID = "-//Puente//Meetings//ES"
FILE = "invitacion.ics"
REQUEST: Final = "REQUEST"
CANCEL: Final = "CANCEL"
_PARTSTATS = {ACCEPTED: "ACCEPTED", DECLINED: "DECLINED", TENTATIVE: "TENTATIVE"}


def attachment(meeting: Meeting, at: datetime, only: MeetingAttendee | None = None) -> Attachment:
    """The file for a mail: an invitation, or its cancellation where the meeting is cancelled.

    `at` stands in it as the moment at which it was made, so that the same moment gives the same bytes. `only`: it is cancelled
    for that one person, and goes on for the others.
    """
    method = CANCEL if only is not None or meeting.status == CANCELLED else REQUEST
    content = calendar_of(meeting, at, method, only).to_ical()
    return Attachment(name=FILE, content_type=f"text/calendar; method={method}; charset=UTF-8", content=content)


def calendar_of(meeting: Meeting, at: datetime, method: str, only: MeetingAttendee | None = None) -> Calendar:
    """The calendar with the one event. Its UID stays for the event's whole life, its SEQUENCE rises with each change.

    The times are those of the request's zone, which is described in the file.

    Raises:
        ValueError: the meeting has no time.
    """
    if meeting.starts_at is None or meeting.ends_at is None:
        raise ValueError("a meeting without a time is no event")
    calendar, event, zone = Calendar(), Event(), ZoneInfo(meeting.zone)
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    event.add("uid", meeting.uid)
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", at.replace(microsecond=0))
    event.add("dtstart", _local(meeting.starts_at, zone))
    event.add("dtend", _local(meeting.ends_at, zone))
    event.add("summary", meeting.subject)
    event.add("status", "CANCELLED" if method == CANCEL else "CONFIRMED")
    for name, text in (("description", meeting.description), ("location", meeting.location), ("url", meeting.meeting_url)):
        if text:
            event.add(name, text)
    event.add("organizer", vCalAddress(f"mailto:{meeting.organizer}"), encode=False)
    for attendee in [only] if only is not None else meeting.present if method == REQUEST else meeting.attendees:
        event.add("attendee", _address(attendee), encode=False)
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return calendar


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    """The time by the zone's clock; in UTC where that clock shows it twice, as a file cannot say which of the two it is."""
    local = moment.astimezone(zone)
    is_double = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return moment.astimezone(UTC) if is_double else local


def _address(attendee: MeetingAttendee) -> vCalAddress:
    address = vCalAddress(f"mailto:{attendee.address}")
    address.params["CN"] = vText(attendee.name or attendee.address)
    address.params["ROLE"] = vText("REQ-PARTICIPANT")
    address.params["PARTSTAT"] = vText(_PARTSTATS.get(attendee.response, "NEEDS-ACTION"))
    address.params["RSVP"] = vText("TRUE")
    return address
