"""Reads a calendar's webhook as a booking event. Light: imports no SQL and no vendor's client.

Cal.com's payloads and the old system's simple form, `{"event": "BOOKING_CREATED", "payload": {"metadata": {"lead_id": 1}}}`,
become the same events. Only the fields that are used are kept of a payload: answers to a booking form's own questions are not.
A field that cannot be read is left out and named in `unread`; only a body without an event or without a booking is refused.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import azure.functions as func

from functions.bookings import reading
from functions.bookings.payloads import (
    CANCELLED,
    CREATED,
    ENDED,
    LARGEST_ID,
    LONGEST_UID,
    MEANINGFUL,
    NO_SHOW,
    REQUESTED,
    RESCHEDULED,
    is_from_calendar,
    seat_of,
)
from functions.bookings.reading import first, items, mapping
from functions.leads import ids
from shared.intake.webhook import json_object
from shared.readers import nothing
from shared.readers.email import key_or_none

log = logging.getLogger("puente.leads")

MOST_PEOPLE = 500  # of one meeting, and of answers and dates in one webhook
# Where the id stands that a booking had before. A new seat also has a number, by which its rescheduling may name it.
_FOLLOWS: Mapping[str, tuple[str, ...]] = {
    CREATED: ("attendeeSeatId",),
    RESCHEDULED: ("rescheduleUid",),
    REQUESTED: ("rescheduleUid",),
    ENDED: ("fromReschedule",),
}
NO_MAILBOX = "@sms.cal.com"  # Cal.com's stand-in for people who book with a phone number alone


def read(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The event in a request; of one that is not used, the name and time alone. Raises RefusedError: 415, 400 or 422."""
    return data_of(json_object(request, raw), is_public=is_from_calendar(request))


def data_of(data: Mapping[str, Any], *, is_public: bool) -> dict[str, Any]:
    """The data of a `BookingEvent`; of what is not used, the name and time alone. `is_public`: see `_lead_ref`."""
    trigger = _trigger(data)
    if trigger not in MEANINGFUL:
        log.info("the calendar's event %.60s is not used", trigger)
        return {"trigger": trigger, "at": reading.moment(data.get("createdAt"), "createdAt", [])}
    inner = data.get("payload")
    payload: Mapping[str, Any] = inner if isinstance(inner, dict) else data  # the end of a meeting is reported flat
    found = _event(trigger, data, payload, is_public=is_public)
    if found["unread"]:
        log.warning("the calendar's event %s: left out as it cannot be read: %s", trigger, ", ".join(found["unread"]))
    return {name: value for name, value in found.items() if value not in (None, [], {}, False)}


def _trigger(payload: Mapping[str, Any]) -> str:
    """What has happened: `triggerEvent` (Cal.com), else `event` or `type` (the old system)."""
    given = (payload.get(name) for name in ("triggerEvent", "event", "type"))
    return next((text.strip().upper()[:60] for text in given if isinstance(text, str) and text.strip()), "")


def _event(trigger: str, data: Mapping[str, Any], payload: Mapping[str, Any], *, is_public: bool) -> dict[str, Any]:
    unread: list[str] = []
    follows = _FOLLOWS.get(trigger)
    people = [one for one in items(payload.get("attendees")) if isinstance(one, dict)]
    booker = _booker(payload, people)
    return _seats(trigger, payload, people, booker) | {
        "trigger": trigger,
        "uid": reading.uid(first(payload.get("uid"), payload.get("bookingUid")), "uid", unread),
        "follows": reading.uid(first(*(payload.get(name) for name in follows)), follows[0], unread) if follows else None,
        # Of a stored booking, which the end of a meeting is reported with, it is the time at which that was made.
        "at": None if trigger == ENDED and payload is data else reading.moment(data.get("createdAt"), "createdAt", unread),
        "lead_ref": _lead_ref(data, payload, unread, is_public=is_public),
        "email": _email(first(booker.get("email"), _answer(payload, "email"))),
        "name": reading.text(nothing.read(first(booker.get("name"), _name(payload)), nothing.FieldKind.FULL_NAME), 200),
        "first_name": reading.text(first(booker.get("firstName"), _name_part(payload, "firstName")), 100),
        "phone": reading.text(_phone(payload, booker), 100),
        "title": reading.text(first(payload.get("title"), payload.get("eventTitle")), 200),
        "start_at": reading.moment(payload.get("startTime"), "startTime", unread),
        "end_at": reading.moment(payload.get("endTime"), "endTime", unread),
        "time_zone": reading.text(booker.get("timeZone"), 64),
        "locale": _locale(booker),
        "meeting_url": _meeting(payload),
        "page": reading.url(payload.get("bookerUrl"), 300),
        **_seat_pages(payload),
        "absent": dict(_absences(people)) if trigger == NO_SHOW else None,
        **_series(trigger, payload),
        "unread": unread,
    }


