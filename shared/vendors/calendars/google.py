"""Google Calendar (API v3), by a service account that acts for the owner of the calendar.

An event has an id of our own, so that the same booking twice is one event. A deleted event keeps its id for ever: then the
next generation of the id is used. Google tells attendees only where it is asked to (`sendUpdates=all`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from shared import clock
from shared.errors import PermanentError, RetryableError
from shared.vendors import answers
from shared.vendors.calendars.entries import Channel, Entry, EventDeletedError, Interval, NoSuchCalendarError, Seen, Written
from shared.vendors.calendars.google_events import added, body_of, conference, is_cancelled, is_same, seen, written
from shared.vendors.google import google_client

if TYPE_CHECKING:
    import requests

    from shared.vendors.rest_client import RestClient

SCOPE = "https://www.googleapis.com/auth/calendar"
EVENTS_SCOPE = "https://www.googleapis.com/auth/calendar.events"
EVENTS = "/calendars/primary/events"  # of the person acted for
MOST_CALENDARS = 50
MOST_GENERATIONS = 5
MOST_PAGES = 4
PAGE = 2500
OPEN_FOR = timedelta(days=6)
_NOTIFYING = {"sendUpdates": "all", "conferenceDataVersion": "1"}


def google_calendar(*, name: str, target: str, scope: str, ping_by: str = "", **more: Any) -> RestClient:
    """A flow's client for Google's calendars, called as its target; `scope` is what it may do there."""
    return google_client(
        name=name,
        target=target,
        address="google_calendar_base_url",
        scopes=(scope,),
        ping_by=ping_by,
        shows="id" if ping_by else "",
        **more,
    )


@dataclass(frozen=True)
class GoogleCalendar:
    """The calendars of a Workspace, through a flow's client."""

    client: RestClient

    def busy(self, owner: str, addresses: Sequence[str], spans: Sequence[Interval]) -> Mapping[str, Sequence[Interval] | None]:
        """By freeBusy. A calendar with `errors` in the answer could not be read, though the answer is a 200."""
        found: dict[str, list[Interval] | None] = {one: [] for one in addresses}
        for span in spans:
            for first in range(0, len(addresses), MOST_CALENDARS):
                asked = addresses[first : first + MOST_CALENDARS]
                answer = self._free_busy(owner, asked, span)
                for one in asked:
                    found[one] = added(found[one], answer.get(one))
        return found

    def put(self, entry: Entry) -> Written:
        """Insert with our id, or change what differs, by the version that was read (`If-Match`)."""
        if entry.event_id is not None:
            return self._changed(entry, entry.event_id, entry.generation)
        for generation in _generations(entry):
            event_id = id_of(entry, generation)
            online = {"conferenceData": conference(entry)} if entry.is_online else {}
            body = body_of(entry, []) | {"id": event_id} | online
            response = self._call(entry.owner, "POST", EVENTS, json=body, params=_NOTIFYING)
            if answers.is_good(response):
                return written(answers.mapping(response, "inserting an event", repeatable=True), generation)
            if response.status_code != HTTPStatus.CONFLICT:
                raise self._refusal(response, "inserting an event")
            known = self._get(entry.owner, event_id)
            if known is not None and not is_cancelled(known):
                return self._changed(entry, event_id, generation)
        raise PermanentError("google-calendar-no-id", f"every id of the event was used up ({MOST_GENERATIONS})")

    def drop(self, entry: Entry) -> None:
        """404 and 410 say that it is gone already. Of an event whose id is not known every generation goes that ever was."""
        if entry.event_id is not None:
            self._delete(entry.owner, entry.event_id)
            return
        for generation in _generations(entry):
            if not self._delete(entry.owner, id_of(entry, generation)):
                return

    def event(self, entry: Entry) -> Seen | None:
        """By its id; a deleted one is still there, as cancelled."""
        found = self._get(entry.owner, entry.event_id or id_of(entry, entry.generation))
        return None if found is None else seen(found, entry.zone)

    def listen(self, owner: str, address: str, token: str, known: Channel | None) -> Channel:
        """Open the new channel first, then close the old one: a notice twice is harmless, one that is missing is not."""
        until = clock.now() + OPEN_FOR
        body = {
            "id": uuid4().hex,
            "type": "web_hook",
            "address": address,
            "token": token,
            "expiration": str(int(until.timestamp() * 1000)),
        }
        made = self._good(self._call(owner, "POST", f"{EVENTS}/watch", json=body), "opening a channel")
        if known is not None and known.channel_id and known.resource_id:
            closing = {"id": known.channel_id, "resourceId": known.resource_id}
            self._call(owner, "POST", "/channels/stop", json=closing)  # one that is gone is closed as well
        ends = int(made.get("expiration") or until.timestamp() * 1000)
        return Channel(
            channel_id=str(made.get("id") or body["id"]),
            resource_id=str(made.get("resourceId") or ""),
            expires_at=min(datetime.fromtimestamp(ends / 1000, UTC), until),
        )

    def changes(self, owner: str, cursor: str | None) -> tuple[Sequence[Seen], str | None] | None:
        """By the sync token. Where Google takes it no more (410), all from now on is listed once more."""
        first = {"syncToken": cursor} if cursor else {"timeMin": clock.now().isoformat()}
        found: list[Seen] = []
        page: Mapping[str, Any] = {}
        for _ in range(MOST_PAGES):
            query = first | {"singleEvents": "true", "maxResults": str(PAGE)}
            query |= {"pageToken": page["nextPageToken"]} if page.get("nextPageToken") else {}
            response = self._call(owner, "GET", EVENTS, params=query)
            if response.status_code == HTTPStatus.GONE:
                return [], None
            page = self._good(response, "listing events")
            found += [seen(one, str(page.get("timeZone") or "UTC")) for one in page.get("items") or ()]
            if page.get("nextSyncToken"):
                return found, str(page["nextSyncToken"])
        return found, None  # too much for once: the next time begins anew, and each event of ours is looked at by itself

    def _free_busy(self, owner: str, asked: Sequence[str], span: Interval) -> Mapping[str, Any]:
        body = {
            "timeMin": span.start.isoformat(),
            "timeMax": span.end.isoformat(),
            "items": [{"id": one} for one in asked],
        }
        what = "asking who is busy"
        found = self._good(self._call(owner, "POST", "/freeBusy", json=body, reads=True), what).get("calendars")
        return {name.lower(): value for name, value in found.items()} if isinstance(found, Mapping) else {}

    def _get(self, owner: str, event_id: str) -> Mapping[str, Any] | None:
        response = self._call(owner, "GET", f"{EVENTS}/{quote(event_id, safe='')}")
        return None if response.status_code == HTTPStatus.NOT_FOUND else self._good(response, "reading an event")

    def _changed(self, entry: Entry, event_id: str, generation: int) -> Written:
        known = self._get(entry.owner, event_id)
        if known is None or is_cancelled(known):
            raise EventDeletedError("Google Calendar: the event was deleted")
        body = body_of(entry, known.get("attendees") or [])
        if all(is_same(known.get(name), value) for name, value in body.items()):
            return written(known, generation)
        headers = {"If-Match": str(known.get("etag") or "*")}
        response = self._call(entry.owner, "PATCH", f"{EVENTS}/{event_id}", json=body, params=_NOTIFYING, headers=headers)
        if response.status_code == HTTPStatus.PRECONDITION_FAILED:
            raise RetryableError("Google Calendar: the event was changed at the same moment")
        return written(self._good(response, "changing an event"), generation)

    def _delete(self, owner: str, event_id: str) -> bool:
        """Delete an event; False where there never was one of that id."""
        response = self._call(owner, "DELETE", f"{EVENTS}/{event_id}", params={"sendUpdates": "all"})
        if not answers.is_good(response) and response.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise self._refusal(response, "deleting an event")
        return response.status_code != HTTPStatus.NOT_FOUND

    def _call(self, owner: str, method: str, path: str, **request: Any) -> requests.Response:
        """One call for the owner. All may be repeated: an event has our id, and a channel that is open twice is harmless."""
        try:
            return self.client.connected().request(method, path, subject=owner, repeatable=True, **request)
        except PermanentError as error:
            if error.reason == f"{answers.slug(self.client.name)}-unknown-subject":
                raise NoSuchCalendarError(str(error)) from error
            raise

    def _good(self, response: requests.Response, what: str) -> Mapping[str, Any]:
        if not answers.is_good(response):
            raise self._refusal(response, what)
        return answers.mapping(response, what, repeatable=True)

    def _refusal(self, response: requests.Response, what: str) -> Exception:
        return self.client.connected().refusal(response, what, repeatable=True)


def id_of(entry: Entry, generation: int) -> str:
    """Our id of the event: Google takes the letters a to v and digits, which hexadecimal digits are."""
    return f"{entry.key}{generation:x}" if generation else entry.key


def _generations(entry: Entry) -> range:
    return range(entry.generation, entry.generation + MOST_GENERATIONS)
