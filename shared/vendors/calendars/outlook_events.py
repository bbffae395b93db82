"""Events, times and schedules as Microsoft Graph writes them, and what is read out of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.vendors.calendars.entries import ACCEPTED, DECLINED, NEEDS_ACTION, TENTATIVE, Entry, Interval, Seen, Written

VIEW_MINUTES = 15
BLOCKING = frozenset(("tentative", "busy", "oof"))
FREE = frozenset(("free", "workingelsewhere"))
_VIEW_FREE, _VIEW_BUSY = "04", "123"
_RESPONSES = {
    "accepted": ACCEPTED,
    "organizer": ACCEPTED,
    "declined": DECLINED,
    "tentativelyaccepted": TENTATIVE,
}


def busy(schedule: Mapping[str, Any] | None, span: Interval) -> list[Interval] | None:
    """When a mailbox is busy; None where it could not be read: an error, no view, or a word that we do not know."""
    if schedule is None or schedule.get("error") or not schedule.get("availabilityView"):
        return None
    items = schedule.get("scheduleItems")
    try:
        return _of_items(items) if items else _of_view(str(schedule["availabilityView"]), span)
    except (KeyError, TypeError, ValueError):
        return None


def moment(value: Mapping[str, Any]) -> datetime:
    """A time with its zone beside it. Python reads six of Graph's seven decimals; the zone is the answer's own.

    Raises:
        ValueError: it is none, or its zone is unknown.
    """
    text, _, decimals = str(value["dateTime"]).rstrip("Z").partition(".")
    return (
        datetime.fromisoformat(f"{text}.{decimals[:6] or '0'}")
        .replace(tzinfo=zone_named(str(value["timeZone"])))
        .astimezone(UTC)
    )


def zone_named(name: str) -> ZoneInfo:
    """A zone by IANA's name or by that of Windows. Raises ValueError."""
    from babel.core import get_global

    try:
        return ZoneInfo(name if name != "tzone://Microsoft/Utc" else "UTC")
    except (KeyError, ValueError, OSError):
        iana: str | None = get_global("windows_zone_mapping").get(name)
        if iana is None:
            raise ValueError(f"no zone {name[:40]!r} is known") from None
        return ZoneInfo(iana)


def time_of(instant: datetime) -> dict[str, str]:
    """An instant as Graph takes it, in UTC."""
    return {"dateTime": instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": "UTC"}


def body_of(entry: Entry, known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the event says. The list of attendees replaces that in the calendar, so whom others added stays in it.

    Graph keeps one reminder of an event: of several it is the earliest.
    """
    ours = {one.address for one in entry.guests}
    others = [one for one in known if _address(one) not in ours]
    body: dict[str, Any] = {
        "subject": entry.subject,
        "body": {"contentType": "text", "content": entry.description},
        "location": {"displayName": entry.location},
        "attendees": [
            *(
                {"emailAddress": {"address": one.address, "name": one.name or one.address}, "type": "required"}
                for one in entry.guests
                if not one.has_declined
            ),
            *({"emailAddress": one["emailAddress"], "type": one.get("type", "required")} for one in others),
        ],
    }
    if entry.start is not None and entry.end is not None:
        body |= {"start": time_of(entry.start), "end": time_of(entry.end)}
    if entry.reminders is not None:
        body |= {"isReminderOn": bool(entry.reminders), "reminderMinutesBeforeStart": max(entry.reminders, default=0)}
    return body


def is_same(known: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether the calendar has it so already. The text is not compared: Graph gives back HTML with what it has added."""
    if known.get("subject") != body["subject"]:
        return False
    if str((known.get("location") or {}).get("displayName") or "") != body["location"]["displayName"]:
        return False
    if sorted(map(_address, known.get("attendees") or ())) != sorted(map(_address, body["attendees"])):
        return False
    return all(moment(known[name]) == moment(body[name]) for name in ("start", "end") if name in body)


def whole(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The event; None for one that is cancelled."""
    return None if event.get("isCancelled") else event


def written(event: Mapping[str, Any]) -> Written:
    """What is kept of an event that was written."""
    return Written(event_id=str(event["id"]), etag=str(event.get("@odata.etag") or ""), meeting_url=_url(event))


def seen(event: Mapping[str, Any]) -> Seen:
    """An event as it was read."""
    return Seen(
        event_id=str(event["id"]),
        start=moment(event["start"]),
        end=moment(event["end"]),
        etag=str(event.get("@odata.etag") or ""),
        meeting_url=_url(event),
        responses={
            _address(one): _RESPONSES.get(str((one.get("status") or {}).get("response", "")).lower(), NEEDS_ACTION)
            for one in event.get("attendees") or ()
        },
    )


def _of_items(items: Sequence[Mapping[str, Any]]) -> list[Interval]:
    found = []
    for one in items:
        status = str(one["status"]).lower()
        if status not in BLOCKING | FREE:
            raise ValueError(f"no such status: {status[:20]}")
        if status in BLOCKING:
            found.append(Interval(moment(one["start"]), moment(one["end"])))
    return found


def _of_view(view: str, span: Interval) -> list[Interval]:
    """Where the entries are not shown to us, each sign stands for a quarter of an hour."""
    if set(view) - set(_VIEW_FREE + _VIEW_BUSY):
        raise ValueError("a sign of the view is unknown")
    step = timedelta(minutes=VIEW_MINUTES)
    starts = [span.start + number * step for number, sign in enumerate(view) if sign in _VIEW_BUSY]
    return [Interval(start, start + step) for start in starts]


def _address(attendee: Mapping[str, Any]) -> str:
    return str((attendee.get("emailAddress") or {}).get("address") or "").lower()


def _url(event: Mapping[str, Any]) -> str | None:
    found = (event.get("onlineMeeting") or {}).get("joinUrl") or event.get("onlineMeetingUrl")
    return str(found) if found else None
