"""Cal.com's webhooks, shaped as its version 2021-10-20 sends them. Times are ISO 8601 in UTC.

What several people have a seat in is one meeting with one `uid`: each row is a seat, and `meeting` is what they share.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.meetings.calendar import HOST, HOST_EMAIL, MEETING, MINUTES, TIME_ZONE, Booking, iso

VERSION = "2021-10-20"
EVENT_TYPE, EVENT_SLUG = 7, "30min"
_HOST: Mapping[str, Any] = {"id": 11, "name": HOST, "email": HOST_EMAIL, "username": "javier", "timeZone": TIME_ZONE}


def title(booking: Booking) -> str:
    """What the meeting is called."""
    return f"{MEETING} entre {HOST} y {booking['name']}"


def uid_of(booking: Booking) -> str:
    """The id by which webhooks and pages know the meeting: all its seats have the same."""
    return str(booking.get("meeting") or booking["uid"])


def envelope(trigger: str, at: datetime, payload: Mapping[str, Any]) -> dict[str, Any]:
    """What every webhook but those of started and ended meetings is wrapped in."""
    return {"triggerEvent": trigger, "createdAt": iso(at, "milliseconds"), "payload": dict(payload)}


def created(booking: Booking, base: str) -> dict[str, Any]:
    """The payload of a booking; `base` is where Cal.com's pages are."""
    organizer = {**_HOST, "language": {"locale": "es"}, "timeFormat": "HH:mm"}
    video = f"{base}/video/{uid_of(booking)}"
    seat = {"attendeeSeatId": booking["seat"]} if booking.get("seats") else {}
    series = {"recurringEvent": dict(booking["series"])} if booking.get("series") else {}
    return (
        {
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
            "location": _location(booking),
            "destinationCalendar": [],
            "hideCalendarNotes": False,
            "requiresConfirmation": bool(booking.get("asked")),
            "eventTypeId": EVENT_TYPE,
            "seatsShowAttendees": False,
            "seatsPerTimeSlot": booking.get("seats"),
            "uid": uid_of(booking),
            "bookingId": booking["id"],
            "eventTitle": MEETING,
            "eventDescription": "",
            "price": 0,
            "currency": "usd",
            "length": booking["minutes"],
            "smsReminderNumber": None if booking.get("by_phone") else booking["phone"],
            "bookerUrl": base,
            "metadata": {"videoCallUrl": video, **booking["metadata"]},
            "videoCallData": {"type": "daily_video", "id": uid_of(booking), "password": "", "url": video},
            "status": booking["status"],
            "appsStatus": [],
        }
        | seat
        | series
    )


def rescheduled(booking: Booking, old: Booking, base: str, by: str) -> dict[str, Any]:
    """The payload of a booking that takes the place of `old`: it has an id of its own and names the old one's."""
    moved = {"rescheduleId": old["id"], "rescheduleUid": old["uid"], "rescheduledBy": by}
    return created(booking, base) | moved | {"rescheduleStartTime": old["start"], "rescheduleEndTime": old["end"]}


def requested(booking: Booking, old: Booking | None, base: str) -> dict[str, Any]:
    """The payload of a meeting that the host has still to confirm; it names the one that it is to take the place of."""
    before = {} if old is None else {"rescheduleUid": uid_of(old)}
    return created(booking, base) | before | {"metadata": dict(booking["metadata"]), "status": "PENDING"}


def confirmed(booking: Booking, base: str) -> dict[str, Any]:
    """The payload of a request that was confirmed: what its link carried and what it follows are not told again."""
    known = created(booking, base)
    return known | {"metadata": {"videoCallUrl": known["metadata"]["videoCallUrl"]}}


def cancelled(
    booking: Booking,
    base: str,
    by: str,
    *,
    listed: Sequence[Booking] = (),
    first: Booking | None = None,
    whole_series: bool = False,
) -> dict[str, Any]:
    """The payload of a booking that is off: without metadata, its times with an offset.

    `listed` are all seats that are off (this one alone), and the answers are those of the `first` who booked the meeting. The
    rule of repetition is told only where the `whole_series` is off.
    """
    why = {"cancellationReason": booking["reason"], "cancelledBy": by, "requestReschedule": False, "status": "CANCELLED"}
    times = {"startTime": _with_offset(booking["start"]), "endTime": _with_offset(booking["end"])}
    people = {"attendees": [_attendee(seat) for seat in listed or (booking,)], "responses": _responses(first or booking)}
    left_out = {"metadata", "videoCallData", "attendeeSeatId"} | (set() if whole_series else {"recurringEvent"})
    payload = created(booking, base) | why | times | people
    return {name: value for name, value in payload.items() if name not in left_out}


def no_show(booking: Booking) -> dict[str, Any]:
    """The payload that says of the guest whether they stayed away."""
    word = "marked" if booking["absent"] else "unmarked"
    attendee = {"email": booking["email"], "noShow": booking["absent"]}
    told = f"{booking['email']} {word} as no-show"
    return {"message": told, "bookingUid": uid_of(booking), "bookingId": booking["id"], "attendees": [attendee]}


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
        "uid": uid_of(booking),
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


def _location(booking: Booking) -> str:
    """Where it takes place: the attendee's own phone, if that was chosen."""
    return str(booking["phone"]) if booking.get("by_phone") else "integrations:daily"


def _with_offset(text: str) -> str:
    return text.removesuffix("Z") + "+00:00"


def _stored(text: str) -> str:
    return text.removesuffix("Z") + ".000Z"


def _attendee(booking: Booking) -> dict[str, Any]:
    first, _, last = booking["name"].partition(" ")
    person = {"name": booking["name"], "firstName": first, "lastName": last, "email": booking["email"]}
    person |= {"timeZone": booking["time_zone"], "language": {"locale": "es"}, "utcOffset": None}
    return person | ({"phoneNumber": booking["phone"]} if booking["phone"] and not booking.get("by_phone") else {})


def _responses(booking: Booking) -> dict[str, Any]:
    by_phone = bool(booking.get("by_phone"))
    place = (
        {"value": "phone", "optionValue": booking["phone"]} if by_phone else {"value": "integrations:daily", "optionValue": ""}
    )
    given = {
        "name": ("your_name", booking["name"]),
        "email": ("email_address", booking["email"]),
        "attendeePhoneNumber": ("phone_number", None if by_phone else booking["phone"]),
        "location": ("location", place),
        "notes": ("additional_notes", booking["notes"] or None),
        "guests": ("additional_guests", []),
    }
    return {
        name: {"label": label, "isHidden": False} | ({"value": value} if value is not None else {})
        for name, (label, value) in given.items()
    }