def _booker(payload: Mapping[str, Any], people: list[dict[str, Any]]) -> dict[str, Any]:
    """The attendee who booked: the one whose address the form was filled in with, else the first."""
    if _has_seats(payload) and (given := _email(_answer(payload, "email"))) is not None:
        return next((one for one in people if _email(one.get("email")) == given), people[0] if people else {})
    return people[0] if people else {}


def _has_seats(payload: Mapping[str, Any]) -> bool:
    """Whether several people book the same meeting: one `uid` is then not one person."""
    places = (
        payload.get("seatsPerTimeSlot"),
        payload.get("attendeeSeatId"),
        mapping(payload.get("eventType")).get("seatsPerTimeSlot"),
    )
    return any(places)


def _seats(trigger: str, payload: Mapping[str, Any], people: list[dict[str, Any]], booker: dict[str, Any]) -> dict[str, Any]:
    """Whose seat it is about. A cancellation names the one who gives a seat up, or everybody where the meeting is off."""
    if not _has_seats(payload):
        return {}
    if trigger in (CREATED, RESCHEDULED, REQUESTED):
        address = first(booker.get("email"), _answer(payload, "email"))
        return {"seat": seat_of(address) if isinstance(address, str) else None}
    given = [one["email"] for one in people[:MOST_PEOPLE] if isinstance(one.get("email"), str)]
    return {"seats": {seat_of(address): _email(address) or "" for address in given}}


