"""Okta: the employee's user, prepared before the first day (STAGED) and activated on it, when Okta mails the invitation.

Users are looked up by their login, which is consistent; never by `search`, which lags behind. A create whose answer was lost is
found so. PUT would wipe what is not sent, so that facts are changed by POST.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from functions.onboarding import accounts
from functions.onboarding.accounts import (
    ACTIVATED,
    ACTIVE,
    CREATED,
    DEACTIVATED,
    FOUND,
    KEPT,
    REACTIVATED,
    REMOVED,
    STAGED,
    Holder,
)
from functions.onboarding.steps import ABSENT
from shared import clock
from shared.errors import PuenteError, RetryableError, ThrottledError
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings
from shared.vendors import answers
from shared.vendors.rest_client import RestClient
from shared.vendors.token_sources import PrivateKeyAssertion

if TYPE_CHECKING:
    import requests

    from functions.onboarding.accounts import Employee
    from functions.onboarding.tables import OnboardingStep
    from shared.vendors.connection import Connection

TARGET = "okta"
SCOPES = "okta.users.manage"
BAD_FIELD, NOT_FOUND, IS_ACTIVE, LATER = "E0000001", "E0000007", "E0000016", "E0000112"
LONGEST_NAME = 50
GONE = "DEPROVISIONED"


def _named_wait(response: requests.Response) -> float | None:
    """Okta names the second at which its limit begins anew, by its own clock. None where so many at once are too many."""
    headers = response.headers
    if headers.get("X-Rate-Limit-Limit") == "0":
        return None
    try:
        return max(0.0, float(headers["X-Rate-Limit-Reset"]) - _server_time(headers.get("Date", "")) + 1)
    except (KeyError, ValueError):
        return None


def _server_time(date: str) -> float:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return clock.now().timestamp()


def _verdict(
    response: requests.Response,
    body: Mapping[str, Any],
    what: str,
    _repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    code = body.get("errorCode")
    if code == "E0000047":
        return ThrottledError(f"{what} answered {response.status_code} {code}", after_seconds=_named_wait(response))
    return RetryableError(f"{what} answered {response.status_code} {code}") if code == LATER else None


OKTA = RestClient(
    name="Okta",
    address="okta_base_url",
    key="okta_api_token",
    used_by="okta_base_url",
    authorize=lambda key: {"Authorization": f"SSWS {key}"} if key else {},
    authorize_token=lambda token: {"Authorization": f"Bearer {token}"},
    credentials=PrivateKeyAssertion(
        path="/oauth2/v1/token",
        client_id="okta_client_id",
        private_key="okta_private_key",
        key_id="okta_key_id",
        scope=SCOPES,
    ),
    headers={"Accept": "application/json"},
    error=lambda body: (body.get("errorCode"), body.get("errorSummary")),
    account_codes=frozenset({"e0000011", "e0000006"}),
    named_wait=_named_wait,
    verdict=_verdict,
    read_seconds=15,
    calls=6,
)


def is_used() -> bool:
    """Whether Okta is set up."""
    return OKTA.is_used(get_settings())


def policy() -> TargetPolicy:
    """Okta's limits are by the minute and shared with whatever else the organization runs."""
    return TargetPolicy(slots=1, batches_per_second=2)


def put(step: OnboardingStep) -> Mapping[str, Any]:
    """Bring the user to what the onboarding says now, or take back what was done. Twice is as once. Raises PuenteError."""
    http, employee = OKTA.connected(), accounts.of(step)
    user = _find(http, employee.row.login)
    if step.wanted == ABSENT:
        return _taken_back(http, step, employee, user)
    if user is None:
        user, act = _create(http, employee), CREATED
    else:
        act = _act(step, employee, user)
    return _opened(http, step, employee, user, act)


def _find(http: Connection, login: str) -> Mapping[str, Any] | None:
    return accounts.look_up(http, f"/api/v1/users/{quote(login, safe='@')}")


def _act(step: OnboardingStep, employee: Employee, user: Mapping[str, Any]) -> str:
    """What is done to a user that was there. Raises PermanentError: it is somebody else's, or nobody can tell."""
    holder = _holder(user)
    if user.get("status") == STAGED.upper():
        accounts.check_not_another(step, employee, holder)
        return CREATED if holder.is_new(employee) else ACTIVATED
    if accounts.check_same(step, employee, holder):
        return CREATED
    return REACTIVATED if user.get("status") == GONE else FOUND


def _holder(user: Mapping[str, Any]) -> Holder:
    profile, created = user.get("profile") or {}, user.get("created")
    return Holder(
        number=str(profile.get("employeeNumber") or ""),
        given_name=str(profile.get("firstName") or ""),
        family_name=str(profile.get("lastName") or ""),
        created=clock.as_utc(datetime.fromisoformat(str(created))) if created else None,
    )


