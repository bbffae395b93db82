"""Microsoft Entra through Microsoft Graph: the employee's user, disabled until the first day, with the licence of the settings.

The first password is random and known to nobody: it goes to Microsoft and nowhere else. The employee sets their own by
self-service reset, or IT gives them a temporary access pass.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from functions.onboarding import accounts
from functions.onboarding.accounts import ACTIVE, CREATED, DEACTIVATED, FOUND, KEPT, REACTIVATED, REMOVED, STAGED, Holder
from functions.onboarding.settings import OnboardingSettings
from functions.onboarding.steps import ABSENT
from shared import clock
from shared.errors import RetryableError
from shared.outbox.policy import TargetPolicy
from shared.settings import settings_of
from shared.vendors import answers
from shared.vendors.microsoft import graph_client

if TYPE_CHECKING:
    from functions.onboarding.accounts import Employee
    from functions.onboarding.tables import OnboardingStep
    from shared.vendors.connection import Connection

TARGET = "entra"
FIELDS = "id,accountEnabled,employeeId,givenName,surname,createdDateTime,jobTitle,department,displayName,officeLocation"
ENTRA = graph_client(name="Entra", read_seconds=15, calls=5)


def policy() -> TargetPolicy:
    """Graph throttles by app and tenant; users are written rarely."""
    return TargetPolicy(slots=1, batches_per_second=2)


def put(step: OnboardingStep) -> Mapping[str, Any]:
    """Bring the user to what the onboarding says now, or take back what was done. Twice is as once. Raises PuenteError."""
    http, employee = ENTRA.connected(), accounts.of(step)
    user = _find(http, employee.row.login)
    if step.wanted == ABSENT:
        return _taken_back(http, step, employee, user)
    if user is None:
        user, act = _create(http, employee), CREATED
    else:
        act = _act(step, employee, user)
        _update(http, employee, user, act)
    _license(http, str(user["id"]))
    detail = ACTIVE if employee.has_begun or act == FOUND else STAGED
    return accounts.kept(step, act=act, detail=detail, external_id=str(user["id"]))


def _path(login: str) -> str:
    return f"/users/{quote(login, safe='@')}"


def _find(http: Connection, login: str) -> Mapping[str, Any] | None:
    return accounts.look_up(http, _path(login), params={"$select": FIELDS})


def _holder(user: Mapping[str, Any]) -> Holder:
    created = user.get("createdDateTime")
    return Holder(
        number=str(user.get("employeeId") or ""),
        given_name=str(user.get("givenName") or ""),
        family_name=str(user.get("surname") or ""),
        created=clock.as_utc(datetime.fromisoformat(str(created))) if created else None,
    )


def _act(step: OnboardingStep, employee: Employee, user: Mapping[str, Any]) -> str:
    if accounts.check_same(step, employee, _holder(user)):
        return CREATED
    return FOUND if user.get("accountEnabled") else REACTIVATED


def _facts(employee: Employee) -> dict[str, str]:
    row = employee.row
    given = {
        "displayName": row.full_name,
        "givenName": employee.given_name,
        "surname": employee.family_name,
        "jobTitle": row.position,
        "department": row.department,
        "officeLocation": row.location,
        "employeeId": row.employee_id,
    }
    return {name: value for name, value in given.items() if value}


def _create(http: Connection, employee: Employee) -> Mapping[str, Any]:
    login = employee.row.login
    body = _facts(employee) | {
        "accountEnabled": employee.has_begun,
        "userPrincipalName": login,
        "mailNickname": re.sub(r"[^A-Za-z0-9._-]", "", login.partition("@")[0])[:64],
        "usageLocation": settings_of(OnboardingSettings).entra_usage_location,
        "passwordProfile": {"password": _password(), "forceChangePasswordNextSignIn": True},
    }
    response = http.request("POST", "/users", repeatable=False, json=body)
    if response.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT) and _is_conflict(answers.parsed(response)):
        raise RetryableError(f"{http.words('making a user')}: one was there at the same moment, or is not shown yet")
    if not answers.is_good(response):
        raise http.refusal(response, "making a user", repeatable=False)
    return answers.mapping(response, http.words("making a user"), repeatable=False)


def _is_conflict(body: Any) -> bool:
    error = body.get("error") if isinstance(body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    return any(isinstance(one, dict) and one.get("code") == "ObjectConflict" for one in details or ())


def _password() -> str:
    """Forty random signs of all four kinds; nobody reads it, and it is changed at the first sign-in."""
    return "aA1!" + secrets.token_urlsafe(27)


def _update(http: Connection, employee: Employee, user: Mapping[str, Any], act: str) -> None:
    wanted: dict[str, Any] = dict(_facts(employee))
    if act != FOUND:
        wanted["accountEnabled"] = employee.has_begun
    changed = {name: value for name, value in wanted.items() if user.get(name) != value}
    if changed:
        http.call("PATCH", f"/users/{quote(str(user['id']))}", "changing a user", repeatable=True, json=changed)


def _license(http: Connection, number: str) -> None:
    """Give the licence; one that the user has already stays as it is."""
    sku = settings_of(OnboardingSettings).entra_license_sku
    if sku:
        body = {"addLicenses": [{"skuId": sku, "disabledPlans": []}], "removeLicenses": []}
        http.call("POST", f"/users/{quote(number)}/assignLicense", "giving a licence", repeatable=True, json=body)


def _taken_back(
    http: Connection, step: OnboardingStep, employee: Employee, user: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """A user that we have made or opened is disabled and signed out everywhere; what was there before us stays."""
    if user is None:
        return accounts.kept(step, act=FOUND, detail=REMOVED, external_id="")
    number = str(user["id"])
    if not accounts.may_take_back(step, employee, _holder(user)):
        return accounts.kept(step, act=FOUND, detail=KEPT, external_id=number)
    http.call("PATCH", f"/users/{quote(number)}", "disabling a user", repeatable=True, json={"accountEnabled": False})
    http.answer("POST", f"/users/{quote(number)}/revokeSignInSessions", "signing a user out", repeatable=True)
    return accounts.kept(step, act=FOUND, detail=DEACTIVATED, external_id=number)
