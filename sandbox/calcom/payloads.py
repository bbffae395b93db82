"""Cal.com's webhooks, shaped as its version 2021-10-20 sends them. Times are ISO 8601 in UTC."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.meetings.calendar import HOST, HOST_EMAIL, MEETING, MINUTES, TIME_ZONE, Booking, iso

VERSION = "2021-10-20"
EVENT_TYPE, EVENT_SLUG = 7, "30min"
_HOST: Mapping[str, Any] = {"id": 11, "name": HOST, "email": HOST_EMAIL, "username": "javier", "timeZone": TIME_ZONE}


def title(booking: Booking) -> str:
    """What the meeting is called."""
    return f"{MEETING} entre {HOST} y {booking['name']}"


def envelope(trigger: str, at: datetime, payload: Mapping[str, Any]) -> dict[str, Any]:
    """What every webhook but those of started and ended meetings is wrapped in."""
    return {"triggerEvent": trigger, "createdAt": iso(at, "milliseconds"), "payload": dict(payload)}


def created(booking: Booking, base: str) -> dict[str, Any]:
    """The payload of a booking; `base` is where Cal.com's pages are."""
    organizer = {**_HOST, "language": {"locale": "es"}, "timeFormat": "HH:mm"}
    video = f"{base}/video/{booking['uid']}"
    return {
        "type": EVENT_SLUG,
        "title": title(booking),
        "description": "",
        "additionalNotes": booking["notes"],
        "customInputs": {},
        "startTime": booking["start"],
        "endTime": booking["end"],
        "organizer": organizer,
        "responses": _responses(booking),
        "userFieldsResponses": {},
        "attendees": [_attendee(booking)],
        "location": "integrations:daily",
        "destinationCalendar": [],
        "hideCalendarNotes": False,
        "requiresConfirmation": False,
        "eventTypeId": EVENT_TYPE,
        "seatsShowAttendees": False,
        "seatsPerTimeSlot": None,
        "uid": booking["uid"],
        "bookingId": booking["id"],
        "eventTitle": MEETING,
        "eventDescription": "",
        "price": 0,
        "currency": "usd",
        "length": booking["minutes"],
        "smsReminderNumber": booking["phone"],
        "bookerUrl": base,
        "metadata": {"videoCallUrl": video, **booking["metadata"]},
        "videoCallData": {"type": "daily_video", "id": booking["uid"], "password": "", "url": video},
        "status": booking["status"],
        "appsStatus": [],
    }


def rescheduled(booking: Booking, old: Booking, base: str, by: str) -> dict[str, Any]:
    """The payload of a booking that takes the place of `old`: it has an id of its own and names the old one's."""
    moved = {"rescheduleId": old["id"], "rescheduleUid": old["uid"], "rescheduledBy": by}
    return created(booking, base) | moved | {"rescheduleStartTime": old["start"], "rescheduleEndTime": old["end"]}


def cancelled(booking: Booking, base: str, by: str) -> dict[str, Any]:
    """The payload of a booking that is off."""
    why = {"cancellationReason": booking["reason"], "cancelledBy": by, "requestReschedule": False}
    return created(booking, base) | why | {"status": "CANCELLED"}


def no_show(booking: Booking) -> dict[str, Any]:
    """The payload that says of the guest whether they stayed away."""
    word = "marked" if booking["absent"] else "unmarked"
    attendee = {"email": booking["email"], "noShow": booking["absent"]}
    told = f"{booking['email']} {word} as no-show"
    return {"message": told, "bookingUid": booking["uid"], "bookingId": booking["id"], "attendees": [attendee]}


def flat(trigger: str, booking: Booking) -> dict[str, Any]:
    """A meeting that began or ended: the stored row of the booking, in no envelope; `createdAt` is when it was booked."""
    attendee = {"id": booking["id"] * 10, "email": booking["email"], "name": booking["name"], "timeZone": booking["time_zone"]}
    attendee |= {"locale": "es", "phoneNumber": booking["phone"], "bookingId": booking["id"], "noShow": booking["absent"]}
    answers = {
        "name": booking["name"],
        "email": booking["email"],
        "location": {"value": "integrations:daily", "optionValue": ""},
    }
    if booking["phone"]:
        answers["attendeePhoneNumber"] = booking["phone"]
    return {
        "triggerEvent": trigger,
        "id": booking["id"],
        "uid": booking["uid"],
        "userId": _HOST["id"],
        "userPrimaryEmail": HOST_EMAIL,
        "eventTypeId": EVENT_TYPE,
        "title": title(booking),
        "description": "",
        "customInputs": {},
        "responses": answers,
        "startTime": _stored(booking["start"]),
        "endTime": _stored(booking["end"]),
        "createdAt": booking["created_at"],
        "updatedAt": None,
        "location": "integrations:daily",
        "status": booking["status"].lower(),
        "paid": False,
        "cancellationReason": None,
        "rejectionReason": None,
        "rescheduled": None,
        "fromReschedule": booking["follows"],
        "recurringEventId": None,
        "smsReminderNumber": booking["phone"],
        "metadata": dict(booking["metadata"]),
        "attendees": [attendee],
        "user": {**_HOST, "locale": "es"},
        "eventType": {"id": EVENT_TYPE, "slug": EVENT_SLUG, "title": MEETING, "length": MINUTES},
        "payment": [],
        "references": [],
    }


def _stored(text: str) -> str:
    return text.removesuffix("Z") + ".000Z"


def _attendee(booking: Booking) -> dict[str, Any]:
    first, _, last = booking["name"].partition(" ")
    person = {"name": booking["name"], "firstName": first, "lastName": last, "email": booking["email"]}
    person |= {"timeZone": booking["time_zone"], "language": {"locale": "es"}, "utcOffset": None}
    return person | ({"phoneNumber": booking["phone"]} if booking["phone"] else {})


def _responses(booking: Booking) -> dict[str, Any]:
    given = {
        "name": ("your_name", booking["name"]),
        "email": ("email_address", booking["email"]),
        "attendeePhoneNumber": ("phone_number", booking["phone"]),
        "location": ("location", {"optionValue": "", "value": "integrations:daily"}),
        "notes": ("additional_notes", booking["notes"] or None),
        "guests": ("additional_guests", []),
    }
    return {
        name: {"label": label, "isHidden": False} | ({"value": value} if value is not None else {})
        for name, (label, value) in given.items()
    }