def _seat_pages(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The pages of one seat, which have its number; those of a whole meeting follow from its `uid`."""
    page, seat = reading.url(payload.get("bookerUrl"), 300), reading.text(payload.get("attendeeSeatId"), 100)
    uid = reading.text(payload.get("uid"), LONGEST_UID)
    if not (page and seat and uid):
        return {}
    cancel = f"{page}/booking/{quote(uid, safe='')}?cancel=true&seatReferenceUid={quote(seat, safe='')}"
    return {"change_url": f"{page}/reschedule/{quote(seat, safe='')}", "cancel_url": cancel}


def _series(trigger: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The kind of a meeting that is repeated. A cancellation has the rule of repetition only where it ends the series."""
    days = [reading.moment(day, "cancelledDates", []) for day in items(payload.get("cancelledDates"))[:MOST_PEOPLE]]
    off_at = [day for day in days if day is not None]
    is_repeated = bool(mapping(payload.get("recurringEvent")))
    if not (is_repeated or off_at):
        return {}
    series = {"series": reading.text(payload.get("eventTypeId"), 40)}
    return series | ({"ends_series": is_repeated and not off_at, "off_at": off_at} if trigger == CANCELLED else {})


def _phone(payload: Mapping[str, Any], booker: Mapping[str, Any]) -> Any:
    """The number by the field that Cal.com has for it, else wherever an answer holds one.

    A place to meet may be the number itself, and a question of the host's own may ask for one. In a meeting with seats the
    number for reminders is that of the first person who booked, whoever this is.
    """
    answers = [_answer(payload, name) for name in ("attendeePhoneNumber", "smsReminderNumber", "phone")]
    of_meeting = None if _has_seats(payload) else payload.get("smsReminderNumber")
    of_booker = booker.get("phoneNumber"), _phone_in(booker.get("email"))
    return first(*answers, of_meeting, *of_booker, *_phone_places(payload), *_asked_phones(payload))


def _phone_places(payload: Mapping[str, Any]) -> Iterator[str | None]:
    given = mapping(mapping(payload.get("responses")).get("location"))
    inner = mapping(given.get("value"))
    for value in (inner.get("optionValue"), given.get("optionValue"), inner.get("value"), payload.get("location")):
        yield reading.phone_in(value)


def _asked_phones(payload: Mapping[str, Any]) -> Iterator[str | None]:
    """Answers to the host's own questions about a number, by the question's name or its text."""
    for group in ("responses", "userFieldsResponses", "customInputs"):
        for name, given in list(mapping(payload.get(group)).items())[:MOST_PEOPLE]:
            label, value = (given.get("label"), given.get("value")) if isinstance(given, dict) else (None, given)
            if reading.asks_for_phone(name, label):
                yield reading.phone_in(value)


def _lead_ref(data: Mapping[str, Any], payload: Mapping[str, Any], unread: list[str], *, is_public: bool) -> int | None:
    """The lead's number, from the booking link's `metadata[lead_id]`, a field of the form, or the body itself.

    Whoever opens a booking page may write anything into its address and its fields (`is_public`): from there only the number
    that we have signed counts (`functions.leads.ids`). A caller with a key or the secret of its own may give it bare.
    """
    places = (mapping(payload.get("metadata")), payload, mapping(data.get("metadata")), data)
    given = [place.get("lead_id") for place in places] + [_answer(payload, "lead_id")]
    for value in given:
        number = ids.verified(value)
        if number is None and not is_public:
            number = _number(value)
        if number is not None:
            return number
    if any(value not in (None, "") for value in given):
        unread.append("lead_id")
    return None


def _number(value: Any) -> int | None:
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    if not (text.isascii() and text.isdecimal() and len(text) < 20):  # noqa: PLR2004  # digits of a 64-bit integer
        return None
    number = int(text)
    return number if 0 < number <= LARGEST_ID else None


def _answer(payload: Mapping[str, Any], field: str) -> Any:
    """What was answered to a question of the booking form: `{"label": ..., "value": ...}`, in stored rows the bare value."""
    for group in ("responses", "userFieldsResponses"):
        given = mapping(payload.get(group)).get(field)
        is_described = isinstance(given, dict) and not {"value", "label", "isHidden"}.isdisjoint(given)
        value = mapping(given).get("value") if is_described else given  # a question without an answer has no value
        if value not in (None, ""):
            return value
    return None


def _name(payload: Mapping[str, Any]) -> Any:
    parts = [_name_part(payload, part) for part in ("firstName", "lastName")]
    return " ".join(str(part) for part in parts if part) or _answer(payload, "name")


def _name_part(payload: Mapping[str, Any], part: str) -> Any:
    """A form may ask for first and last name in two fields; they come as one answer with two parts."""
    return mapping(_answer(payload, "name")).get(part)


def _absences(people: list[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    for one in people[:MOST_PEOPLE]:
        if isinstance(one.get("noShow"), bool):
            yield _email(one.get("email")) or "", one["noShow"]


def _meeting(payload: Mapping[str, Any]) -> str | None:
    """Where the meeting takes place, if that is an address on the web."""
    places = (
        (mapping(payload.get("metadata")), "videoCallUrl"),
        (mapping(payload.get("videoCallData")), "url"),
        (payload, "location"),
    )
    return next((url for place, name in places if (url := reading.url(place.get(name), 1000))), None)


def _email(value: Any) -> str | None:
    """The address by its key; Cal.com's stand-in for people without one is none."""
    return key_or_none(value)


def _phone_in(email: Any) -> str | None:
    return email.removesuffix(NO_MAILBOX) if isinstance(email, str) and email.endswith(NO_MAILBOX) else None


def _locale(booker: Mapping[str, Any]) -> str | None:
    text = reading.text(first(mapping(booker.get("language")).get("locale"), booker.get("locale")), 35)
    return text if text and re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", text) else None


__all__ = ["data_of", "read"]
