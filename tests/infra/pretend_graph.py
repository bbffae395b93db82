"""Microsoft Graph as the deployment sees it: applications, service principals, who has which role. In memory."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from deploy.azure import Azure
from tests.infra.pretend_azure import Answer

PERSON = "11111111-2222-3333-4444-555555555555"
REFUSED = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges to complete the operation."}}
NO_APPLICATION = {"error": {"message": "The appId of the service principal does not reference a valid application object."}}
NO_RESOURCE = {"error": {"code": "Request_ResourceNotFound", "message": "Resource does not exist."}}


@dataclass
class PretendGraph:
    """A tenant. `refuses`: what may not be done (`POST /applications`). `copies`: how often it does not know of its own yet."""

    applications: list[dict[str, Any]] = field(default_factory=list)
    principals: list[dict[str, Any]] = field(default_factory=list)
    assignments: list[dict[str, Any]] = field(default_factory=list)
    owners: dict[str, list[str]] = field(default_factory=dict)
    refuses: str = "nothing"
    copies: int = 0
    changes: list[str] = field(default_factory=list)

    def azure(self) -> Azure:
        """A client that talks to this."""
        return Azure(token=lambda scope: f"token for {scope}", session=self)  # type: ignore[arg-type]

    def request(
        self, method: str, url: str, *, headers: dict[str, str], json: Any = None, timeout: float = 0, params: Any = None
    ) -> Answer:
        """Answer a request as Graph would."""
        assert headers["Authorization"] == "Bearer token for https://graph.microsoft.com/.default"
        assert url.startswith("https://graph.microsoft.com/v1.0/")
        parts = urlsplit(url.removeprefix("https://graph.microsoft.com/v1.0"))
        if re.fullmatch(self.refuses, f"{method} {parts.path}"):
            return Answer(403, REFUSED)
        if method == "GET":
            return self._read(parts.path, parse_qs(parts.query))
        if parts.path != "/applications" and self.copies:
            self.copies -= 1
            return Answer(400, NO_APPLICATION) if method == "POST" else Answer(404, NO_RESOURCE)
        self.changes.append(f"{method} {parts.path}")
        return self._change(method, parts.path, _copied(json))

    def _read(self, path: str, query: dict[str, list[str]]) -> Answer:
        if path == "/applications":
            name = query["$filter"][0].removeprefix("displayName eq '").removesuffix("'")
            return Answer(200, {"value": [one for one in self.applications if one["displayName"] == name]})
        if owned := re.fullmatch(r"/applications/([\w-]+)/owners", path):
            return Answer(200, {"value": [{"id": owner} for owner in self.owners.get(owned[1], [])]})
        if of := re.fullmatch(r"/servicePrincipals/([\w-]+)/appRoleAssignedTo", path):
            return Answer(200, {"value": [one for one in self.assignments if one["resourceId"] == of[1]]})
        kind, client_id = re.fullmatch(r"/(\w+)\(appId='([\w-]+)'\)", path).groups()  # type: ignore[union-attr]
        listed = self.applications if kind == "applications" else self.principals
        found = [one for one in listed if one["appId"] == client_id]
        return Answer(200, found[0]) if found else Answer(404, NO_RESOURCE)

    def _change(self, method: str, path: str, body: Any) -> Answer:
        if path == "/applications":
            return Answer(201, self.application(body))
        if path == "/servicePrincipals":
            self.principals.append(body | {"id": str(uuid.uuid4())})
            return Answer(201, self.principals[-1])
        if path.endswith("/appRoleAssignedTo"):
            self.assignments.append(body)
            return Answer(201, body)
        (application,) = [one for one in self.applications if path == f"/applications/{one['id']}"]
        application["web"] = _merged(application["web"], body.pop("web", {}))
        application.update(body)
        assert method == "PATCH"
        return Answer(204)

    def application(self, body: dict[str, Any], owner: str = PERSON) -> dict[str, Any]:
        """Register an application; whoever does so owns it."""
        implicit = {"enableIdTokenIssuance": False, "enableAccessTokenIssuance": False}
        empty: dict[str, Any] = {"redirectUris": [], "logoutUrl": None, "implicitGrantSettings": implicit}
        made = {"appRoles": []} | body | {"id": str(uuid.uuid4()), "appId": str(uuid.uuid4())}
        made["web"] = _merged(empty, body.get("web", {}))
        self.applications.append(made)
        self.owners[made["id"]] = [owner]
        return made


def _copied(body: Any) -> Any:
    return json.loads(json.dumps(body))


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    inner = {"implicitGrantSettings": old["implicitGrantSettings"] | new.get("implicitGrantSettings", {})}
    return old | new | inner
