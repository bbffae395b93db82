"""Cal.com's API, as far as it says which bookings there are (version 2024-08-13)."""

from collections.abc import Sequence
from typing import Any

from sandbox.calcom.payloads import EVENT_SLUG, EVENT_TYPE, title, uid_of
from sandbox.jsonapi import answer_json, bearer, header
from sandbox.meetings.calendar import HOST, Booking
from sandbox.vendor import Answer, Call

VERSION = "2024-08-13"
_STATUSES = {"ACCEPTED": "accepted", "PENDING": "pending", "CANCELLED": "cancelled", "REJECTED": "rejected"}


def answer(call: Call, rows: Sequence[Booking]) -> Answer:
    """What is asked of it: `/v2/me`, or `/v2/bookings` with `afterStart`, `take`, `skip`."""
    if not bearer(call):
        return _refused(401, "UnauthorizedException")
    if call.method == "GET" and call.path == "/v2/me":
        return answer_json({"status": "success", "data": {"name": HOST}})
    if call.method != "GET" or call.path != "/v2/bookings":
        return _refused(404, "NotFoundException")
    if header(call, "cal-api-version") != VERSION:
        return _refused(400, "BadRequestException")
    take, skip = int(call.query.get("take") or 100), int(call.query.get("skip") or 0)
    asked = [row for row in rows if row["start"] >= call.query.get("afterStart", "")]
    found = _meetings(sorted(asked, key=lambda row: str(row["start"])))
    page = found[skip : skip + take]
    pagination = {"totalItems": len(found), "returnedItems": len(page), "hasNextPage": skip + take < len(found)}
    return answer_json({"status": "success", "data": page, "pagination": pagination})


def _meetings(rows: Sequence[Booking]) -> list[dict[str, Any]]:
    """One entry for each `uid`; the seats that are taken are its attendees."""
    shared: dict[str, list[Booking]] = {}
    for row in rows:
        shared.setdefault(uid_of(row), []).append(row)
    return [_entry(seats, rows) for seats in shared.values()]


def _entry(seats: Sequence[Booking], rows: Sequence[Booking]) -> dict[str, Any]:
    taken = [row for row in seats if row["status"] == "ACCEPTED"] or list(seats[:1])
    first = taken[0]
    following = next((uid_of(row) for row in rows if row["follows"] == uid_of(first)), None)
    return {
        "id": first["id"],
        "uid": uid_of(first),
        "title": title(first),
        "status": _STATUSES[first["status"]],
        "start": first["start"],
        "end": first["end"],
        "duration": first["minutes"],
        "eventTypeId": EVENT_TYPE,
        "eventType": {"id": EVENT_TYPE, "slug": EVENT_SLUG},
        "location": "integrations:daily",
        "attendees": [_attendee(row) for row in taken],
        "bookingFieldsResponses": {"name": first["name"], "email": first["email"], "attendeePhoneNumber": first["phone"]},
        "metadata": dict(first["metadata"]),
        "rescheduledFromUid": first["follows"],
        "rescheduledToUid": following,
        "recurringBookingUid": first["first"] if first["series"] else None,
        "createdAt": first["created_at"],
        "updatedAt": first.get("updated_at", first["created_at"]),
    }


def _attendee(row: Booking) -> dict[str, Any]:
    person = {"name": row["name"], "email": row["email"], "timeZone": row["time_zone"], "language": "es"}
    return person | {"absent": row["absent"], "phoneNumber": row["phone"]} | ({"seatUid": row["seat"]} if row["seats"] else {})


def _refused(status: int, code: str) -> Answer:
    body = {"status": "error", "error": {"code": code, "message": code}}
    return answer_json(body, status, outcome=code)
