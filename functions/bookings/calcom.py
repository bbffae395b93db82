"""Reads a calendar's webhook as a booking event. Light: imports no SQL and no vendor's client.

Cal.com's payloads and the old system's simple form, `{"event": "BOOKING_CREATED", "payload": {"metadata": {"lead_id": 1}}}`,
become the same events. Only the fields that are used are kept of a payload: answers to a booking form's own questions are not.
A field that cannot be read is left out and named in `unread`; only a body without an event or without a booking is refused.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

import azure.functions as func

from functions.bookings.payloads import ENDED, LARGEST_ID, LONGEST_UID, MEANINGFUL, NO_SHOW, RESCHEDULED, is_from_calendar
from functions.leads import ids
from shared.intake.webhook import json_object
from shared.readers import UnreadableError, dates, nothing
from shared.readers.email import key_or_none

log = logging.getLogger("puente.leads")

UTF16_UNIT = 2  # bytes
NO_MAILBOX = "@sms.cal.com"  # Cal.com's stand-in for people who book with a phone number alone


def read(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The event in a request; of one that is not used, the name and time alone. Raises RefusedError: 415, 400 or 422."""
    data = json_object(request, raw)
    trigger = _trigger(data)
    if trigger not in MEANINGFUL:
        log.info("the calendar's event %.60s is not used", trigger)
        return {"trigger": trigger, "at": _moment(data.get("createdAt"), "createdAt", [])}
    inner = data.get("payload")
    payload: Mapping[str, Any] = inner if isinstance(inner, dict) else data  # the end of a meeting is reported flat
    found = _event(trigger, data, payload, is_public=is_from_calendar(request))
    if found["unread"]:
        log.warning("the calendar's event %s: left out as it cannot be read: %s", trigger, ", ".join(found["unread"]))
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def _trigger(payload: Mapping[str, Any]) -> str:
    """What has happened: `triggerEvent` (Cal.com), else `event` or `type` (the old system)."""
    given = (payload.get(name) for name in ("triggerEvent", "event", "type"))
    return next((text.strip().upper()[:60] for text in given if isinstance(text, str) and text.strip()), "")


def _event(trigger: str, data: Mapping[str, Any], payload: Mapping[str, Any], *, is_public: bool) -> dict[str, Any]:
    unread: list[str] = []
    follows = {RESCHEDULED: "rescheduleUid", ENDED: "fromReschedule"}.get(trigger)
    people = [one for one in _list(payload.get("attendees")) if isinstance(one, dict)]
    booker = people[0] if people else {}
    email = _email(_first(booker.get("email"), _answer(payload, "email")))
    phone = _first(
        *(_answer(payload, name) for name in ("attendeePhoneNumber", "smsReminderNumber", "phone")),
        payload.get("smsReminderNumber"),
        booker.get("phoneNumber"),
        _phone_in(booker.get("email")),
    )
    return {
        "trigger": trigger,
        "uid": _uid(_first(payload.get("uid"), payload.get("bookingUid")), "uid", unread),
        "follows": _uid(payload.get(follows), follows, unread) if follows else None,
        # Of a stored booking, which the end of a meeting is reported with, it is the time at which that was made.
        "at": None if trigger == ENDED and payload is data else _moment(data.get("createdAt"), "createdAt", unread),
        "lead_ref": _lead_ref(data, payload, unread, is_public=is_public),
        "email": email,
        "name": _text(nothing.read(_first(booker.get("name"), _name(payload)), nothing.Kind.FULL_NAME), 200),
        "first_name": _text(_first(booker.get("firstName"), _name_part(payload, "firstName")), 100),
        "phone": _text(phone, 100),
        "title": _text(_first(payload.get("title"), payload.get("eventTitle")), 200),
        "start_at": _moment(payload.get("startTime"), "startTime", unread),
        "end_at": _moment(payload.get("endTime"), "endTime", unread),
        "time_zone": _text(booker.get("timeZone"), 64),
        "locale": _locale(booker),
        "meeting_url": _meeting(payload),
        "page": _url(payload.get("bookerUrl"), 300),
        "absent": dict(_absences(people)) if trigger == NO_SHOW else None,
        "unread": unread,
    }


def _lead_ref(data: Mapping[str, Any], payload: Mapping[str, Any], unread: list[str], *, is_public: bool) -> int | None:
    """The lead's number, from the booking link's `metadata[lead_id]`, a field of the form, or the body itself.

    Whoever opens a booking page may write anything into its address and its fields (`is_public`): from there only the number
    that we have signed counts (`functions.leads.ids`). A caller with a key or the secret of its own may give it bare.
    """
    places = (_dict(payload.get("metadata")), payload, _dict(data.get("metadata")), data)
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
        given = _dict(payload.get(group)).get(field)
        value = given.get("value") if isinstance(given, dict) and "value" in given else given
        if value not in (None, ""):
            return value
    return None


def _name(payload: Mapping[str, Any]) -> Any:
    parts = [_name_part(payload, part) for part in ("firstName", "lastName")]
    return " ".join(str(part) for part in parts if part) or _answer(payload, "name")


def _name_part(payload: Mapping[str, Any], part: str) -> Any:
    """A form may ask for first and last name in two fields; they come as one answer with two parts."""
    return _dict(_answer(payload, "name")).get(part)


def _absences(people: list[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    for one in people[:50]:
        if isinstance(one.get("noShow"), bool):
            yield _email(one.get("email")) or "", one["noShow"]


def _meeting(payload: Mapping[str, Any]) -> str | None:
    """Where the meeting takes place, if that is an address on the web."""
    places = (
        (_dict(payload.get("metadata")), "videoCallUrl"),
        (_dict(payload.get("videoCallData")), "url"),
        (payload, "location"),
    )
    return next((url for place, name in places if (url := _url(place.get(name), 1000))), None)


def _uid(value: Any, name: str, unread: list[str]) -> str | None:
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text and (_units(text) > LONGEST_UID or not text.isprintable()):
        unread.append(name)
        return None
    return text or None


def _moment(value: Any, name: str, unread: list[str]) -> str | None:
    if value in (None, ""):
        return None
    try:
        return dates.read_instant(value).isoformat()
    except UnreadableError:
        unread.append(name)
        return None


def _email(value: Any) -> str | None:
    """The address by its key; Cal.com's stand-in for people without one is none."""
    return key_or_none(value)


def _phone_in(email: Any) -> str | None:
    return email.removesuffix(NO_MAILBOX) if isinstance(email, str) and email.endswith(NO_MAILBOX) else None


def _locale(booker: Mapping[str, Any]) -> str | None:
    text = _text(_first(_dict(booker.get("language")).get("locale"), booker.get("locale")), 35)
    return text if text and re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", text) else None


def _url(value: Any, at_most: int) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if re.fullmatch(r"https?://[^\s<>\"]+", text) and _units(text) <= at_most else None


def _text(value: Any, at_most: int) -> str | None:
    """As much of a text as the column holds, in one line."""
    plain = " ".join(str(value).split()) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return plain.encode("utf-16-le")[: UTF16_UNIT * at_most].decode("utf-16-le", "ignore").strip() or None


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // UTF16_UNIT


def _first(*values: Any) -> Any:
    return next((value for value in values if value not in (None, "")), None)


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


__all__ = ["read"]
