"""The Calendar API of events: ids of the caller's own, which a deleted event keeps for ever."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

from sandbox.google.refusals import refused
from sandbox.jsonapi import Handler, answer_json, body_of
from sandbox.shelf import Row
from sandbox.vendor import Answer, Call, UnknownActionError

if TYPE_CHECKING:
    from sandbox.google.google import Google

EVENTS = "/calendar/v3/calendars/{calendar}/events"
SCOPES = frozenset(("https://www.googleapis.com/auth/calendar", "https://www.googleapis.com/auth/calendar.events"))
_ID = re.compile(r"[a-v0-9]{5,1024}")
CANCELLED = "cancelled"


class Calendar:
    """Events, by the person whose calendar it is and the event's id."""

    kinds = ("events",)

    def __init__(self, google: "Google") -> None:
        self._google = google

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """What is asked here."""
        one = f"{EVENTS}/{{event}}"
        return (
            ("POST", EVENTS, self._insert),
            ("GET", one, self._get),
            ("PATCH", one, self._patch),
            ("DELETE", one, self._delete),
        )

    def delete_by_hand(self, given: Mapping[str, Any]) -> Row:
        """Somebody deletes an event in the calendar. Raises UnknownActionError."""
        wanted = str(given.get("id", ""))
        found = next((row for row in self._google.shelf.rows("events") if row["id"] == wanted), None)
        if found is None:
            raise UnknownActionError(f"there is no event {wanted!r}")
        found["status"] = CANCELLED
        self._google.shelf.touch()
        return found

    def _key(self, held: Row, calendar: str, event: str) -> str:
        if not SCOPES & set(held["scope"].split()):
            raise refused(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        owner = held["sub"] if calendar == "primary" else unquote(calendar)
        return f"{owner}/{event}"

    def _insert(self, call: Call, held: Row, calendar: str) -> Answer:
        body = _body(call)
        number = str(body.get("id") or uuid4().hex)
        key = self._key(held, calendar, number)
        if not _ID.fullmatch(number):
            raise refused(400, "invalid", "Invalid resource id value.")
        if body.get("attendees") and not held["sub"]:
            raise refused(403, "forbiddenForServiceAccounts", "Service accounts cannot invite attendees without delegation.")
        if not body.get("start") or not body.get("end"):
            raise refused(400, "required", "Missing end time.")
        if self._google.shelf.get("events", key) is not None:
            raise refused(409, "duplicate", "The requested identifier already exists.")
        row = {
            "kind": "calendar#event",
            "etag": f'"{uuid4().int % 10**16}"',
            "status": "confirmed",
            "htmlLink": f"https://calendar.example/event?eid={number}",
            "created": self._google.moment(),
            "updated": self._google.moment(),
            "iCalUID": f"{number}@google.com",
            "sequence": 0,
            "organizer": {"email": held["sub"], "self": True},
            **body,
            "id": number,
        }
        row["attendees"] = [{"responseStatus": "needsAction", **one} for one in body.get("attendees") or []]
        row["told"] = [call.query.get("sendUpdates", "none")]
        return answer_json(_shown(self._google.shelf.put("events", key, row)))

    def _known(self, held: Row, calendar: str, event: str) -> tuple[str, Row]:
        key = self._key(held, calendar, event)
        row = self._google.shelf.get("events", key)
        if row is None:
            raise refused(404, "notFound", "Not Found")
        return key, row

    def _get(self, _call: Call, held: Row, calendar: str, event: str) -> Answer:
        return answer_json(_shown(self._known(held, calendar, event)[1]))

    def _patch(self, call: Call, held: Row, calendar: str, event: str) -> Answer:
        key, row = self._known(held, calendar, event)
        if row["status"] == CANCELLED:
            raise refused(403, "forbidden", "Forbidden")
        body = _body(call)
        if "attendees" in body:
            body["attendees"] = [{"responseStatus": "needsAction", **one} for one in body["attendees"]]
        row |= body
        row |= {"updated": self._google.moment(), "sequence": row["sequence"] + 1}
        row["told"].append(call.query.get("sendUpdates", "none"))
        return answer_json(_shown(self._google.shelf.put("events", key, row)))

    def _delete(self, call: Call, held: Row, calendar: str, event: str) -> Answer:
        key, row = self._known(held, calendar, event)
        if row["status"] == CANCELLED:
            raise refused(410, "deleted", "Resource has been deleted")
        row["status"] = CANCELLED
        row["told"].append(call.query.get("sendUpdates", "none"))
        self._google.shelf.put("events", key, row)
        return Answer(status=204)


def _shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("told", "digest")}


def _body(call: Call) -> dict[str, Any]:
    try:
        body = body_of(call)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refused(400, "parseError", "Parse Error")
    return body
