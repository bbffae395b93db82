"""Graph's users, as far as they are made, looked up, changed, licensed and signed out."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

from sandbox.jsonapi import Handler, answer_json, body_of
from sandbox.microsoft.refusals import refused
from sandbox.shelf import Row
from sandbox.vendor import Answer, Call

if TYPE_CHECKING:
    from sandbox.microsoft.microsoft import Microsoft

USERS = "/v1.0/users"
DOMAIN = "empresa.example"
NEEDED = ("accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile")
USUAL = ("id", "displayName", "givenName", "surname", "jobTitle", "mail", "officeLocation", "userPrincipalName")
BAD = "Request_BadRequest"
_LOCAL = re.compile(r"[A-Za-z0-9'._!#^~-]{1,64}")


class Users:
    """The users, by their numbers; a user's name is taken once."""

    kinds = ("users",)

    def __init__(self, microsoft: "Microsoft") -> None:
        self._microsoft = microsoft

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """What is asked here."""
        one = f"{USERS}/{{key}}"
        return (
            ("POST", USERS, self._create),
            ("GET", one, self._get),
            ("PATCH", one, self._patch),
            ("POST", f"{one}/assignLicense", self._license),
            ("POST", f"{one}/revokeSignInSessions", self._revoke),
        )

    def add(self, given: Mapping[str, Any]) -> Row:
        """A user whom somebody else has made."""
        row: Row = {
            "id": str(uuid4()),
            "userPrincipalName": str(given["email"]),
            "givenName": str(given.get("first_name", "")),
            "surname": str(given.get("last_name", "")),
            "displayName": f"{given.get('first_name', '')} {given.get('last_name', '')}".strip(),
            "employeeId": given.get("employee_id"),
            "accountEnabled": bool(given.get("enabled", True)),
            "createdDateTime": str(given.get("created") or "2024-01-08T15:00:00Z"),
            "usageLocation": "MX",
            "licenses": [],
            "signed_out": 0,
        }
        return self._microsoft.shelf.put("users", str(row["id"]), row)

    def _create(self, call: Call) -> Answer:
        body = _body(call)
        for name in NEEDED:
            if body.get(name) in (None, ""):
                raise refused(400, BAD, f"A value is required for property '{name}' of resource 'User'.")
        local, _, domain = str(body["userPrincipalName"]).rpartition("@")
        if not _LOCAL.fullmatch(local) or local.startswith(".") or local.endswith("."):
            raise refused(400, BAD, "Property userPrincipalName is invalid.")
        if domain != DOMAIN:
            raise refused(400, BAD, "The domain portion of the userPrincipalName property is invalid.")
        if self._find(str(body["userPrincipalName"])) is not None:
            text = "Another object with the same value for property userPrincipalName already exists."
            raise refused(400, BAD, text, detail="ObjectConflict")
        kept = {name: value for name, value in body.items() if name != "passwordProfile"}
        row = {"id": str(uuid4()), "createdDateTime": self._microsoft.moment(), "licenses": [], "signed_out": 0, **kept}
        self._microsoft.shelf.put("users", row["id"], row)
        return answer_json(_shown(row, USUAL), 201)

    def _find(self, key: str) -> Row | None:
        wanted = key.lower()
        rows = self._microsoft.shelf.rows("users")
        return next((row for row in rows if wanted in (row["id"], row["userPrincipalName"].lower())), None)

    def _known(self, key: str) -> Row:
        row = self._find(unquote(key))
        if row is None:
            raise refused(
                404, "Request_ResourceNotFound", "Resource does not exist or one of its queried references is not there."
            )
        return row

    def _get(self, call: Call, key: str) -> Answer:
        fields = call.query.get("$select", "")
        return answer_json(_shown(self._known(key), fields.split(",") if fields else USUAL))

    def _patch(self, call: Call, key: str) -> Answer:
        row = self._known(key)
        self._microsoft.shelf.put("users", row["id"], row | _body(call))
        return Answer(status=204)

    def _license(self, call: Call, key: str) -> Answer:
        row, body = self._known(key), _body(call)
        if not isinstance(body.get("addLicenses"), list) or not isinstance(body.get("removeLicenses"), list):
            raise refused(400, BAD, "addLicenses and removeLicenses are required.")
        if not row.get("usageLocation"):
            raise refused(400, BAD, "License assignment cannot be done for user with invalid usage location.")
        added = [one["skuId"] for one in body["addLicenses"] if one["skuId"] not in row["licenses"]]
        row["licenses"] = [*row["licenses"], *added]
        self._microsoft.shelf.touch()
        return answer_json(_shown(row, USUAL))

    def _revoke(self, _call: Call, key: str) -> Answer:
        row = self._known(key)
        row["signed_out"] += 1
        self._microsoft.shelf.touch()
        return answer_json({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#Edm.Boolean", "value": True})


def _shown(row: Row, fields: Any) -> Row:
    return {name: row.get(name) for name in fields}


def _body(call: Call) -> dict[str, Any]:
    try:
        body = body_of(call)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refused(400, BAD, "Unable to read JSON request payload.")
    return body
