"""Graph's calendars: who is busy, events that carry a property of the caller's own, and subscriptions to their changes.

A new subscription is kept at once and asks the address for its token afterwards; the real Graph asks before it answers.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from uuid import uuid4

from sandbox.jsonapi import Handler, answer_json, body_of
from sandbox.microsoft.refusals import refused
from sandbox.shelf import Row
from sandbox.vendor import Answer, Call, Reply, UnknownActionError, Webhook

if TYPE_CHECKING:
    from sandbox.microsoft.microsoft import Microsoft

DOMAIN = "empresa.example"
EVENTS = "/v1.0/users/{key}/events"
SUBSCRIPTIONS = "/v1.0/subscriptions"
MOST_MAILBOXES = 20
LONGEST_DAYS = 62
LONGEST = timedelta(minutes=10_080)
VALIDATION = "validation:"
BAD = "ErrorInvalidRequest"
_FILTER = re.compile(r"singleValueExtendedProperties/Any\(ep: ep/id eq '([^']+)' and ep/value eq '([^']+)'\)")


class Calendars:
    """Calendars of the mailboxes of the domain."""

    kinds = ("busy", "events", "transactions", "subscriptions")

    def __init__(self, microsoft: "Microsoft") -> None:
        self._microsoft = microsoft

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """What is asked here."""
        one = f"{EVENTS}/{{event}}"
        return (
            ("POST", "/v1.0/users/{key}/calendar/getSchedule", self._schedule),
            ("GET", EVENTS, self._list),
            ("POST", EVENTS, self._create),
            ("GET", one, self._get),
            ("PATCH", one, self._patch),
            ("DELETE", one, self._delete),
            ("POST", f"{one}/cancel", self._cancel),
            ("GET", SUBSCRIPTIONS, self._subscriptions),
            ("POST", SUBSCRIPTIONS, self._subscribe),
            ("PATCH", f"{SUBSCRIPTIONS}/{{number}}", self._renew),
            ("DELETE", f"{SUBSCRIPTIONS}/{{number}}", self._unsubscribe),
        )

    def act(self, action: str, given: Mapping[str, Any]) -> Row:
        """What people do in their calendars; see `actions` of the vendor."""
        shelf = self._microsoft.shelf
        if action == "busy":
            number = uuid4().hex
            facts = {"email": str(given["email"]).lower(), "start": str(given["start"]), "end": str(given["end"])}
            return shelf.put("busy", number, {"id": number, **facts})
        if action == "drop_subscriptions":
            for row in shelf.rows("subscriptions"):
                self._lifecycle(row, "subscriptionRemoved")
                shelf.drop("subscriptions", row["id"])
            return {}
        rows = [one for one in shelf.rows("events") if one["id"] == given.get("id")]
        if not rows:
            raise UnknownActionError(f"there is no event {given.get('id')!r}")
        row = rows[0]
        if action == "delete_event":
            shelf.drop("events", row["id"])
            self._notify(row, "deleted")
            return row
        if action == "move_event":
            row["start"], row["end"] = (_time(_moment_of(str(given[name]))) for name in ("start", "end"))
        else:
            for one in row["attendees"]:
                if one["emailAddress"]["address"] == given.get("email"):
                    one["status"] = {"response": str(given["response"]), "time": self._microsoft.moment()}
        self._changed(row)
        return row

    def on_reply(self, webhook: Webhook, reply: Reply) -> None:
        """A subscription whose address did not give the token back, as plain text, is none."""
        number = webhook.about.removeprefix(VALIDATION)
        row = self._microsoft.shelf.get("subscriptions", number) if webhook.about.startswith(VALIDATION) else None
        if row is not None and reply.body.decode(errors="replace") != row["asked"]:
            self._microsoft.shelf.drop("subscriptions", number)

    def _mailbox(self, key: str) -> str:
        address = unquote(key).lower()
        if not address.endswith(f"@{DOMAIN}"):
            raise refused(404, "ErrorInvalidUser", f"The requested user '{address}' is invalid.")
        return address

    def _schedule(self, call: Call, key: str) -> Answer:
        self._mailbox(key)
        body = _parameters(call)
        try:
            since, until = _moment(body["startTime"]), _moment(body["endTime"])
        except (KeyError, TypeError, ValueError):
            raise refused(400, BAD, "startTime and endTime are required.") from None
        asked = [str(one).lower() for one in body.get("schedules") or []]
        if len(asked) > MOST_MAILBOXES or until - since > timedelta(days=LONGEST_DAYS):
            raise refused(400, BAD, "Too much was asked for at once.")
        step = timedelta(minutes=int(body.get("availabilityViewInterval") or 30))
        return answer_json({"value": [self._of_mailbox(one, since, until, step) for one in asked]})

    def _of_mailbox(self, who: str, since: datetime, until: datetime, step: timedelta) -> Row:
        """A mailbox that cannot be read has an error inside the 200."""
        if not who.endswith(f"@{DOMAIN}"):
            error = {"message": "Unable to resolve e-mail address.", "responseCode": "ErrorMailRecipientNotFound"}
            return {"scheduleId": who, "availabilityView": "", "error": error}
        shelf = self._microsoft.shelf
        times = [(_moment_of(row["start"]), _moment_of(row["end"])) for row in shelf.rows("busy") if row["email"] == who]
        times += [(_moment(row["start"]), _moment(row["end"])) for row in shelf.rows("events") if _takes_part(row, who)]
        spans = sorted((start, end) for start, end in times if start < until and end > since)
        view = ""
        at = since
        while at < until:
            view += "2" if any(start < at + step and end > at for start, end in spans) else "0"
            at += step
        items = [{"status": "busy", "start": _time(start), "end": _time(end)} for start, end in spans]
        return {"scheduleId": who, "availabilityView": view, "scheduleItems": items}

    def _list(self, call: Call, key: str) -> Answer:
        owner, wanted = self._mailbox(key), _FILTER.fullmatch(call.query.get("$filter", ""))
        rows = [row for row in self._microsoft.shelf.rows("events") if row["owner"] == owner]
        if wanted is not None:
            rows = [row for row in rows if {"id": wanted[1], "value": wanted[2]} in row["properties"]]
        return answer_json({"value": [_shown(row) for row in rows]})

    def _create(self, call: Call, key: str) -> Answer:
        owner, body = self._mailbox(key), _body(call)
        transaction = body.pop("transactionId", None)
        if transaction and self._microsoft.shelf.get("transactions", f"{owner} {transaction}") is not None:
            text = "Your request can't be completed. The transactionId was already used to create a different event."
            raise refused(400, "ErrorDuplicateTransactionId", text)
        number = f"AAMkAD+{uuid4().hex}="
        properties = body.pop("singleValueExtendedProperties", [])
        row = {
            "isCancelled": False,
            "organizer": {"emailAddress": {"address": owner, "name": owner}},
            **body,
            "id": number,
            "owner": owner,
            "properties": properties,
            "version": 0,
            "onlineMeeting": {"joinUrl": f"https://teams.example/{number[-8:-1]}"} if body.get("isOnlineMeeting") else None,
        }
        row["attendees"] = [_attendee(one) for one in body.get("attendees") or []]
        row["invited"] = [[one["emailAddress"]["address"] for one in row["attendees"]]]
        self._microsoft.shelf.put("events", number, row)
        if transaction:  # used up for good, also when the event is deleted
            self._microsoft.shelf.put("transactions", f"{owner} {transaction}", {"id": transaction, "event": number})
        self._changed(row)
        return answer_json(_shown(row), 201)

    def _known(self, key: str, event: str) -> Row:
        owner, row = self._mailbox(key), self._microsoft.shelf.get("events", unquote(event))
        if row is None or row["owner"] != owner:
            raise refused(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return row

    def _get(self, _call: Call, key: str, event: str) -> Answer:
        return answer_json(_shown(self._known(key, event)))

    def _patch(self, call: Call, key: str, event: str) -> Answer:
        row, body = self._known(key, event), _body(call)
        if "transactionId" in body:
            raise refused(400, "ErrorPropertyUpdate", "Update of the property transactionId is not allowed.")
        if "attendees" in body:
            before = {one["emailAddress"]["address"]: one for one in row["attendees"]}
            body["attendees"] = [before.get(one["emailAddress"]["address"]) or _attendee(one) for one in body["attendees"]]
        row |= body
        row["invited"].append([one["emailAddress"]["address"] for one in row["attendees"]])
        self._changed(row)
        return answer_json(_shown(row))

    def _delete(self, _call: Call, key: str, event: str) -> Answer:
        row = self._known(key, event)
        self._microsoft.shelf.drop("events", row["id"])
        self._notify(row, "deleted")
        return Answer(status=204)

    def _cancel(self, _call: Call, key: str, event: str) -> Answer:
        row = self._known(key, event)
        self._microsoft.shelf.drop("events", row["id"])
        self._notify(row, "deleted")
        return Answer(status=202)

    def _changed(self, row: Row) -> None:
        """A new version; the change is told, also to whoever has made it."""
        row["version"] += 1
        self._microsoft.shelf.touch()
        self._notify(row, "updated")

    def _notify(self, row: Row, change: str) -> None:
        for subscription in self._microsoft.shelf.rows("subscriptions"):
            if subscription["resource"] == f"users/{row['owner']}/events" and self._is_open(subscription):
                about = {
                    "changeType": change,
                    "resource": f"Users/1/Events/{row['id']}",
                    "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "id": row["id"]},
                }
                self._post(subscription, about, f"event {change}")

    def _is_open(self, subscription: Row) -> bool:
        return _moment_of(subscription["expirationDateTime"]) > self._microsoft.now()

    def _lifecycle(self, subscription: Row, event: str) -> None:
        self._post(subscription, {"lifecycleEvent": event}, event)

    def _post(self, subscription: Row, about: Mapping[str, Any], what: str) -> None:
        entry = {
            "subscriptionId": subscription["id"],
            "subscriptionExpirationDateTime": subscription["expirationDateTime"],
            "clientState": subscription.get("clientState"),
            "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
            **about,
        }
        body = json.dumps({"value": [entry]}).encode()
        self._microsoft.send(Webhook(what=what, url=subscription["notificationUrl"], body=body))

    def _subscriptions(self, _call: Call) -> Answer:
        return answer_json({"value": [_subscription(row) for row in self._microsoft.shelf.rows("subscriptions")]})

    def _subscribe(self, call: Call) -> Answer:
        body = _body(call)
        until = self._until(body)
        number, token = str(uuid4()), f"Validation: {uuid4().hex} +/%"
        row = {**body, "id": number, "asked": token, "expirationDateTime": until}
        self._microsoft.shelf.put("subscriptions", number, row)
        url = f"{body['notificationUrl']}?validationToken={quote(token, safe='')}"
        self._microsoft.send(
            Webhook(what="validation", url=url, body=b"", asks=True, content_type="text/plain", about=VALIDATION + number)
        )
        return answer_json(_subscription(row), 201)

    def _renew(self, call: Call, number: str) -> Answer:
        row = self._microsoft.shelf.get("subscriptions", number)
        if row is None:
            raise refused(404, "ResourceNotFound", "The object was not found.")
        row["expirationDateTime"] = self._until(_body(call))
        self._microsoft.shelf.touch()
        return answer_json(_subscription(row))

    def _unsubscribe(self, _call: Call, number: str) -> Answer:
        if self._microsoft.shelf.drop("subscriptions", number) is None:
            raise refused(404, "ResourceNotFound", "The object was not found.")
        return Answer(status=204)

    def _until(self, body: Mapping[str, Any]) -> str:
        try:
            until = _moment_of(str(body["expirationDateTime"]))
        except (KeyError, ValueError):
            raise refused(400, BAD, "expirationDateTime is required.") from None
        if until > self._microsoft.now() + LONGEST:
            raise refused(400, BAD, "Subscription expiration can only be 10080 minutes in the future.")
        return until.strftime("%Y-%m-%dT%H:%M:%SZ")


def _takes_part(row: Row, who: str) -> bool:
    if row["owner"] == who:
        return True
    people = {one["emailAddress"]["address"].lower(): one for one in row["attendees"]}
    return who in people and people[who]["status"]["response"] != "declined"


def _attendee(one: Mapping[str, Any]) -> Row:
    return {"type": "required", **one, "status": {"response": "none", "time": "0001-01-01T00:00:00Z"}}


def _moment(value: Mapping[str, Any]) -> datetime:
    """The caller gives UTC; other zones are refused here."""
    if value.get("timeZone") != "UTC":
        raise refused(400, "ErrorInvalidTimeZoneId", "The zone is not supported by this stand-in.")
    return _moment_of(str(value["dateTime"]))


def _moment_of(text: str) -> datetime:
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _time(moment: datetime) -> Row:
    """No offset, seven decimals, and the zone beside it."""
    return {"dateTime": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": "UTC"}


def _shown(row: Row) -> Row:
    hidden = ("owner", "properties", "version", "invited")
    shown = {name: value for name, value in row.items() if name not in hidden}
    etag = hashlib.sha256(f"{row['id']}{row['version']}".encode()).hexdigest()[:16]
    return shown | {"@odata.etag": f'W/"{etag}"', "start": _time(_moment(row["start"])), "end": _time(_moment(row["end"]))}


def _subscription(row: Row) -> Row:
    names = ("id", "resource", "changeType", "notificationUrl", "lifecycleNotificationUrl", "expirationDateTime")
    return {name: row.get(name) for name in names} | {"clientState": None, "applicationId": "sandbox-entra-client"}


def _parameters(call: Call) -> dict[str, Any]:
    """The parameters of an action, which Graph takes with a large first letter as well, as its own package writes them."""
    return {name[:1].lower() + name[1:]: value for name, value in _body(call).items()}


def _body(call: Call) -> dict[str, Any]:
    try:
        body = body_of(call)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refused(400, BAD, "Unable to read JSON request payload.")
    return body
