"""HubSpot as a vendor of the sandbox: contacts and their properties by its CRM API, and signed webhooks of what changes.

What it is strict about is what integrations were seen to get wrong: a batch in which one row is bad is refused whole, unless
every row has a trace id; results come in any order; a search finds what was written only some seconds later; a stage of the
life cycle never goes back, and whoever sets it back is told that it was done; a further address of a contact is found by no
search, and making a contact with it is a conflict that names the one that has it.
"""

import base64
import hashlib
import hmac
import random
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from sandbox.hubspot.contacts import Contacts
from sandbox.hubspot.shapes import (
    CARDS,
    CUSTOM,
    MOST_FOUND,
    MOST_GROUPS,
    MOST_PAGED,
    OWN,
    ROOT,
    SECRET,
    TEXT,
    TOKEN,
    entry,
    inputs_of,
    matches,
    object_in,
    properties_in,
    refusal,
    shown,
    sort_key,
    strings,
    strings_in,
    title,
)
from sandbox.jsonapi import RefusedError, Router, answer_json, bearer
from sandbox.shelf import Row, Shelved
from sandbox.vendor import Answer, Call, Card, Column, Webhook


class HubSpot(Shelved):
    """One account with one private app, whose webhooks tell of contacts."""

    name = "hubspot"
    title = "HubSpot"
    prefixes = ("/hubspot",)
    connection: Mapping[str, str] = {
        "HUBSPOT_BASE_URL": "/hubspot",
        "HUBSPOT_TOKEN": TOKEN,
        "HUBSPOT_CLIENT_SECRET": SECRET,
    }
    board_title = "Contacts"
    routes = ("/crm/{rest:.*}",)
    default_secret = SECRET
    kinds = ("contacts", "properties", "state")
    modes: Mapping[str, str] = {
        "ten_seconds": "Too many requests in ten seconds: 429, policy TEN_SECONDLY_ROLLING.",
        "daily": "The day's requests are used up: 429, policy DAILY.",
        "locked": "The record is locked: 423.",
        "scopes": "The token lacks a scope: 403 MISSING_SCOPES.",
    }
    actions: Mapping[str, str] = {
        "create": "A person makes a contact: `properties`; webhooks tell of it and of each of them.",
        "set": "A person changes the contact `id`: `properties`; a webhook tells of each that is different.",
        "remove": "A person deletes the contact `id`.",
        "merge": "A person merges the contact `other` into `id`: both are one under a new id.",
        "second_email": "The contact `id` has the further address `email`.",
        "lag": "How many `seconds` the search is behind (5).",
        "property": "There is a property `name`; with `gone` there is none any more.",
    }

    def __init__(self) -> None:
        super().__init__()
        self._router = Router(
            [
                ("GET", ROOT, self._list),
                ("POST", ROOT, self._create_one),
                ("POST", f"{ROOT}/batch/read", self._read),
                ("POST", f"{ROOT}/batch/(?P<way>create|update|upsert)", self._batch),
                ("POST", f"{ROOT}/search", self._search),
                ("GET", f"{ROOT}/{{contact}}", self._one),
                ("PATCH", f"{ROOT}/{{contact}}", self._patch),
                ("GET", "/crm/v3/properties/contacts", self._properties),
                ("POST", "/crm/v3/properties/contacts", self._new_property),
            ]
        )
        self._dice = random.Random(7)  # an order, no secret
        self._contacts = Contacts(self)
        self._begin()

    def reset(self, options: Mapping[str, bool]) -> None:
        """No contacts, and the properties of a new account with those that the flows want."""
        super().reset(options)
        self._begin()

    def restore(self, saved: Any) -> None:
        """Continue with them; the properties of a new account where there are none."""
        super().restore(saved)
        self._begin()

    def _begin(self) -> None:
        for name, (kind, field) in {**OWN, **CUSTOM}.items():
            if self.shelf.get("properties", name) is None:
                self._put_property(name, kind, field)

    def answer(self, call: Call) -> Answer:
        """Serve one call."""
        if bearer(call) != TOKEN:
            return refusal(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        found = self._router.find(call)
        if found is None:
            return refusal(404, "OBJECT_NOT_FOUND", "No such path.")
        try:
            return found[0](call, **found[1])
        except RefusedError as error:
            return error.answer

    def fail(self, mode: str, call: Call) -> Answer:
        """Its own refusals."""
        del call
        if mode == "locked":
            return refusal(423, "LOCKED", "The record is locked.")
        if mode == "scopes":
            return refusal(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes.")
        policy = "DAILY" if mode == "daily" else "TEN_SECONDLY_ROLLING"
        return refusal(429, "RATE_LIMITS", "You have reached your limit.", policyName=policy)

    def what(self, call: Call) -> str:
        """Such as `POST contacts/batch/upsert`."""
        path = call.path.removeprefix("/crm/v3/objects/").removeprefix("/crm/v3/")
        return f"{call.method} {re.sub('/[0-9]+$', '/{id}', path)}"

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`; answers the contact."""
        if action not in self.actions:
            return super().act(action, given)
        if action == "lag":
            return self.shelf.put("state", "lag", {"id": "lag", "seconds": float(given.get("seconds", 0))})
        if action == "property":
            return self._act_property(str(given.get("name") or ""), gone=bool(given.get("gone")))
        if action == "create":
            return self._contacts.make(properties_in(given), "CRM_UI")
        return self._act_on(action, self.row("contacts", given), given)

    def _act_on(self, action: str, row: Row, given: Mapping[str, Any]) -> Row:
        if action == "set":
            return self._contacts.change(row, properties_in(given), "CRM_UI")
        if action == "second_email":
            return self._contacts.add_email(row, str(given.get("email") or ""))
        if action == "remove":
            return self._contacts.remove(row)
        return self._contacts.merge(row, self.row("contacts", {"id": given.get("other")}))

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """Version 1 over secret and body, and version 3 over method, address, body and time, anew with each try."""
        url = webhook.url if "://" in webhook.url else f"{self.config.app_url}{webhook.url}"
        moment = str(int(self.now().timestamp() * 1000))
        text = b"POST" + unquote(url).encode() + webhook.body + moment.encode()
        newest = base64.b64encode(hmac.new(self.secret.encode(), text, hashlib.sha256).digest()).decode()
        return {
            "X-HubSpot-Signature": hashlib.sha256(self.secret.encode() + webhook.body).hexdigest(),
            "X-HubSpot-Signature-Version": "v1",
            "X-HubSpot-Signature-v3": newest,
            "X-HubSpot-Request-Timestamp": moment,
        }

    def board(self) -> Sequence[Column]:
        """Contacts, the newest first."""
        rows = self.shelf.rows("contacts")[::-1]
        cards = tuple(
            Card(id=row["id"], title=title(row), lines=tuple(f"{name}: {value}" for name, value in row["properties"].items()))
            for row in rows[:CARDS]
        )
        return [Column(id=1, title="Contacts", total=len(rows), cards=cards)]

    def counters(self) -> Mapping[str, int]:
        """How many there are."""
        return {"Contacts": len(self.shelf.rows("contacts"))}

    # The API

    def _list(self, call: Call) -> Answer:
        limit = int(call.query.get("limit", "10"))
        return answer_json({"results": [shown(row, ()) for row in self.shelf.rows("contacts")[:limit]]})

    def _one(self, call: Call, contact: str) -> Answer:
        row = self._contacts.found(unquote(contact), call.query.get("idProperty", ""))
        if row is None:
            raise RefusedError(refusal(404, "OBJECT_NOT_FOUND", "resource not found"))
        return answer_json(shown(row, call.query.get("properties", "").split(",")))

    def _create_one(self, call: Call) -> Answer:
        properties = strings(object_in(call).get("properties"))
        self._contacts.refuse_unknown(properties)
        fault = self._contacts.fault(properties, None)
        if fault:
            raise RefusedError(refusal(*fault))
        return answer_json(shown(self._contacts.make(properties, "INTEGRATION"), ()), 201)

    def _patch(self, call: Call, contact: str) -> Answer:
        properties = strings(object_in(call).get("properties"))
        self._contacts.refuse_unknown(properties)
        row = self._contacts.found(unquote(contact), call.query.get("idProperty", ""))
        if row is None:
            raise RefusedError(refusal(404, "OBJECT_NOT_FOUND", "resource not found"))
        fault = self._contacts.fault(properties, row)
        if fault:
            raise RefusedError(refusal(*fault))
        return answer_json(shown(self._contacts.change(row, properties, "INTEGRATION"), ()))

    def _read(self, call: Call) -> Answer:
        body = object_in(call)
        inputs = inputs_of(body)
        rows = [self._contacts.found(str(one.get("id", "")), str(body.get("idProperty") or "")) for one in inputs]
        history = body.get("propertiesWithHistory") or ()
        found = {row["id"]: shown(row, body.get("properties") or (), history) for row in rows if row is not None}
        results = list(found.values())
        self._dice.shuffle(results)
        if all(row is not None for row in rows):
            return answer_json(self._complete(results))
        missing = [str(one.get("id")) for one, row in zip(inputs, rows, strict=True) if row is None]
        error = entry("OBJECT_NOT_FOUND", "Could not get some CONTACT objects, they may be deleted or not exist.", 404)
        return answer_json(self._complete(results, [error | {"context": {"ids": missing}}]), 207, outcome="some unknown")

    def _batch(self, call: Call, way: str) -> Answer:
        inputs = inputs_of(object_in(call))
        keys = [str(one.get("id", "")).lower() for one in inputs if way != "create"]
        if len(set(keys)) != len(keys):
            raise RefusedError(refusal(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input."))
        for one in inputs:
            self._contacts.refuse_unknown(strings(one.get("properties")))
        traces = [str(one.get("objectWriteTraceId") or "") for one in inputs]
        is_traced = all(traces) and len(set(traces)) == len(traces)
        faults = [self._fault_of(way, one) for one in inputs]
        if not is_traced and (first := next((fault for fault in faults if fault), None)):
            raise RefusedError(refusal(*first))
        results, errors = [], []
        for one, trace, before in zip(inputs, traces, faults, strict=True):
            fault = before or self._fault_of(way, one)
            if fault:
                status, category, message = fault
                errors.append(entry(category, message, status) | {"context": {"objectWriteTraceId": [trace]}})
                continue
            row, is_new = self._written(way, one)
            results.append(shown(row, ()) | {"objectWriteTraceId": trace} | ({"new": is_new} if way == "upsert" else {}))
        self._dice.shuffle(results)
        if errors:
            return answer_json(self._complete(results, errors), 207, outcome=f"{len(errors)} refused")
        return answer_json(self._complete(results), 201 if way == "create" else 200)

    def _fault_of(self, way: str, one: Mapping[str, Any]) -> tuple[int, str, str] | None:
        row = None if way == "create" else self._contacts.found(str(one.get("id", "")), str(one.get("idProperty") or ""))
        if way == "update" and row is None:
            return 404, "OBJECT_NOT_FOUND", "CONTACT object was not found"
        return self._contacts.fault(self._wanted(way, one), row)

    @staticmethod
    def _wanted(way: str, one: Mapping[str, Any]) -> dict[str, str]:
        properties = strings(one.get("properties"))
        return {str(one.get("idProperty")): str(one.get("id"))} | properties if way == "upsert" else properties

    def _written(self, way: str, one: Mapping[str, Any]) -> tuple[Row, bool]:
        row = None if way == "create" else self._contacts.found(str(one.get("id", "")), str(one.get("idProperty") or ""))
        wanted = self._wanted(way, one)
        return (
            (self._contacts.make(wanted, "INTEGRATION"), True)
            if row is None
            else (self._contacts.change(row, wanted, "INTEGRATION"), False)
        )

    def _search(self, call: Call) -> Answer:
        body = object_in(call)
        groups, after = body.get("filterGroups") or [], int(body.get("after") or 0)
        limit = int(body.get("limit", 10))
        if len(groups) > MOST_GROUPS or not 0 < limit <= MOST_FOUND or after + limit > MOST_PAGED:
            raise RefusedError(refusal(400, "VALIDATION_ERROR", "There was a problem with the request."))
        rows = [row for row in self._searchable() if not groups or any(matches(row, group) for group in groups)]
        for name in reversed(strings_in(body.get("sorts"))):
            rows.sort(key=lambda row, by=name: sort_key(row, by))  # type: ignore[misc]
        found = [shown(row, body.get("properties") or ()) for row in rows[after : after + limit]]
        more = {"paging": {"next": {"after": str(after + limit)}}} if after + limit < len(rows) else {}
        return answer_json({"total": len(rows), "results": found} | more)

    def _searchable(self) -> list[Row]:
        """The contacts that the search knows already: it is some seconds behind."""
        lag = self.shelf.get("state", "lag") or {"seconds": 5.0}
        until = (self.now() - timedelta(seconds=lag["seconds"])).isoformat()
        return [row for row in self.shelf.rows("contacts") if row["written"] <= until]

    def _properties(self, call: Call) -> Answer:
        del call
        return answer_json({"results": self.shelf.rows("properties")})

    def _new_property(self, call: Call) -> Answer:
        body = object_in(call)
        name = str(body.get("name") or "")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not body.get("groupName") or not body.get("fieldType"):
            raise RefusedError(refusal(400, "VALIDATION_ERROR", "Property values were not valid."))
        if self.shelf.get("properties", name):
            raise RefusedError(refusal(409, "CONFLICT", f"A property named '{name}' already exists."))
        return answer_json(self._put_property(name, str(body["type"]), str(body["fieldType"])), 201)

    def _put_property(self, name: str, kind: str, field: str) -> Row:
        row: Row = {"name": name, "label": name, "type": kind, "fieldType": field, "groupName": "contactinformation"}
        return self.shelf.put("properties", name, row | {"options": [], "description": ""})

    def _act_property(self, name: str, *, gone: bool) -> Row:
        if gone:
            return self.shelf.drop("properties", name) or {}
        return self._put_property(name, *TEXT)

    def _complete(self, results: list[Any], errors: Sequence[Any] = ()) -> dict[str, Any]:
        moment = self.moment()
        body = {"status": "COMPLETE", "results": results, "startedAt": moment, "completedAt": moment}
        return body | ({"numErrors": len(errors), "errors": list(errors)} if errors else {})
