"""Calendars of Microsoft 365 (Graph v1.0), as the registered app itself.

Graph knows no id of ours for an event: a new one carries a `transactionId` and a property of our own, by which it is found
again after a lost answer. It always tells the attendees by itself. Times go out and come back in UTC, as zones have other
names there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared import clock
from shared.errors import PermanentError, UncertainError
from shared.vendors import answers
from shared.vendors.calendars.entries import Channel, Entry, EventDeletedError, Interval, NoSuchCalendarError, Seen, Written
from shared.vendors.calendars.outlook_events import VIEW_MINUTES, body_of, busy, is_same, seen, time_of, whole, written
from shared.vendors.microsoft import code_and_text, graph_client

if TYPE_CHECKING:
    import requests

    from shared.vendors.rest_client import RestClient

MOST_MAILBOXES = 20
OPEN_FOR = timedelta(days=6)
PROPERTY = "String {5d0b3a5e-6c1f-4f0e-9a55-2b7f2c1c7d58} Name puenteKey"
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
HEADERS = {"Prefer": 'outlook.timezone="UTC", IdType="ImmutableId"'}


def outlook_calendar(*, name: str, target: str, **more: Any) -> RestClient:
    """A flow's client for calendars of Microsoft 365, called as its target."""
    return graph_client(name=name, target=target, headers=HEADERS, **more)


