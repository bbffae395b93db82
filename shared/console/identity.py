"""Who uses the console, and what they may do there.

On one machine somebody signs in with an API key (`shared.console.session`); its scopes say the roles. In Azure, App Service
Authentication signs people in and puts `X-MS-CLIENT-PRINCIPAL` on each of their requests: base64 of a JSON object with
`claims` [{typ, val}], `name_typ` and `role_typ`. It takes that header off what comes from outside, but only where it is
switched on; so the header counts only where CONSOLE_SIGN_IN says `entra` and the platform says that it does
(WEBSITE_AUTH_ENABLED), and is refused everywhere else.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.console.words import mark
from shared.errors import RefusedError
from shared.settings import ApiKey

PRINCIPAL = "x-ms-client-principal"
LONGEST_PRINCIPAL = 32_768
LONGEST_ACTOR = 60
_OBJECT_IDS = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_NAMES = ("preferred_username", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "name")
_ROLES = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")


class Role(StrEnum):
    """What somebody may do in the console. Operators and approvers see what viewers see; admins may do everything."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


_INCLUDED = {
    Role.VIEWER: frozenset((Role.VIEWER,)),
    Role.OPERATOR: frozenset((Role.VIEWER, Role.OPERATOR)),
    Role.APPROVER: frozenset((Role.VIEWER, Role.APPROVER)),
    Role.ADMIN: frozenset(Role),
}
_OF_SCOPES = {"read": Role.VIEWER, "write": Role.OPERATOR, "approve": Role.APPROVER, "admin": Role.ADMIN}


@dataclass(frozen=True)
class Operator:
    """Somebody who has signed in. `id` stays the same when the name changes; `actor` is what the action log says."""

    id: str
    name: str
    actor: str
    roles: frozenset[Role]

    def may(self, role: Role) -> bool:
        """Whether they have a role, by itself or within another."""
        return role in self.roles


def of_key(key: ApiKey) -> Operator:
    """Whoever holds an API key. Its name is the operator's; one that only opens webhooks has no role."""
    roles = (_OF_SCOPES[scope] for scope in key.scopes if scope in _OF_SCOPES)
    return Operator(id=f"key:{key.name}", name=key.name, actor=f"key:{key.name}", roles=_with_included(roles))


def of_principal(header: str) -> Operator:
    """Whoever App Service Authentication has signed in.

    Raises:
        RefusedError: 401, the header cannot be read or names nobody.
    """
    claims = _claims(header)
    who = _first(claims, _OBJECT_IDS)
    if who is None:
        raise _unreadable()
    name = _first(claims, _NAMES) or who
    named = [value for kind in _ROLES for value in claims.get(kind, ())]
    roles = (Role(value) for value in named if value in frozenset(Role))
    return Operator(id=f"entra:{who}", name=name, actor=f"person:{name}"[:LONGEST_ACTOR], roles=_with_included(roles))


def _with_included(roles: Iterable[Role]) -> frozenset[Role]:
    return frozenset(each for role in roles for each in _INCLUDED[role])


def _claims(header: str) -> dict[str, list[str]]:
    """The values of each kind of claim. The kind that the token itself says roles stand in counts as `roles`."""
    read = _read(header)
    found: dict[str, list[str]] = {}
    for claim in read.get("claims") or ():
        if isinstance(claim, Mapping) and isinstance(claim.get("typ"), str) and isinstance(claim.get("val"), str):
            kind = _ROLES[0] if claim["typ"] == read.get("role_typ") else claim["typ"]
            found.setdefault(kind, []).append(claim["val"])
    return found


def _read(header: str) -> dict[str, Any]:
    if len(header) > LONGEST_PRINCIPAL:
        raise _unreadable()
    try:
        read = json.loads(base64.b64decode(header, validate=True))
    except (ValueError, RecursionError):
        raise _unreadable() from None
    if not isinstance(read, dict) or not isinstance(read.get("claims") or [], list):
        raise _unreadable()
    return read


def _unreadable() -> RefusedError:
    return RefusedError(401, "unauthorized", mark("The platform's word on who has signed in cannot be read."))


def _first(claims: Mapping[str, list[str]], kinds: Iterable[str]) -> str | None:
    return next((value for kind in kinds for value in claims.get(kind, ()) if value.strip()), None)
