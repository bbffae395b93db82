"""The app registration with which operators sign in to the console: what Bicep cannot make, made by Microsoft Graph.

It belongs to one function app and has the console's four roles as app roles. Whoever deploys becomes an admin where there is
none yet; other people get their roles in the Microsoft Entra admin center. The template switches App Service Authentication on
once PUENTE_CONSOLE_CLIENT_ID names the registration. Pipelines leave all of this alone: a person has to do it once.

How Graph names things: "application", "appRole" and "Grant an appRoleAssignment for a service principal" in its reference.
"""

import os
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from azure.core.exceptions import AzureError

from deploy.azure import Azure, until
from deploy.console import DeployError, remember, say, variable

CLIENT_ID = "PUENTE_CONSOLE_CLIENT_ID"
ROLES = {
    "viewer": "Sees every page of the console, with personal data masked.",
    "operator": "Pauses, resumes, tries again, takes back, answers, stops, and shows personal data.",
    "approver": "Decides approvals that somebody else has asked for.",
    "admin": "May do everything in the console.",
}
"""As the console knows them (shared/console/identity.py); a test compares."""
COPIED_WITHIN_SECONDS = 120
MOST_LISTED = 999
_NOT_COPIED_YET = ("NoBackingApplicationObject", "does not reference a valid", "does not exist", "was not found")


def ensure(azure: Azure) -> None:
    """Make or complete the registration, and remember it for the template. A second run changes nothing.

    Whatever goes wrong is told and does not end the deployment: operators sign in as they did before.
    """
    if os.environ.get("CONSOLE_SIGN_IN") == "key" or os.environ.get("AZURE_PRINCIPAL_TYPE") == "ServicePrincipal":
        return
    try:
        client_id = registered(azure, variable("AZURE_FUNCTION_NAME"), variable("AZURE_PRINCIPAL_ID"))
    except (DeployError, OSError, AzureError) as error:  # refused; not reached; no login that Graph takes
        say(_refusal(error))
        return
    if client_id != os.environ.get(CLIENT_ID):
        remember(CLIENT_ID, client_id)
        say("the console signs people in with Microsoft Entra ID after the next `azd provision`")


def _refusal(error: Exception) -> str:
    now = "Microsoft Entra ID" if os.environ.get(CLIENT_ID) else "API keys"
    return (
        f"the console signs people in with {now}; its app registration could not be made or completed: {str(error)[:400]} "
        "Who may do it, and how to leave it out: docs/deploy.md, 'Signing in to the console'."
    )


def registered(azure: Azure, app: str, admin: str) -> str:
    """The client id of the app's registration, which is complete afterwards, with `admin` (a user's id) as its first admin.

    Raises:
        DeployError: Graph refuses, or there is a registration of that name which is not the admin's own.
    """
    found = _known(azure) or _found(azure, app, admin) or _made(azure, app)
    _complete(azure, found)
    role = next(role["id"] for role in _roles(found) if role["value"] == "admin")
    _ensure_admin(azure, _principal(azure, found["appId"]), admin, role)
    return str(found["appId"])


def _known(azure: Azure) -> Any:
    """The registration that earlier deployments remembered; None where there was none or it has been deleted."""
    known = os.environ.get(CLIENT_ID)
    return azure.graph("GET", f"/applications(appId='{quote(known)}')") if known else None


def _found(azure: Azure, app: str, admin: str) -> Any:
    """The registration of that name, where `admin` owns it: anybody of the tenant could have made one of that name."""
    name = quote(f"displayName eq '{_name(app)}'")
    listed = azure.graph("GET", f"/applications?$filter={name}")["value"]
    for one in listed:
        if admin in {owner["id"] for owner in azure.graph("GET", f"/applications/{one['id']}/owners")["value"]}:
            return one
    if listed:
        raise DeployError(f"{_name(app)} is somebody else's registration; to use it: azd env set {CLIENT_ID} <its client id>.")
    return None


def _made(azure: Azure, app: str) -> Any:
    body = {"displayName": _name(app), "signInAudience": "AzureADMyOrg"} | _wanted({})
    return azure.graph("POST", "/applications", body)


def _name(app: str) -> str:
    return f"puente-console {app}"


def _complete(azure: Azure, application: Any) -> None:
    """Add what the registration lacks; what people have added stays."""
    wanted, web = _wanted(application), application["web"]
    has_roles = wanted["appRoles"] == application["appRoles"]
    has_addresses = wanted["web"]["redirectUris"] == web["redirectUris"]
    if not (has_roles and has_addresses and web["implicitGrantSettings"]["enableIdTokenIssuance"]):
        _when_copied(lambda: azure.graph("PATCH", f"/applications/{application['id']}", wanted))


def _wanted(application: Any) -> dict[str, Any]:
    """The parts of the registration that are ours, together with what is there."""
    there = application.get("web", {}).get("redirectUris", [])
    return {
        "appRoles": _roles(application),
        # ID tokens from the authorization endpoint: App Service Authentication works that way without a client secret.
        "web": {
            "redirectUris": [*there, *(uri for uri in _return_addresses() if uri not in there)],
            "implicitGrantSettings": {"enableIdTokenIssuance": True},
        },
    }


def _return_addresses() -> list[str]:
    """Where the platform takes people back to: under the app's own name, and under the custom domain where there is one."""
    hosts = [variable("AZURE_FUNCTION_HOST"), urlsplit(os.environ.get("PUBLIC_BASE_URL", "")).hostname]
    return list(dict.fromkeys(f"https://{host}/.auth/login/aad/callback" for host in hosts if host))


def _roles(application: Any) -> list[Any]:
    """The app roles that are there, and those of ours that are not. People only, no other applications."""
    there = application.get("appRoles", [])
    lacking = ROLES.keys() - {role["value"] for role in there}
    return [*there, *(_role(name, meaning) for name, meaning in ROLES.items() if name in lacking)]


def _role(name: str, meaning: str) -> dict[str, Any]:
    return {
        "id": str(
            uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.console.puente")
        ),  # Graph wants ids from its callers: always the same
        "value": name,
        "displayName": name.capitalize(),
        "description": meaning,
        "allowedMemberTypes": ["User"],
        "isEnabled": True,
    }


def _principal(azure: Azure, client_id: str) -> str:
    """The object id of the registration's service principal, to which people are assigned; it is made where it lacks."""
    found = azure.graph("GET", f"/servicePrincipals(appId='{client_id}')")
    if found is None:
        found = _when_copied(lambda: azure.graph("POST", "/servicePrincipals", {"appId": client_id}))
    return str(found["id"])


def _ensure_admin(azure: Azure, principal: str, person: str, role: str) -> None:
    """Give somebody the role admin where nobody has it: whom people have made or unmade an admin since, stays so."""
    path = f"/servicePrincipals/{principal}/appRoleAssignedTo"
    assigned = azure.graph("GET", f"{path}?$top={MOST_LISTED}") or {"value": []}
    if not any(one["appRoleId"] == role for one in assigned["value"]):
        _when_copied(lambda: azure.graph("POST", path, {"principalId": person, "resourceId": principal, "appRoleId": role}))


def _when_copied[T](call: Callable[[], T]) -> T:
    """Call Graph until it knows of what it has just made itself: it copies that to all of its servers for some seconds.

    Raises:
        DeployError: it refuses for another reason, or for too long.
    """

    def attempt() -> tuple[T] | None:
        try:
            return (call(),)
        except DeployError as error:
            if any(words in str(error) for words in _NOT_COPIED_YET):
                return None
            raise

    return until(attempt, COPIED_WITHIN_SECONDS, what="Microsoft Graph does not know of what it has just made")[0]
