"""The Calendar API of who is busy and of what has changed: freeBusy, lists with sync tokens, channels that tell of changes."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

from sandbox.google.calendar import CANCELLED, EVENTS
from sandbox.google.refusals import refused
from sandbox.jsonapi import Handler, answer_json, body_of, header
from sandbox.shelf import Row
from sandbox.vendor import Answer, Call, UnknownActionError, Webhook

if TYPE_CHECKING:
    from sandbox.google.google import Google

ROOT = "/calendar/v3"
FREE_BUSY_SCOPE = "https://www.googleapis.com/auth/calendar"
MOST_CALENDARS = 50
LONGEST_CHANNEL = timedelta(days=7)
PAGE = 250


class Scheduling:
    """Who is busy, sync tokens and channels, over the events of `Calendar`."""

    kinds = ("busy", "sync_tokens", "channels")

    def __init__(self, google: "Google") -> None:
        self._google = google

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """What is asked here."""
        return (
            ("POST", f"{ROOT}/freeBusy", self._free_busy),
            ("GET", EVENTS, self._list),
            ("POST", f"{EVENTS}/watch", self._watch),
            ("POST", f"{ROOT}/channels/stop", self._stop),
            ("GET", f"{ROOT}/calendars/{{calendar}}", self._calendar),
        )

    def before(self, call: Call, held: Row) -> None:
        """A change of a version that is no longer the newest is refused (`If-Match`). Raises RefusedError 412."""
        version, number = header(call, "if-match"), call.path.rpartition("/")[2]
        row = self._google.shelf.get("events", f"{held['sub']}/{unquote(number)}")
        if version and version != "*" and row is not None and row["etag"] != version:
            raise refused(412, "conditionNotMet", "Precondition Failed")

    def after(self) -> None:
        """What was changed by a call or a hand: a new version, a conference where one was asked for, and notices."""
        changed = set()
        for key, row in self._events():
            digest = _digest(row)
            if row.get("digest") == digest:
                continue
            if row.get("digest") is not None:
                row["etag"] = f'"{uuid4().int % 10**16}"'
            if row.get("conferenceData") and not row.get("hangoutLink"):  # it is made a moment later, as the real one is
                row["hangoutLink"] = f"https://meet.example/{row['id'][:10]}"
            row["digest"] = _digest(row)
            changed.add(key.partition("/")[0])
        for owner in changed:
            self._google.shelf.touch()
            self.notify(owner)

    def notify(self, owner: str, state: str = "exists") -> None:
        """Tell every channel that is open for that calendar."""
        for channel in self._google.shelf.rows("channels"):
            if channel["owner"] == owner and datetime.fromisoformat(channel["until"]) > self._google.now():
                self._send(channel, state)

    def act(self, action: str, given: Mapping[str, Any]) -> Row:
        """What people do in their calendars; see `actions` of the vendor."""
        if action == "busy":
            number = uuid4().hex
            facts = {"email": str(given["email"]).lower(), "start": str(given["start"]), "end": str(given["end"])}
            return self._google.shelf.put("busy", number, {"id": number, **facts})
        if action == "forget":
            for row in self._google.shelf.rows("sync_tokens"):
                self._google.shelf.drop("sync_tokens", row["id"])
            return {}
        row = self._by_hand(given)
        if action == "move_event":
            row["start"], row["end"] = ({"dateTime": str(given[name])} for name in ("start", "end"))
        else:
            for one in row["attendees"]:
                if one["email"] == given.get("email"):
                    one["responseStatus"] = str(given["response"])
        self.after()
        return row

    def _by_hand(self, given: Mapping[str, Any]) -> Row:
        wanted = str(given.get("id", ""))
        found = next((row for _key, row in self._events() if row["id"] == wanted), None)
        if found is None:
            raise UnknownActionError(f"there is no event {wanted!r}")
        return found

    def _events(self) -> list[tuple[str, Row]]:
        return [(f"{row['organizer']['email']}/{row['id']}", row) for row in self._google.shelf.rows("events")]

    def _free_busy(self, call: Call, held: Row) -> Answer:
        if FREE_BUSY_SCOPE not in held["scope"].split():
            raise refused(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        body = _body(call)
        try:
            since, until = (_moment(str(body[name])) for name in ("timeMin", "timeMax"))
        except (KeyError, ValueError) as error:
            raise refused(400, "badRequest", "Bad Request") from error
        items = body.get("items") or []
        if len(items) > MOST_CALENDARS:
            raise refused(400, "tooManyCalendarsRequested", "Too many calendars were requested.")
        calendars = {str(one["id"]): self._busy(str(one["id"]), since, until) for one in items}
        return answer_json(
            {"kind": "calendar#freeBusy", "timeMin": since.isoformat(), "timeMax": until.isoformat(), "calendars": calendars}
        )

    def _busy(self, who: str, since: datetime, until: datetime) -> dict[str, Any]:
        if not who.endswith(f"@{self._google.domain}"):
            return {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
        times = [(row["start"], row["end"]) for row in self._google.shelf.rows("busy") if row["email"] == who.lower()]
        times += [(row["start"]["dateTime"], row["end"]["dateTime"]) for _key, row in self._events() if _takes_part(row, who)]
        spans = sorted((max(_moment(start), since), min(_moment(end), until)) for start, end in times)
        merged: list[tuple[datetime, datetime]] = []
        for start, end in spans:
            if start >= end:
                continue
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return {"busy": [{"start": _zulu(start), "end": _zulu(end)} for start, end in merged]}

    def _list(self, call: Call, held: Row, calendar: str) -> Answer:
        """From a sync token on: what has changed since. A page holds 250, and the last one alone has the next token."""
        owner = held["sub"] if calendar == "primary" else unquote(calendar)
        token, page = call.query.get("syncToken"), int(call.query.get("pageToken") or 0)
        if token and any(name in call.query for name in ("timeMin", "timeMax", "q", "orderBy", "iCalUID", "updatedMin")):
            raise refused(400, "badRequest", "Sync token cannot be used together with the other query restrictions.")
        known: Mapping[str, str] = {}
        if token:
            kept = self._google.shelf.get("sync_tokens", token)
            if kept is None:
                raise refused(410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.")
            known = kept["known"]
        mine = [(key, row) for key, row in self._events() if key.partition("/")[0] == owner]
        changed = [row for key, row in mine if known.get(key) != _digest(row) and (token or row["status"] != CANCELLED)]
        shown = [_gone(row) if row["status"] == CANCELLED else _shown(row) for row in changed[page : page + PAGE]]
        answer: dict[str, Any] = {
            "kind": "calendar#events",
            "summary": owner,
            "timeZone": "America/Mexico_City",
            "items": shown,
        }
        if len(changed) > page + PAGE:
            return answer_json(answer | {"nextPageToken": str(page + PAGE)})
        following = f"CPDA{uuid4().hex}"
        self._google.shelf.put("sync_tokens", following, {"id": following, "known": {key: _digest(row) for key, row in mine}})
        return answer_json(answer | {"nextSyncToken": following})

    def _watch(self, call: Call, held: Row, calendar: str) -> Answer:
        """A channel; its first notice may come before this answer does."""
        body = _body(call)
        number = str(body.get("id") or "")
        if not number or len(number) > 64 or body.get("type") != "web_hook":  # noqa: PLR2004  # the documented length
            raise refused(400, "required", "Required")
        if not str(body.get("address") or "").startswith("https://") and "127.0.0.1" not in str(body.get("address")):
            raise refused(400, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS")
        if self._google.shelf.get("channels", number) is not None:
            raise refused(400, "channelIdNotUnique", "Channel id not unique")
        owner, latest = held["sub"] if calendar == "primary" else unquote(calendar), self._google.now() + LONGEST_CHANNEL
        asked = int(body.get("expiration") or latest.timestamp() * 1000)
        until = min(latest, datetime.fromtimestamp(asked / 1000, UTC))
        channel = {
            "id": number,
            "owner": owner,
            "resource": hashlib.sha256(owner.encode()).hexdigest()[:27],
            "address": str(body["address"]),
            "token": str(body.get("token") or ""),
            "until": until.isoformat(),
            "count": 0,
        }
        self._google.shelf.put("channels", number, channel)
        self._send(channel, "sync")
        made = {"kind": "api#channel", "id": number, "resourceId": channel["resource"], "token": channel["token"]}
        uri = f"https://www.googleapis.com/calendar/v3/calendars/{calendar}/events?alt=json"
        return answer_json(made | {"resourceUri": uri, "expiration": str(int(until.timestamp() * 1000))})

    def _stop(self, call: Call, _held: Row) -> Answer:
        body = _body(call)
        channel = self._google.shelf.get("channels", str(body.get("id")))
        if channel is None or channel["resource"] != body.get("resourceId"):
            raise refused(404, "notFound", "Channel not found")
        self._google.shelf.drop("channels", channel["id"])
        return Answer(status=204)

    def _calendar(self, _call: Call, held: Row, calendar: str) -> Answer:
        owner = (held["sub"] or "puente@sandbox.iam.gserviceaccount.example") if calendar == "primary" else unquote(calendar)
        return answer_json({"kind": "calendar#calendar", "id": owner, "summary": owner, "timeZone": "America/Mexico_City"})

    def _send(self, channel: Row, state: str) -> None:
        channel["count"] += 1
        headers = {
            "X-Goog-Channel-ID": channel["id"],
            "X-Goog-Channel-Token": channel["token"],
            "X-Goog-Channel-Expiration": format_datetime(datetime.fromisoformat(channel["until"]), usegmt=True),
            "X-Goog-Message-Number": str(channel["count"]),
            "X-Goog-Resource-ID": channel["resource"],
            "X-Goog-Resource-State": state,
        }
        self._google.send(Webhook(what=f"calendar {state}", url=channel["address"], body=b"", headers=headers))


def _takes_part(row: Row, who: str) -> bool:
    if row["status"] == CANCELLED or row.get("transparency") == "transparent":
        return False
    if row["organizer"]["email"] == who:
        return True
    return any(one["email"] == who and one["responseStatus"] != "declined" for one in row["attendees"])


def _digest(row: Row) -> str:
    facts = {name: value for name, value in row.items() if name not in ("told", "digest", "etag", "updated", "hangoutLink")}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("told", "digest")}


def _gone(row: Row) -> Row:
    """A deleted event in a list may say no more than that."""
    return {"kind": "calendar#event", "id": row["id"], "status": CANCELLED}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _zulu(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _body(call: Call) -> dict[str, Any]:
    try:
        body = body_of(call)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refused(400, "parseError", "Parse Error")
    return body
