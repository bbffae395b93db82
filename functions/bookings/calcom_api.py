"""Cal.com's API: which bookings there are, each as the webhook that would report it. Only reads.

Cal.com sends a webhook once, so what it sent while we could not be reached is known here alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from functions.bookings.payloads import CANCELLED, CREATED, NO_SHOW, REJECTED, REQUESTED, RESCHEDULED
from functions.bookings.reading import items, mapping
from shared.errors import UnavailableError
from shared.vendors.rest_client import RestClient

VERSION = "2024-08-13"
PAGE_SIZE, MOST_PAGES = 100, 200
_TRIGGERS: Mapping[str, str] = {"pending": REQUESTED, "cancelled": CANCELLED, "rejected": REJECTED}


def bookings(since: datetime, page: int) -> tuple[list[Mapping[str, Any]], bool]:
    """A page, counted from 0, of the bookings of meetings that begin from then on, and whether it is the last.

    Cancelled ones are among them. They come in the order in which they begin.

    Raises:
        PuenteError: as every call; UnavailableError after MOST_PAGES, for then the calendar gives the same page for ever.
    """
    if page >= MOST_PAGES:
        raise UnavailableError(f"Cal.com: listing bookings: more than {MOST_PAGES} pages")
    params = {"afterStart": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "sortStart": "asc", "take": str(PAGE_SIZE)}
    asked = params | {"skip": str(page * PAGE_SIZE)}
    answer = CALCOM_API.connected().call("GET", "/v2/bookings", "listing bookings", repeatable=True, params=asked)
    found = [one for one in items(answer.get("data")) if isinstance(one, dict)]
    return list(found), len(found) < PAGE_SIZE


def webhooks(booking: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A booking as the webhooks about it: one for each person of a meeting with seats, and one about those who stayed away.

    A booking whose place another has taken is left out: that one names it.
    """
    status, people = booking.get("status"), [one for one in items(booking.get("attendees")) if isinstance(one, dict)]
    if status == "cancelled" and booking.get("rescheduledToUid"):
        return
    trigger = _TRIGGERS.get(str(status)) or (RESCHEDULED if booking.get("rescheduledFromUid") else CREATED)
    has_seats = any(one.get("seatUid") for one in people)
    if has_seats and trigger != CANCELLED:
        for person in people:
            yield _webhook(trigger, booking, [person], seat=str(person.get("seatUid") or ""))
    else:
        yield _webhook(trigger, booking, people, seat="-" if has_seats else "")
    away = [{"email": one.get("email"), "noShow": True} for one in people if one.get("absent") is True]
    if away:
        payload = {"bookingUid": booking.get("uid"), "attendees": away}
        yield {"triggerEvent": NO_SHOW, "createdAt": booking.get("updatedAt"), "payload": payload}


def _webhook(trigger: str, booking: Mapping[str, Any], people: list[dict[str, Any]], *, seat: str) -> dict[str, Any]:
    """Dated by the newest change, so that it says more than an older webhook about the same booking."""
    answers = mapping(booking.get("bookingFieldsResponses"))
    if seat and people:
        answers = mapping(people[0].get("bookingFieldsResponses")) or {"email": people[0].get("email")}
    payload = {
        "uid": booking.get("uid"),
        "title": booking.get("title"),
        "startTime": booking.get("start"),
        "endTime": booking.get("end"),
        "eventTypeId": booking.get("eventTypeId"),
        "attendees": [one | {"language": {"locale": one.get("language")}} for one in people],
        "responses": dict(answers),
        "metadata": dict(mapping(booking.get("metadata"))),
        "location": booking.get("location"),
        "rescheduleUid": booking.get("rescheduledFromUid"),
    }
    seats = {"seatsPerTimeSlot": 1} | ({"attendeeSeatId": seat} if seat != "-" else {}) if seat else {}
    series = (
        {"recurringEvent": {"count": 1}} if booking.get("recurringBookingUid") and trigger in (CREATED, RESCHEDULED) else {}
    )
    at = booking.get("updatedAt") or booking.get("createdAt")
    return {"triggerEvent": trigger, "createdAt": at, "payload": payload | seats | series}


CALCOM_API = RestClient(
    name="Cal.com",
    address="calcom_base_url",
    key="calcom_token",
    ping_by="/v2/me",
    shows="status",
    headers={"cal-api-version": VERSION},
    read_seconds=20,
)
