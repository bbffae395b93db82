"""Google Workspace through the Directory API: the employee's account, suspended until the first day.

The first password is random and known to nobody; it is changed at the first sign-in, after a reset by IT. A new account may
not be seen for minutes after it was made, so that a 409 beside a 404 waits.
"""

from __future__ import annotations

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
from shared.vendors.google import google_client, reason_and_message

if TYPE_CHECKING:
    import requests

    from functions.onboarding.accounts import Employee
    from functions.onboarding.tables import OnboardingStep
    from shared.vendors.connection import Connection

TARGET = "workspace"
SCOPE = "https://www.googleapis.com/auth/admin.directory.user"
LONGEST_NAME = 60
WORKSPACE = google_client(
    name="Workspace",
    address="google_directory_base_url",
    scopes=(SCOPE,),
    subject="google_admin_email",
    read_seconds=15,
    calls=5,
)


def is_used() -> bool:
    """Whether Workspace is set up: the account, and the administrator for whom it acts."""
    return WORKSPACE.is_used() and settings_of(OnboardingSettings).google_admin_email is not None


def policy() -> TargetPolicy:
    """The Directory API takes ten new users a second at most; here they come one by one."""
    return TargetPolicy(slots=1, batches_per_second=2)


def put(step: OnboardingStep) -> Mapping[str, Any]:
    """Bring the account to what the onboarding says now, or take back what was done. Twice is as once. Raises PuenteError."""
    http, employee = WORKSPACE.connected(), accounts.of(step)
    user = _find(http, employee.row.login)
    if step.wanted == ABSENT:
        return _taken_back(http, step, employee, user)
    if user is None:
        user, act = _create(http, employee), CREATED
    else:
        act = _act(step, employee, user)
        _update(http, employee, user, act)
    detail = ACTIVE if employee.has_begun or act == FOUND else STAGED
    return accounts.kept(step, act=act, detail=detail, external_id=str(user["id"]))


def _find(http: Connection, login: str) -> Mapping[str, Any] | None:
    return accounts.look_up(http, f"/users/{quote(login, safe='@')}", params={"projection": "full"})


def _number(user: Mapping[str, Any]) -> str:
    """The employee's number in an account."""
    ids = user.get("externalIds")
    found = (one for one in ids if isinstance(one, Mapping)) if isinstance(ids, list) else ()
    return next((str(one.get("value") or "") for one in found if one.get("type") == "organization"), "")


def _holder(user: Mapping[str, Any]) -> Holder:
    name, created = user.get("name") or {}, str(user.get("creationTime") or "")
    return Holder(
        number=_number(user),
        given_name=str(name.get("givenName") or ""),
        family_name=str(name.get("familyName") or ""),
        created=clock.as_utc(datetime.fromisoformat(created)) if created else None,
    )


def _act(step: OnboardingStep, employee: Employee, user: Mapping[str, Any]) -> str:
    if accounts.check_same(step, employee, _holder(user)):
        return CREATED
    return REACTIVATED if user.get("suspended") else FOUND


def _facts(employee: Employee) -> dict[str, Any]:
    row = employee.row
    facts: dict[str, Any] = {
        "name": {"givenName": employee.given_name[:LONGEST_NAME], "familyName": employee.family_name[:LONGEST_NAME]}
    }
    if row.employee_id:
        facts["externalIds"] = [{"type": "organization", "value": row.employee_id}]
    about = {name: value for name, value in (("title", row.position), ("department", row.department)) if value}
    if about:
        facts["organizations"] = [about | {"primary": True}]
    return facts


def _create(http: Connection, employee: Employee) -> Mapping[str, Any]:
    body = _facts(employee) | {
        "primaryEmail": employee.row.login,
        "password": secrets.token_urlsafe(30),
        "changePasswordAtNextLogin": True,
        "suspended": not employee.has_begun,
        "orgUnitPath": _org_unit(employee),
    }
    response = http.request("POST", "/users", repeatable=False, json=body)
    if response.status_code == HTTPStatus.BAD_REQUEST and body["orgUnitPath"] != "/" and _is_about_org_unit(response):
        body["orgUnitPath"] = "/"
        response = http.request("POST", "/users", repeatable=False, json=body)
    if response.status_code == HTTPStatus.CONFLICT:
        raise RetryableError(f"{http.words('making an account')}: the address is taken, or its account is not shown yet")
    if not answers.is_good(response):
        raise http.refusal(response, "making an account", repeatable=False)
    return answers.mapping(response, http.words("making an account"), repeatable=False)


def _is_about_org_unit(response: requests.Response) -> bool:
    body = answers.parsed(response)
    _reason, message = reason_and_message(body if isinstance(body, dict) else {})
    return "orgunit" in str(message or "").lower().replace(" ", "").replace("_", "")


def _org_unit(employee: Employee) -> str:
    pattern = settings_of(OnboardingSettings).workspace_org_unit
    if "{department}" in pattern and not employee.row.department:
        return "/"
    return pattern.replace("{department}", employee.row.department or "")


def _update(http: Connection, employee: Employee, user: Mapping[str, Any], act: str) -> None:
    wanted = _facts(employee)
    if act != FOUND:
        wanted["suspended"] = not employee.has_begun
    changed = {name: value for name, value in wanted.items() if not _holds(user.get(name), value)}
    if changed:
        path = f"/users/{quote(str(user['id']))}"
        http.call("PUT", path, "changing an account", repeatable=True, json=changed)


def _holds(there: Any, wanted: Any) -> bool:
    """Whether what is there says all that is wanted; Google adds members of its own."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(_holds(there.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(there, list) and all(any(_holds(one, each) for one in there) for each in wanted)
    return bool(there == wanted)


def _taken_back(
    http: Connection, step: OnboardingStep, employee: Employee, user: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """An account that we have made or opened is suspended, for a deleted one holds its seat; what was there before us stays."""
    if user is None:
        return accounts.kept(step, act=FOUND, detail=REMOVED, external_id="")
    number = str(user["id"])
    if not accounts.may_take_back(step, employee, _holder(user)):
        return accounts.kept(step, act=FOUND, detail=KEPT, external_id=number)
    http.call("PUT", f"/users/{quote(number)}", "suspending an account", repeatable=True, json={"suspended": True})
    return accounts.kept(step, act=FOUND, detail=DEACTIVATED, external_id=number)
