"""Cal.com's webhooks as it sends them: payloads of real shape, signed."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.leads import ids
from tests.support import payloads

SECRET = "secreto-de-cal"  # of the tests alone
CREATED_AT = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
STARTS = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
ANA = "ana@example.com"
ORGANIZER = payloads.payload("calcom.booking", "BOOKING_CREATED")["payload"]["organizer"]


def iso(moment: datetime) -> str:
    """A time as Cal.com writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def attendee(email: str = ANA, **more: Any) -> dict[str, Any]:
    """Somebody who booked."""
    known: dict[str, Any] = payloads.payload("calcom.booking", "BOOKING_CREATED")["payload"]["attendees"][0]
    return known | {"email": email} | more


def _link(lead_id: Any) -> Any:
    is_number = isinstance(lead_id, int) and not isinstance(lead_id, bool) and 0 < lead_id < 2**53
    return ids.signed(lead_id) if is_number else lead_id


def payload(uid: str = "uid1", start: datetime = STARTS, lead_id: Any = None, email: str = ANA, **more: Any) -> dict[str, Any]:
    """The `payload` of a booking's webhook; a lead's number is signed, as the booking link carries it, a text stays bare."""
    known: dict[str, Any] = payloads.payload("calcom.booking", "BOOKING_CREATED")["payload"]
    known["responses"]["email"]["value"] = email
    known["videoCallData"] |= {"id": uid, "url": f"https://app.cal.com/video/{uid}"}
    known["metadata"] |= {"videoCallUrl": f"https://app.cal.com/video/{uid}"}
    known["metadata"] |= {} if lead_id is None else {"lead_id": _link(lead_id)}
    times = {"startTime": iso(start), "endTime": iso(start + timedelta(minutes=30))}
    known |= {"uid": uid, "attendees": [attendee(email)]} | times
    return known | more


def event(trigger: str, at: datetime = CREATED_AT, **more: Any) -> dict[str, Any]:
    """A webhook about a booking."""
    return {"triggerEvent": trigger, "createdAt": iso(at), "payload": payload(**more)}


def created(at: datetime = CREATED_AT, **more: Any) -> dict[str, Any]:
    """BOOKING_CREATED."""
    return event("BOOKING_CREATED", at, **more)


def rescheduled(uid: str, old: str, start: datetime, at: datetime, old_start: datetime = STARTS, **more: Any) -> dict[str, Any]:
    """BOOKING_RESCHEDULED: `uid` is the new booking, the old one is named beside it."""
    sent = payloads.payload("calcom.booking", "BOOKING_RESCHEDULED")["payload"]
    before = {name: sent[name] for name in ("rescheduleId", "rescheduledBy", "bookingId")}
    ends = iso(old_start + timedelta(minutes=30))
    before |= {"rescheduleUid": old, "rescheduleStartTime": iso(old_start), "rescheduleEndTime": ends}
    return event("BOOKING_RESCHEDULED", at, uid=uid, start=start, **(before | more))


def cancelled(at: datetime, **more: Any) -> dict[str, Any]:
    """BOOKING_CANCELLED."""
    sent = payloads.payload("calcom.booking", "BOOKING_CANCELLED")["payload"]
    reason = {name: sent[name] for name in ("cancellationReason", "cancelledBy", "status")}
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
    sent = payloads.payload("calcom.booking", "BOOKING_NO_SHOW_UPDATED", createdAt=iso(at))
    return sent | {"payload": sent["payload"] | {"bookingUid": uid, "attendees": [{"email": email, "noShow": away}]}}


def ended(uid: str = "uid1", start: datetime = STARTS, lead_id: Any = None, email: str = ANA, **more: Any) -> dict[str, Any]:
    """MEETING_ENDED: the booking's stored row, flat; its `createdAt` is when it was booked."""
    sent = payloads.payload("calcom.booking", "MEETING_ENDED")
    booked = payload(uid, start, lead_id, email)
    row = {name: booked[name] for name in ("uid", "startTime", "endTime", "metadata")}
    row["attendees"] = [sent["attendees"][0] | {"email": email}]
    row["responses"] = sent["responses"] | {"email": email}
    return sent | row | more


def signed(event_sent: Any, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """The body and the headers that Cal.com sends with it."""
    body = json.dumps(event_sent, ensure_ascii=False).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"x-cal-signature-256": signature, "x-cal-webhook-version": "2021-10-20"}
