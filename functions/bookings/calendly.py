"""Reads Calendly's webhooks as booking events. Light: imports no SQL and no vendor's client.

Calendly gives a subscription up when its webhooks are refused for a day, so nothing is refused here: what cannot be used is
taken in and ignored. One invitee of one meeting is one booking, and the invitee's address is its id.

Rescheduling sends two webhooks in any order, one that cancels the old booking and one that books the new. The cancelling one
is left out: the booking one names what it takes the place of, and until it is here the meeting stands as it was.
"""

import logging
from collections.abc import Mapping
from typing import Any

import azure.functions as func
from pydantic import model_validator

from functions.bookings import reading
from functions.bookings.payloads import CALENDLY, CALENDLY_SIGNATURE, CANCELLED, CREATED, NO_SHOW, BookingEvent
from functions.bookings.reading import first, items, mapping
from shared.intake.webhook import json_object
from shared.readers.email import key_or_none

log = logging.getLogger("puente.leads")

BOOKED, CALLED_OFF = "invitee.created", "invitee.canceled"
MISSED, MISSED_TAKEN_BACK = "invitee_no_show.created", "invitee_no_show.deleted"
TRIGGERS: Mapping[str, str] = {BOOKED: CREATED, CALLED_OFF: CANCELLED, MISSED: NO_SHOW, MISSED_TAKEN_BACK: NO_SHOW}
UNNAMED = "calendly"


class CalendlyEvent(BookingEvent):
    """A booking event that may still be in Calendly's own form, as events are that were taken in by an older version."""

    @model_validator(mode="before")
    @classmethod
    def _of_its_own_form(cls, data: Any) -> Any:
        return data_of(data) if isinstance(data, dict) and "trigger" not in data else data


def is_native(headers: Mapping[str, str], body: Mapping[str, Any]) -> bool:
    """Whether a request is in Calendly's own form: signed by it, or an `event` with a `payload`."""
    is_of_its_form = isinstance(body.get("event"), str) and isinstance(body.get("payload"), dict)
    return is_of_its_form or bool(headers.get(CALENDLY_SIGNATURE))


def read(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The event in a request. Raises RefusedError where there is no JSON object in it: 415, 400 or 422."""
    return data_of(json_object(request, raw))


def data_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a `CalendlyEvent`; of what is not used, the name and time alone."""
    name = reading.text(body.get("event"), 60) or UNNAMED
    invitee, unread = mapping(body.get("payload")), list[str]()
    at = reading.moment(body.get("created_at"), "created_at", [])
    uid = reading.uid(first(invitee.get("invitee"), invitee.get("uri")), "uri", unread)
    if not _is_used(name, invitee, uid):
        log.info("Calendly's event %s is not used", name)
        return {"calendar": CALENDLY, "trigger": name, "at": at}
    found = _event(name, invitee, unread) | {"calendar": CALENDLY, "trigger": TRIGGERS[name], "uid": uid}
    found["at"] = at if name != MISSED else first(_missed_at(invitee), at)
    if unread:
        log.warning("Calendly's event %s: left out as it cannot be read: %s", name, ", ".join(unread))
    return {field: value for field, value in found.items() if value not in (None, [], {}, False)}


def names_of(invitee: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """First and last name, from their fields or else from the one name."""
    if given := reading.text(invitee.get("first_name"), 100):
        return given, reading.text(invitee.get("last_name"), 100)
    given, _, family = (reading.text(invitee.get("name"), 200) or "").partition(" ")
    return given[:100] or None, family.strip()[:100] or None


def _is_used(name: str, invitee: Mapping[str, Any], uid: str | None) -> bool:
    if name not in TRIGGERS or uid is None:
        return False
    if name == CALLED_OFF and (invitee.get("rescheduled") is True or invitee.get("new_invitee")):
        return False
    return name != BOOKED or key_or_none(invitee.get("email")) is not None


def _event(name: str, invitee: Mapping[str, Any], unread: list[str]) -> dict[str, Any]:
    meeting = mapping(invitee.get("scheduled_event"))
    given, family = names_of(invitee)
    return {
        "follows": reading.uid(invitee.get("old_invitee"), "old_invitee", unread),
        "email": key_or_none(invitee.get("email")),
        "name": reading.text(invitee.get("name"), 200),
        "first_name": given,
        "last_name": family,
        "phone": reading.text(_phone(invitee, meeting), 100),
        "title": reading.text(meeting.get("name"), 200),
        "start_at": reading.moment(meeting.get("start_time"), "start_time", unread),
        "end_at": reading.moment(meeting.get("end_time"), "end_time", unread),
        "time_zone": reading.text(invitee.get("timezone"), 64),
        "meeting_url": reading.url(mapping(meeting.get("location")).get("join_url"), 1000),
        "change_url": reading.url(invitee.get("reschedule_url"), 1000),
        "cancel_url": reading.url(invitee.get("cancel_url"), 1000),
        "absent": {"": name == MISSED} if name in (MISSED, MISSED_TAKEN_BACK) else None,
        # Calendly does not report the end of a meeting; that somebody came after all does.
        "has_ended": name == MISSED_TAKEN_BACK,
        "unread": unread,
    }


def _missed_at(invitee: Mapping[str, Any]) -> str | None:
    """When somebody was marked as absent; in the short form it stands beside the two addresses."""
    mark = mapping(invitee.get("no_show")).get("created_at")
    return reading.moment(first(mark, invitee.get("created_at") if "invitee" in invitee else None), "no_show", [])


def _phone(invitee: Mapping[str, Any], meeting: Mapping[str, Any]) -> Any:
    """The number for text reminders; else the one that the host is to call, or an answer to a question about a number."""
    place = mapping(meeting.get("location"))
    called = reading.phone_in(place.get("location")) if place.get("type") == "outbound_call" else None
    asked = [one for one in items(invitee.get("questions_and_answers")) if reading.asks_for_phone(mapping(one).get("question"))]
    return first(invitee.get("text_reminder_number"), called, *(reading.phone_in(one.get("answer")) for one in asked))


__all__ = ["CalendlyEvent", "data_of", "is_native", "names_of", "read"]
