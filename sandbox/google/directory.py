"""The Directory API of users, as far as accounts are made, looked up, changed and suspended."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sandbox.google.refusals import refused
from sandbox.jsonapi import Handler, answer_json, body_of
from sandbox.shelf import Row
from sandbox.vendor import Answer, Call

if TYPE_CHECKING:
    from sandbox.google.google import Google

USERS = "/admin/directory/v1/users"
SCOPE = "https://www.googleapis.com/auth/admin.directory.user"
ORG_UNITS = ("/", "/Ventas", "/Ingeniería")
_LOCAL = re.compile(r"[A-Za-z0-9'_-]+(?:\.[A-Za-z0-9'_-]+)*")


class Directory:
    """The accounts, by their numbers. An address is taken once, aliases included."""

    kinds = ("users",)

    def __init__(self, google: "Google") -> None:
        self._google = google

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """What is asked here."""
        one = f"{USERS}/{{key}}"
        return ("POST", USERS, self._insert), ("GET", one, self._get), ("PUT", one, self._update), ("DELETE", one, self._delete)

    def add(self, given: Mapping[str, Any]) -> Row:
        """An account that somebody else has made."""
        names = {"givenName": str(given.get("first_name", "")), "familyName": str(given.get("last_name", ""))}
        row = self._row({"primaryEmail": str(given["email"]), "name": names, "suspended": bool(given.get("suspended"))})
        row["creationTime"] = str(given.get("created") or "2024-01-08T15:00:00.000Z")
        if given.get("employee_id"):
            row["externalIds"] = [{"type": "organization", "value": str(given["employee_id"])}]
        return self._google.shelf.put("users", row["id"], row)

    def _insert(self, call: Call, held: Row) -> Answer:
        _check_scope(held)
        body = _body(call)
        name = body.get("name") or {}
        for field, value in (("primaryEmail", body.get("primaryEmail")), ("password", body.get("password"))):
            if not isinstance(value, str) or not value:
                raise refused(400, "required", f"Missing required field: {field}")
        if not name.get("givenName") or not name.get("familyName") or max(map(len, map(str, name.values()))) > 60:  # noqa: PLR2004  # of Google's
            raise refused(400, "invalid", "Invalid Input: name")
        local, _, domain = body["primaryEmail"].rpartition("@")
        if not _LOCAL.fullmatch(local):
            raise refused(400, "invalid", "Invalid Input: primary_user_email")
        if domain != "empresa.example":
            raise refused(404, "notFound", "Domain not found.")
        if body.get("orgUnitPath", "/") not in ORG_UNITS:
            raise refused(400, "invalid", "Invalid Input: INVALID_OU_ID (orgUnitPath)")
        if self._find(body["primaryEmail"]) is not None:
            raise refused(409, "duplicate", "Entity already exists.")
        row = self._row({key: value for key, value in body.items() if key != "password"})
        return answer_json(self._google.shelf.put("users", row["id"], row))

    def _row(self, given: Mapping[str, Any]) -> Row:
        return {
            "kind": "admin#directory#user",
            "id": str(uuid4().int % 10**21),
            "etag": f'"{uuid4().hex}"',
            "suspended": False,
            "orgUnitPath": "/",
            "changePasswordAtNextLogin": False,
            "creationTime": self._google.moment(),
            "aliases": [],
            **given,
        }

    def _find(self, key: str) -> Row | None:
        wanted = key.lower()
        rows = self._google.shelf.rows("users")
        return next((row for row in rows if wanted in (row["id"], row["primaryEmail"].lower(), *row["aliases"])), None)

    def _known(self, key: str) -> Row:
        row = self._find(key)
        if row is None:
            raise refused(404, "notFound", "Resource Not Found: userKey")
        return row

    def _get(self, _call: Call, held: Row, key: str) -> Answer:
        _check_scope(held)
        return answer_json(self._known(_unquoted(key)))

    def _update(self, call: Call, held: Row, key: str) -> Answer:
        """As a PATCH: what is not sent stays; arrays are replaced whole."""
        _check_scope(held)
        row = self._known(_unquoted(key))
        for name, value in _body(call).items():
            row[name] = {**row[name], **value} if isinstance(value, dict) and isinstance(row.get(name), dict) else value
        return answer_json(self._google.shelf.put("users", row["id"], row))

    def _delete(self, _call: Call, held: Row, key: str) -> Answer:
        _check_scope(held)
        self._google.shelf.drop("users", self._known(_unquoted(key))["id"])
        return Answer(status=204)


def _unquoted(key: str) -> str:
    from urllib.parse import unquote

    return unquote(key)


def _check_scope(held: Row) -> None:
    """A token for no administrator, or without the scope, opens nothing."""
    if SCOPE not in held["scope"].split() or not held["sub"].startswith("admin@"):
        raise refused(403, "forbidden", "Not Authorized to access this resource/api")


def _body(call: Call) -> dict[str, Any]:
    try:
        body = body_of(call)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refused(400, "parseError", "Parse Error")
    return body
