"""Cal.com's webhooks as it sends them: payloads of real shape, signed."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.leads import ids

SECRET = "secreto-de-cal"  # of the tests alone
CREATED_AT = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
STARTS = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
ANA = "ana@example.com"
ORGANIZER = {
    "id": 7,
    "name": "Javier",
    "email": "javier@puente.example",
    "username": "javier",
    "timeZone": "America/Mexico_City",
    "language": {"locale": "es"},
    "timeFormat": "HH:mm",
}


def iso(moment: datetime) -> str:
    """A time as Cal.com writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def attendee(email: str = ANA, **more: Any) -> dict[str, Any]:
    """Somebody who booked."""
    known = {"email": email, "name": "Ana Díaz", "firstName": "Ana", "lastName": "Díaz", "timeZone": "America/Mexico_City"}
    return known | {"language": {"locale": "es"}, "utcOffset": -360} | more


def _link(lead_id: Any) -> Any:
    is_number = isinstance(lead_id, int) and not isinstance(lead_id, bool) and 0 < lead_id < 2**53
    return ids.signed(lead_id) if is_number else lead_id


def payload(uid: str = "uid1", start: datetime = STARTS, lead_id: Any = None, email: str = ANA, **more: Any) -> dict[str, Any]:
    """The `payload` of a booking's webhook; a lead's number is signed, as the booking link carries it, a text stays bare."""
    responses: dict[str, Any] = {
        "name": {"label": "your_name", "value": "Ana Díaz", "isHidden": False},
        "email": {"label": "email_address", "value": email, "isHidden": False},
        "attendeePhoneNumber": {"label": "phone_number", "value": "+525512345678", "isHidden": False},
        "guests": {"label": "additional_guests", "value": [], "isHidden": False},
        "notes": {"label": "additional_notes", "value": "Tengo tres dudas", "isHidden": False},
    }
    metadata = {"videoCallUrl": f"https://app.cal.com/video/{uid}"} | ({} if lead_id is None else {"lead_id": _link(lead_id)})
    known = {
        "bookerUrl": "https://cal.com",
        "type": "asesoria",
        "title": "Asesoría entre Javier y Ana Díaz",
        "eventTitle": "Asesoría",
        "eventTypeId": 5,
        "bookingId": 91,
        "uid": uid,
        "startTime": iso(start),
        "endTime": iso(start + timedelta(minutes=30)),
        "length": 30,
        "status": "ACCEPTED",
        "location": "integrations:daily",
        "organizer": ORGANIZER,
        "attendees": [attendee(email)],
        "responses": responses,
        "userFieldsResponses": {},
        "customInputs": {},
        "additionalNotes": "Tengo tres dudas",
        "smsReminderNumber": None,
        "videoCallData": {"type": "daily_video", "id": uid, "password": "x", "url": f"https://app.cal.com/video/{uid}"},
        "metadata": metadata,
        "price": 0,
        "currency": "usd",
    }
    return known | more


def event(trigger: str, at: datetime = CREATED_AT, **more: Any) -> dict[str, Any]:
    """A webhook about a booking."""
    return {"triggerEvent": trigger, "createdAt": iso(at), "payload": payload(**more)}


def created(at: datetime = CREATED_AT, **more: Any) -> dict[str, Any]:
    """BOOKING_CREATED."""
    return event("BOOKING_CREATED", at, **more)


def rescheduled(uid: str, old: str, start: datetime, at: datetime, old_start: datetime = STARTS, **more: Any) -> dict[str, Any]:
    """BOOKING_RESCHEDULED: `uid` is the new booking, the old one is named beside it."""
    before = {
        "rescheduleId": 91,
        "rescheduleUid": old,
        "rescheduleStartTime": iso(old_start),
        "rescheduleEndTime": iso(old_start + timedelta(minutes=30)),
        "rescheduledBy": ANA,
        "bookingId": 92,
    }
    return event("BOOKING_RESCHEDULED", at, uid=uid, start=start, **(before | more))


def cancelled(at: datetime, **more: Any) -> dict[str, Any]:
    """BOOKING_CANCELLED."""
    reason = {"cancellationReason": "No puedo", "cancelledBy": ANA, "status": "CANCELLED"}
    return event("BOOKING_CANCELLED", at, **(reason | more))


def requested(uid: str, start: datetime, at: datetime, old: str | None = None, **more: Any) -> dict[str, Any]:
    """BOOKING_REQUESTED: a meeting that the host has to confirm; `old` is the one that it is to take the place of."""
    before = {} if old is None else {"rescheduleUid": old}
    return event("BOOKING_REQUESTED", at, uid=uid, start=start, status="PENDING", **before, **more)


def seat(email: str, **more: Any) -> dict[str, Any]:
    """What makes a booking's payload that of one seat among several in the meeting."""
    return {"seatsPerTimeSlot": 6, "seatsShowAttendees": False, "email": email, "attendees": [attendee(email)]} | more


def no_show(at: datetime, uid: str = "uid1", email: str = ANA, *, away: bool = True) -> dict[str, Any]:
    """BOOKING_NO_SHOW_UPDATED, which knows little."""
    told = {
        "message": "ana@example.com marked as no-show",
        "bookingUid": uid,
        "bookingId": 91,
        "attendees": [{"email": email, "noShow": away}],
    }
    return {"triggerEvent": "BOOKING_NO_SHOW_UPDATED", "createdAt": iso(at), "payload": told}


def ended(uid: str = "uid1", start: datetime = STARTS, lead_id: Any = None, email: str = ANA, **more: Any) -> dict[str, Any]:
    """MEETING_ENDED: the booking's stored row, flat; its `createdAt` is when it was booked."""
    said = payload(uid, start, lead_id, email)
    row = {name: said[name] for name in ("uid", "title", "startTime", "endTime", "metadata", "location", "eventTypeId")}
    person = {"id": 3, "email": email, "name": "Ana Díaz", "timeZone": "America/Mexico_City", "locale": "es", "bookingId": 91}
    answers = {"name": "Ana Díaz", "email": email, "attendeePhoneNumber": "+525512345678"}
    whole = row | {"id": 91, "userId": 7, "status": "ACCEPTED", "attendees": [person], "responses": answers}
    return {"triggerEvent": "MEETING_ENDED", **whole, "createdAt": iso(CREATED_AT), "user": ORGANIZER, **more}


def signed(said: Any, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """The body and the headers that Cal.com sends with it."""
    body = json.dumps(said, ensure_ascii=False).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"x-cal-signature-256": signature, "x-cal-webhook-version": "2021-10-20"}
