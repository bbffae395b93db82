"""Events as Google Calendar writes them, and what is read out of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from shared import clock
from shared.vendors.calendars.entries import (
    ACCEPTED,
    DECLINED,
    NEEDS_ACTION,
    TENTATIVE,
    Entry,
    Guest,
    Interval,
    Seen,
    Written,
)

OURS = "puente"
_RESPONSES = {"needsAction": NEEDS_ACTION, "accepted": ACCEPTED, "declined": DECLINED, "tentative": TENTATIVE}
_WORDS = {ours: theirs for theirs, ours in _RESPONSES.items()}


def is_cancelled(event: Mapping[str, Any]) -> bool:
    """Whether an event was deleted."""
    return event.get("status") == "cancelled"


def body_of(entry: Entry, known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the event says. `known` are those who are invited there: what they said stays, and whom others added as well."""
    ours = {one.address for one in entry.guests}
    others = [one for one in known if str(one.get("email", "")).lower() not in ours]
    answers_by = {str(one.get("email", "")).lower(): one for one in known}
    body = {
        "summary": entry.subject,
        "description": entry.description,
        "location": entry.location,
        "start": _time(entry.start, entry.zone),
        "end": _time(entry.end, entry.zone),
        "attendees": [*(_invited(one, answers_by.get(one.address)) for one in entry.guests), *others],
        "extendedProperties": {"private": {OURS: entry.key}},
    }
    return body | ({} if entry.reminders is None else {"reminders": _reminders(entry.reminders)})


def conference(entry: Entry) -> dict[str, Any]:
    """A wish for an address in Google Meet; the same wish again makes no second one."""
    return {"createRequest": {"requestId": entry.key, "conferenceSolutionKey": {"type": "hangoutsMeet"}}}


def is_same(known: Any, wanted: Any) -> bool:
    """Whether Google has it so already; an empty text is left out there, and times are compared as instants."""
    if isinstance(wanted, Mapping) and "dateTime" in wanted:
        return _moment(known, wanted["timeZone"]) == _moment(wanted, wanted["timeZone"])
    if isinstance(wanted, Mapping):
        return isinstance(known, Mapping) and all(is_same(known.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(known, list) and sorted(map(_key, known)) == sorted(map(_key, wanted))
    return bool((known or "") == wanted)


def written(event: Mapping[str, Any], generation: int) -> Written:
    """What is kept of an event that was written."""
    return Written(event_id=str(event["id"]), etag=str(event.get("etag") or ""), meeting_url=_url(event), generation=generation)


def seen(event: Mapping[str, Any], zone: str) -> Seen:
    """An event of a list; `zone` is the calendar's own. One that was deleted may hold no more than id and status."""
    people = event.get("attendees") or ()
    return Seen(
        event_id=str(event.get("id") or ""),
        is_cancelled=is_cancelled(event),
        start=_moment(event.get("start"), zone),
        end=_moment(event.get("end"), zone),
        etag=str(event.get("etag") or ""),
        meeting_url=_url(event),
        responses={
            str(one.get("email", "")).lower(): _RESPONSES.get(str(one.get("responseStatus")), NEEDS_ACTION) for one in people
        },
    )


def added(known: list[Interval] | None, answer: Any) -> list[Interval] | None:
    """What is known of a calendar together with one answer; None as soon as a part of it is not known."""
    if known is None or not isinstance(answer, Mapping) or answer.get("errors") or not isinstance(answer.get("busy"), list):
        return None
    try:
        return known + [Interval(_instant(one["start"]), _instant(one["end"])) for one in answer["busy"]]
    except (KeyError, TypeError, ValueError):
        return None


def _instant(text: str) -> datetime:
    return clock.as_utc(datetime.fromisoformat(text))


def _time(moment: datetime | None, zone: str) -> dict[str, str]:
    """A time as Google takes it; the zone says in which one people see it."""
    local = "" if moment is None else moment.astimezone(ZoneInfo(zone)).isoformat()
    return {"dateTime": local, "timeZone": zone}


def _moment(value: Any, zone: str) -> datetime | None:
    """An instant, or the beginning of a day in the calendar's own zone; None where there is none."""
    if not isinstance(value, Mapping):
        return None
    if value.get("dateTime"):
        moment = datetime.fromisoformat(value["dateTime"])
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(value.get("timeZone") or zone))).astimezone(UTC)
    if value.get("date"):
        return datetime.combine(datetime.fromisoformat(value["date"]).date(), time(0), ZoneInfo(zone)).astimezone(UTC)
    return None


def _invited(guest: Guest, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """An attendee. What they said in the calendar stays, unless they have declined here."""
    response = str((known or {}).get("responseStatus") or _WORDS[NEEDS_ACTION])
    invited = {**(known or {}), "email": guest.address, "responseStatus": _WORDS[DECLINED] if guest.has_declined else response}
    return invited | ({"displayName": guest.name} if guest.name and "displayName" not in invited else {})


def _reminders(minutes: Sequence[int]) -> dict[str, Any]:
    return {"useDefault": False, "overrides": [{"method": "popup", "minutes": one} for one in minutes]}


def _key(one: Mapping[str, Any]) -> tuple[str, ...]:
    """By what two entries of a list are the same: an attendee with their answer, or a reminder."""
    if "minutes" in one:
        return str(one.get("method")), str(one["minutes"])
    return str(one.get("email", "")).lower(), str(one.get("responseStatus") or _WORDS[NEEDS_ACTION])


def _url(event: Mapping[str, Any]) -> str | None:
    return str(event["hangoutLink"]) if event.get("hangoutLink") else None
