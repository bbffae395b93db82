"""Calendars of Microsoft 365 (Graph v1.0), as the registered app itself.

Graph knows no id of ours for an event: a new one carries a `transactionId` and a property of our own, by which it is found
again after a lost answer. It always tells the attendees by itself. Times go out and come back in UTC, as zones have other
names there.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from functions.meetings.calendars import (
    CALLS,
    READ_SECONDS,
    TARGET,
    Channel,
    EventDeletedError,
    NoSuchCalendarError,
    Seen,
    Written,
)
from functions.meetings.slots import Interval
from functions.meetings.tables import ACCEPTED, DECLINED, NEEDS_ACTION, TENTATIVE, Meeting, MeetingCalendar
from shared import clock
from shared.errors import PermanentError, UncertainError
from shared.vendors import answers
from shared.vendors.microsoft import code_and_text, graph_client

MOST_MAILBOXES = 20
VIEW_MINUTES = 15
OPEN_FOR = timedelta(days=6)
PROPERTY = "String {5d0b3a5e-6c1f-4f0e-9a55-2b7f2c1c7d58} Name puenteKey"
BLOCKING = frozenset(("tentative", "busy", "oof"))
FREE = frozenset(("free", "workingelsewhere"))
_VIEW_FREE, _VIEW_BUSY = "04", "123"
NO_MAILBOX = frozenset(
    (
        "MailboxNotEnabledForRESTAPI",
        "ErrorInvalidUser",
        "ResourceNotFound",
        "ErrorNonExistentMailbox",
        "Request_ResourceNotFound",
    )
)
GONE = frozenset(("ErrorItemNotFound", "ErrorInvalidIdMalformed", "itemNotFound"))
DUPLICATE = "ErrorDuplicateTransactionId"
_RESPONSES = {
    "accepted": ACCEPTED,
    "organizer": ACCEPTED,
    "declined": DECLINED,
    "tentativelyaccepted": TENTATIVE,
}
HEADERS = {"Prefer": 'outlook.timezone="UTC", IdType="ImmutableId"'}

GRAPH_CALENDAR = graph_client(name="Graph-Calendar", target=TARGET, read_seconds=READ_SECONDS, calls=CALLS, headers=HEADERS)


class OutlookCalendar:
    """The calendars of a tenant."""

    def busy(
        self, organizer: str, addresses: Sequence[str], spans: Sequence[Interval]
    ) -> Mapping[str, Sequence[Interval] | None]:
        """By getSchedule. A mailbox with an `error` in the answer could not be read, though the answer is a 200."""
        found: dict[str, list[Interval] | None] = {one: [] for one in addresses}
        for span in spans:
            for first in range(0, len(addresses), MOST_MAILBOXES):
                asked = addresses[first : first + MOST_MAILBOXES]
                answer = self._schedules(organizer, asked, span)
                for one in asked:
                    more = _busy(answer.get(one), span)
                    known = found[one]
                    found[one] = None if known is None or more is None else known + more
        return found

    def put(self, meeting: Meeting) -> Written:
        """Change what differs; make the event where there is none. A create whose answer was lost is found by our property."""
        known = self._get(meeting) if meeting.calendar_event_id else self._find(meeting)
        if known is None and meeting.calendar_event_id:
            raise EventDeletedError("Microsoft 365: the event was deleted")
        if known is None:
            return self._made(meeting)
        return self._changed(meeting, known)

    def drop(self, meeting: Meeting) -> None:
        """Cancel it, which tells the attendees; where we are not its organizer, delete it."""
        known = self._get(meeting) if meeting.calendar_event_id else self._find(meeting)
        if known is None:
            return
        path = f"{_events(meeting.organizer)}/{quote(str(known['id']), safe='')}"
        response = _call("POST", f"{path}/cancel", json={"Comment": ""})
        if response.status_code == HTTPStatus.BAD_REQUEST:
            response = _call("DELETE", path)
        if not answers.is_good(response) and _code(response) not in GONE:
            raise _refusal(response, "cancelling an event")

    def event(self, meeting: Meeting) -> Seen | None:
        """By its id. What is deleted is gone; then only the id is known, and that it is cancelled."""
        known = self._get(meeting) if meeting.calendar_event_id else self._find(meeting)
        if known is None:
            return Seen(event_id=meeting.calendar_event_id, is_cancelled=True) if meeting.calendar_event_id else None
        return _seen(known)

    def listen(self, calendar: MeetingCalendar, address: str, token: str) -> Channel:
        """Renew the subscription; where there is none (any more), make one, or take up one that a lost answer has made."""
        until = clock.now() + OPEN_FOR
        expiration = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        resource = f"users/{calendar.address}/events"
        for subscription in filter(None, (calendar.channel_id, self._lost(resource, address))):
            response = _call("PATCH", f"/subscriptions/{subscription}", json={"expirationDateTime": expiration})
            if answers.is_good(response):
                return Channel(channel_id=subscription, resource_id=resource, expires_at=until)
            if response.status_code != HTTPStatus.NOT_FOUND:
                raise _refusal(response, "renewing a subscription")
        body = {
            "changeType": "updated,deleted",
            "notificationUrl": address,
            "lifecycleNotificationUrl": address,
            "resource": resource,
            "expirationDateTime": expiration,
            "clientState": token,
        }
        response = _call("POST", "/subscriptions", json=body)
        if not answers.is_good(response):
            raise _refusal(response, "subscribing")
        made = answers.mapping(response, "subscribing", repeatable=True)
        return Channel(channel_id=str(made["id"]), resource_id=resource, expires_at=until)

    def changes(self, calendar: MeetingCalendar) -> tuple[Sequence[Seen], str | None] | None:
        """There is no list of changes without a window of days: events are read one by one."""
        del calendar
        return None

    def _schedules(self, organizer: str, asked: Sequence[str], span: Interval) -> Mapping[str, Mapping[str, Any]]:
        body = {
            "schedules": list(asked),
            "startTime": _time(span.start),
            "endTime": _time(span.end),
            "availabilityViewInterval": VIEW_MINUTES,
        }
        response = _call("POST", f"/users/{quote(organizer, safe='')}/calendar/getSchedule", json=body, reads=True)
        if not answers.is_good(response):
            raise _refusal(response, "asking who is busy")
        found = answers.mapping(response, "asking who is busy", repeatable=True).get("value") or []
        return {str(one.get("scheduleId", "")).lower(): one for one in found if isinstance(one, Mapping)}

    def _get(self, meeting: Meeting) -> Mapping[str, Any] | None:
        response = _call("GET", f"{_events(meeting.organizer)}/{quote(str(meeting.calendar_event_id), safe='')}")
        if response.status_code == HTTPStatus.NOT_FOUND:
            if _code(response) in NO_MAILBOX:
                raise _refusal(response, "reading an event")
            return None
        if not answers.is_good(response):
            raise _refusal(response, "reading an event")
        return _whole(answers.mapping(response, "reading an event", repeatable=True))

    def _find(self, meeting: Meeting) -> Mapping[str, Any] | None:
        condition = f"singleValueExtendedProperties/Any(ep: ep/id eq '{PROPERTY}' and ep/value eq '{meeting.key}')"
        response = _call("GET", _events(meeting.organizer), params={"$filter": condition})
        if not answers.is_good(response):
            raise _refusal(response, "looking for an event")
        found = answers.mapping(response, "looking for an event", repeatable=True).get("value") or []
        return next((one for one in map(_whole, found) if one is not None), None)

    def _made(self, meeting: Meeting) -> Written:
        body = _body(meeting, []) | {
            "transactionId": meeting.key,
            "isOnlineMeeting": True,
            "onlineMeetingProvider": "teamsForBusiness",
            "singleValueExtendedProperties": [{"id": PROPERTY, "value": meeting.key}],
        }
        try:
            response = _call("POST", _events(meeting.organizer), repeatable=False, json=body)
        except UncertainError:
            if (known := self._find(meeting)) is None:
                raise
            return _written(known)
        if answers.is_good(response):
            return _written(answers.mapping(response, "making an event", repeatable=False))
        if _code(response) == DUPLICATE and (known := self._find(meeting)) is not None:
            return self._changed(meeting, known)
        raise _refusal(response, "making an event")

    def _changed(self, meeting: Meeting, known: Mapping[str, Any]) -> Written:
        body = _body(meeting, known.get("attendees") or [])
        if _is_same(known, body):
            return _written(known)
        response = _call("PATCH", f"{_events(meeting.organizer)}/{quote(str(known['id']), safe='')}", json=body)
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise EventDeletedError("Microsoft 365: the event was deleted")
        if not answers.is_good(response):
            raise _refusal(response, "changing an event")
        return _written(answers.mapping(response, "changing an event", repeatable=True))

    def _lost(self, resource: str, address: str) -> str | None:
        """A subscription of ours to the same events at the same address."""
        response = _call("GET", "/subscriptions")
        if not answers.is_good(response):
            raise _refusal(response, "listing subscriptions")
        found = answers.mapping(response, "listing subscriptions", repeatable=True).get("value") or []
        same = (one for one in found if (one.get("resource"), one.get("notificationUrl")) == (resource, address))
        return next((str(one["id"]) for one in same), None)


def _events(organizer: str) -> str:
    return f"/users/{quote(organizer, safe='')}/events"


def _call(method: str, path: str, *, repeatable: bool = True, **request: Any) -> Any:
    return GRAPH_CALENDAR.connected().request(method, path, repeatable=repeatable, **request)


def _code(response: Any) -> str:
    body = answers.parsed(response)
    return str(code_and_text(body)[0] or "") if isinstance(body, Mapping) else ""


def _refusal(response: Any, what: str) -> Exception:
    error = GRAPH_CALENDAR.connected().refusal(response, what, repeatable=True)
    if isinstance(error, PermanentError) and _code(response) in NO_MAILBOX:
        return NoSuchCalendarError(str(error))
    return error


def _busy(schedule: Mapping[str, Any] | None, span: Interval) -> list[Interval] | None:
    """When a mailbox is busy; None where it could not be read: an error, no view, or a word that we do not know."""
    if schedule is None or schedule.get("error") or not schedule.get("availabilityView"):
        return None
    items = schedule.get("scheduleItems")
    try:
        return _of_items(items) if items else _of_view(str(schedule["availabilityView"]), span)
    except (KeyError, TypeError, ValueError):
        return None


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


def _time(instant: datetime) -> dict[str, str]:
    return {"dateTime": instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": "UTC"}


def _body(meeting: Meeting, known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the event says. The list of attendees replaces that in the calendar, so whom others added stays in it."""
    ours = {one.address for one in meeting.attendees}
    others = [one for one in known if _address(one) not in ours]
    body: dict[str, Any] = {
        "subject": meeting.subject,
        "body": {"contentType": "text", "content": meeting.description},
        "location": {"displayName": meeting.location},
        "attendees": [
            *(
                {"emailAddress": {"address": one.address, "name": one.name or one.address}, "type": "required"}
                for one in meeting.present
            ),
            *({"emailAddress": one["emailAddress"], "type": one.get("type", "required")} for one in others),
        ],
    }
    if meeting.starts_at is not None and meeting.ends_at is not None:
        body |= {"start": _time(meeting.starts_at), "end": _time(meeting.ends_at)}
    return body


def _address(attendee: Mapping[str, Any]) -> str:
    return str((attendee.get("emailAddress") or {}).get("address") or "").lower()


def _is_same(known: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether the calendar has it so already. The text is not compared: Graph gives back HTML with what it has added."""
    if known.get("subject") != body["subject"]:
        return False
    if str((known.get("location") or {}).get("displayName") or "") != body["location"]["displayName"]:
        return False
    if sorted(map(_address, known.get("attendees") or ())) != sorted(map(_address, body["attendees"])):
        return False
    return all(moment(known[name]) == moment(body[name]) for name in ("start", "end") if name in body)


def _whole(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The event; None for one that is cancelled."""
    return None if event.get("isCancelled") else event


def _written(event: Mapping[str, Any]) -> Written:
    return Written(event_id=str(event["id"]), etag=str(event.get("@odata.etag") or ""), meeting_url=_url(event))


def _url(event: Mapping[str, Any]) -> str | None:
    found = (event.get("onlineMeeting") or {}).get("joinUrl") or event.get("onlineMeetingUrl")
    return str(found) if found else None


def _seen(event: Mapping[str, Any]) -> Seen:
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