def _profile(employee: Employee) -> dict[str, str]:
    row = employee.row
    given = {
        "login": row.login,
        "email": row.login,
        "firstName": employee.given_name[:LONGEST_NAME],
        "lastName": employee.family_name[:LONGEST_NAME],
        "displayName": row.full_name,
        "title": row.position,
        "department": row.department,
        "city": row.location,
        "employeeNumber": row.employee_id,
        "mobilePhone": row.phone,
        "manager": row.manager_name or row.manager_email,
    }
    return {name: value for name, value in given.items() if value}


def _create(http: Connection, employee: Employee) -> Mapping[str, Any]:
    """Make the user, not active, so that no mail goes out. One that is there after all is found by its login."""
    body = {"profile": _profile(employee)}
    response = http.request("POST", "/api/v1/users", repeatable=False, params={"activate": "false"}, json=body)
    if response.status_code == HTTPStatus.BAD_REQUEST and (found := _find(http, employee.row.login)) is not None:
        raise RetryableError(f"{http.words('making a user')}: one was there at the same moment, status {found.get('status')}")
    if not answers.is_good(response):
        raise http.refusal(response, "making a user", repeatable=False)
    return answers.mapping(response, http.words("making a user"), repeatable=False)


def _opened(http: Connection, step: OnboardingStep, employee: Employee, user: Mapping[str, Any], act: str) -> Mapping[str, Any]:
    number, status = str(user["id"]), str(user.get("status"))
    detail = ACTIVE
    if act != CREATED or step.act is not None:
        _update(http, employee, user)
    if status == STAGED.upper() and not employee.has_begun:
        detail = STAGED
    elif status == STAGED.upper():
        _lifecycle(http, number, "activate", mail=True)
    elif status == GONE:
        _lifecycle(http, number, "activate", mail=employee.has_begun)
        detail = ACTIVE if employee.has_begun else STAGED
    elif status == "PROVISIONED" and step.detail == STAGED:
        if employee.has_begun:
            _lifecycle(http, number, "reactivate", mail=True)
        detail = ACTIVE if employee.has_begun else STAGED
    elif status == "SUSPENDED":
        _lifecycle(http, number, "unsuspend")
    return accounts.kept(step, act=act, detail=detail, external_id=number)


def _update(http: Connection, employee: Employee, user: Mapping[str, Any]) -> None:
    wanted, there = _profile(employee), user.get("profile") or {}
    changed = {name: value for name, value in wanted.items() if there.get(name) != value}
    if changed and user.get("status") != GONE:
        path = f"/api/v1/users/{quote(str(user['id']))}"
        http.call("POST", path, "changing a user", repeatable=True, json={"profile": changed})


def _lifecycle(http: Connection, number: str, verb: str, *, mail: bool | None = None) -> None:
    """Move the user on. Where they are there already, that is as good. Repeating it mails a second invitation at most."""
    params = None if mail is None else {"sendEmail": str(mail).lower()}
    path, what = f"/api/v1/users/{quote(number)}/lifecycle/{verb}", f"{verb} of a user"
    response = http.request("POST", path, repeatable=True, params=params)
    body = answers.parsed(response)
    code = body.get("errorCode") if isinstance(body, dict) else None
    if not answers.is_good(response) and code != IS_ACTIVE:
        raise http.refusal(response, what, repeatable=True)


def _taken_back(
    http: Connection, step: OnboardingStep, employee: Employee, user: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """A user that was only prepared is removed, another one deactivated; what was there before us stays as it is."""
    if user is None:
        return accounts.kept(step, act=FOUND, detail=REMOVED, external_id="")
    number = str(user["id"])
    if not accounts.may_take_back(step, employee, _holder(user)):
        return accounts.kept(step, act=FOUND, detail=KEPT, external_id=number)
    if user.get("status") == STAGED.upper() and step.act in (CREATED, None):
        for _ in range(2):  # the first deletion only deactivates
            response = http.request("DELETE", f"/api/v1/users/{quote(number)}", params={"sendEmail": "false"})
            if response.status_code != HTTPStatus.NOT_FOUND and not answers.is_good(response):
                raise http.refusal(response, "removing a user", repeatable=True)
        return accounts.kept(step, act=CREATED, detail=REMOVED, external_id=number)
    if user.get("status") != GONE:
        response = http.request("POST", f"/api/v1/users/{quote(number)}/lifecycle/deactivate", repeatable=True)
        if response.status_code != HTTPStatus.NOT_FOUND and not answers.is_good(response):
            raise http.refusal(response, "deactivating a user", repeatable=True)
    return accounts.kept(step, act=FOUND, detail=DEACTIVATED, external_id=number)