@dataclass(frozen=True)
class OutlookCalendar:
    """The calendars of a tenant, through a flow's client."""

    client: RestClient

    def busy(self, owner: str, addresses: Sequence[str], spans: Sequence[Interval]) -> Mapping[str, Sequence[Interval] | None]:
        """By getSchedule. A mailbox with an `error` in the answer could not be read, though the answer is a 200."""
        found: dict[str, list[Interval] | None] = {one: [] for one in addresses}
        for span in spans:
            for first in range(0, len(addresses), MOST_MAILBOXES):
                asked = addresses[first : first + MOST_MAILBOXES]
                answer = self._schedules(owner, asked, span)
                for one in asked:
                    more = busy(answer.get(one), span)
                    known = found[one]
                    found[one] = None if known is None or more is None else known + more
        return found

    def put(self, entry: Entry) -> Written:
        """Change what differs; make the event where there is none. A create whose answer was lost is found by our property."""
        known = self._known(entry)
        if known is None and entry.event_id:
            raise EventDeletedError("Microsoft 365: the event was deleted")
        return self._made(entry) if known is None else self._changed(entry, known)

    def drop(self, entry: Entry) -> None:
        """Cancel it, which tells the attendees; where we are not its organizer, delete it."""
        known = self._known(entry)
        if known is None:
            return
        path = f"{_events(entry.owner)}/{quote(str(known['id']), safe='')}"
        response = self._call("POST", f"{path}/cancel", json={"Comment": ""})
        if response.status_code == HTTPStatus.BAD_REQUEST:
            response = self._call("DELETE", path)
        if not answers.is_good(response) and _code(response) not in GONE:
            raise self._refusal(response, "cancelling an event")

    def event(self, entry: Entry) -> Seen | None:
        """By its id. What is deleted is gone; then only the id is known, and that it is cancelled."""
        known = self._known(entry)
        if known is None:
            return Seen(event_id=entry.event_id, is_cancelled=True) if entry.event_id else None
        return seen(known)

    def listen(self, owner: str, address: str, token: str, known: Channel | None) -> Channel:
        """Renew the subscription; where there is none (any more), make one, or take up one that a lost answer has made."""
        until = clock.now() + OPEN_FOR
        expiration = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        resource = f"users/{owner}/events"
        ours = (known.channel_id if known is not None else None, self._lost(resource, address))
        for subscription in filter(None, ours):
            response = self._call("PATCH", f"/subscriptions/{subscription}", json={"expirationDateTime": expiration})
            if answers.is_good(response):
                return Channel(channel_id=subscription, resource_id=resource, expires_at=until)
            if response.status_code != HTTPStatus.NOT_FOUND:
                raise self._refusal(response, "renewing a subscription")
        body = {
            "changeType": "updated,deleted",
            "notificationUrl": address,
            "lifecycleNotificationUrl": address,
            "resource": resource,
            "expirationDateTime": expiration,
            "clientState": token,
        }
        made = self._good(self._call("POST", "/subscriptions", json=body), "subscribing")
        return Channel(channel_id=str(made["id"]), resource_id=resource, expires_at=until)

    def changes(self, owner: str, cursor: str | None) -> tuple[Sequence[Seen], str | None] | None:
        """There is no list of changes without a window of days: events are read one by one."""
        del owner, cursor
        return None

    def _schedules(self, owner: str, asked: Sequence[str], span: Interval) -> Mapping[str, Mapping[str, Any]]:
        body = {
            "schedules": list(asked),
            "startTime": time_of(span.start),
            "endTime": time_of(span.end),
            "availabilityViewInterval": VIEW_MINUTES,
        }
        response = self._call("POST", f"/users/{quote(owner, safe='')}/calendar/getSchedule", json=body, reads=True)
        found = self._good(response, "asking who is busy").get("value") or []
        return {str(one.get("scheduleId", "")).lower(): one for one in found if isinstance(one, Mapping)}

    def _known(self, entry: Entry) -> Mapping[str, Any] | None:
        return self._get(entry) if entry.event_id else self._find(entry)

    def _get(self, entry: Entry) -> Mapping[str, Any] | None:
        response = self._call("GET", f"{_events(entry.owner)}/{quote(str(entry.event_id), safe='')}")
        if response.status_code == HTTPStatus.NOT_FOUND and _code(response) not in NO_MAILBOX:
            return None
        return whole(self._good(response, "reading an event"))

    def _find(self, entry: Entry) -> Mapping[str, Any] | None:
        condition = f"singleValueExtendedProperties/Any(ep: ep/id eq '{PROPERTY}' and ep/value eq '{entry.key}')"
        response = self._call("GET", _events(entry.owner), params={"$filter": condition})
        found = self._good(response, "looking for an event").get("value") or []
        return next((one for one in map(whole, found) if one is not None), None)

    def _made(self, entry: Entry) -> Written:
        online = {"isOnlineMeeting": True, "onlineMeetingProvider": "teamsForBusiness"} if entry.is_online else {}
        body = body_of(entry, []) | {
            "transactionId": transaction_of(entry),
            "singleValueExtendedProperties": [{"id": PROPERTY, "value": entry.key}],
            **online,
        }
        try:
            response = self._call("POST", _events(entry.owner), repeatable=False, json=body)
        except UncertainError:
            if (known := self._find(entry)) is None:
                raise
            return written(known)
        if answers.is_good(response):
            return written(answers.mapping(response, "making an event", repeatable=False))
        if _code(response) == DUPLICATE and (known := self._find(entry)) is not None:
            return self._changed(entry, known)
        raise self._refusal(response, "making an event")

    def _changed(self, entry: Entry, known: Mapping[str, Any]) -> Written:
        body = body_of(entry, known.get("attendees") or [])
        if is_same(known, body):
            return written(known)
        response = self._call("PATCH", f"{_events(entry.owner)}/{quote(str(known['id']), safe='')}", json=body)
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise EventDeletedError("Microsoft 365: the event was deleted")
        return written(self._good(response, "changing an event"))

    def _lost(self, resource: str, address: str) -> str | None:
        """A subscription of ours to the same events at the same address."""
        found = self._good(self._call("GET", "/subscriptions"), "listing subscriptions").get("value") or []
        same = (one for one in found if (one.get("resource"), one.get("notificationUrl")) == (resource, address))
        return next((str(one["id"]) for one in same), None)

    def _call(self, method: str, path: str, *, repeatable: bool = True, **request: Any) -> requests.Response:
        return self.client.connected().request(method, path, repeatable=repeatable, **request)

    def _good(self, response: requests.Response, what: str) -> Mapping[str, Any]:
        if not answers.is_good(response):
            raise self._refusal(response, what)
        return answers.mapping(response, what, repeatable=True)

    def _refusal(self, response: requests.Response, what: str) -> Exception:
        error = self.client.connected().refusal(response, what, repeatable=True)
        if isinstance(error, PermanentError) and _code(response) in NO_MAILBOX:
            return NoSuchCalendarError(str(error))
        return error


def transaction_of(entry: Entry) -> str:
    """By what Graph knows a repeated create. An event in the place of a deleted one has another: the old one is used up."""
    if entry.replaces is None:
        return entry.key
    return hashlib.sha256(f"{entry.key}:{entry.replaces}".encode()).hexdigest()[:40]


def _events(owner: str) -> str:
    return f"/users/{quote(owner, safe='')}/events"


def _code(response: requests.Response) -> str:
    body = answers.parsed(response)
    return str(code_and_text(body)[0] or "") if isinstance(body, Mapping) else ""
