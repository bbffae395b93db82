"""Operators' way into the console: a registration made once, completed where it lacks something, never taken from others."""

from __future__ import annotations

import os
from typing import Any

import pytest

from deploy import azure as azure_module
from deploy import secrets, sign_in, steps
from shared.console.identity import Role
from tests.infra.conftest import LEAST, MOST
from tests.infra.pretend_azure import KEYS_VAULT, VAULT, PretendAzure
from tests.infra.pretend_graph import PERSON, PretendGraph

NAME = "puente-console func-x"
RETURN = "https://func-x.azurewebsites.net/.auth/login/aad/callback"
CLIENT_ID = MOST["PUENTE_CONSOLE_CLIENT_ID"]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What azd gives to hooks; azd itself is not there. Time passes by the pauses that are asked for."""
    for name in ("PUENTE_CONSOLE_CLIENT_ID", "CONSOLE_SIGN_IN", "AZURE_PRINCIPAL_TYPE", "PUBLIC_BASE_URL", "AZURE_ENV_NAME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("AZURE_FUNCTION_NAME", "func-x")
    monkeypatch.setenv("AZURE_FUNCTION_HOST", "func-x.azurewebsites.net")
    monkeypatch.setenv("AZURE_PRINCIPAL_ID", PERSON)
    now = [0.0]
    monkeypatch.setattr(azure_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(azure_module.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))


@pytest.fixture
def tenant() -> PretendGraph:
    """A tenant without any registration."""
    return PretendGraph()


def role_id(application: dict[str, Any], name: str) -> str:
    """The id of an app role."""
    return str(next(role["id"] for role in application["appRoles"] if role["value"] == name))


def test_first_deployment_makes_the_registration(tenant: PretendGraph, capsys: pytest.CaptureFixture[str]) -> None:
    """For this tenant alone, with the four roles, the platform's return address and ID tokens; who deploys is an admin."""
    sign_in.ensure(tenant.azure())
    (made,) = tenant.applications
    assert (made["displayName"], made["signInAudience"]) == (NAME, "AzureADMyOrg")
    assert made["web"]["redirectUris"] == [RETURN]
    assert made["web"]["implicitGrantSettings"] == {"enableIdTokenIssuance": True, "enableAccessTokenIssuance": False}
    assert all(role["allowedMemberTypes"] == ["User"] and role["isEnabled"] for role in made["appRoles"])
    (principal,) = tenant.principals
    assert tenant.assignments == [
        {"principalId": PERSON, "resourceId": principal["id"], "appRoleId": role_id(made, "admin")},
    ]
    assert os.environ["PUENTE_CONSOLE_CLIENT_ID"] == made["appId"]
    assert "azd provision" in capsys.readouterr().out


def test_roles_are_those_of_the_console() -> None:
    """A role that the console does not know would open nothing."""
    assert set(sign_in.ROLES) == set(Role)


@pytest.mark.parametrize("remembers", [True, False])
def test_second_deployment_changes_nothing(
    tenant: PretendGraph, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, remembers: bool
) -> None:
    """Whether it remembers the registration, or finds its own by the name."""
    sign_in.ensure(tenant.azure())
    tenant.changes.clear()
    capsys.readouterr()
    if not remembers:
        monkeypatch.setenv("PUENTE_CONSOLE_CLIENT_ID", "")
    sign_in.ensure(tenant.azure())
    assert tenant.changes == []
    assert os.environ["PUENTE_CONSOLE_CLIENT_ID"] == tenant.applications[0]["appId"]
    assert (capsys.readouterr().out == "") is remembers


@pytest.mark.parametrize("lost", ["principal", "admin", "roles", "address", "ID tokens"])
def test_what_is_missing_is_added(tenant: PretendGraph, lost: str) -> None:
    """A deployment that ended half-way is completed by the next."""
    sign_in.ensure(tenant.azure())
    (made,) = tenant.applications
    if lost == "principal":
        tenant.principals.clear()
        tenant.assignments.clear()
    elif lost == "admin":
        tenant.assignments.clear()
    elif lost == "roles":
        made["appRoles"] = made["appRoles"][1:]
    elif lost == "address":
        made["web"]["redirectUris"] = []
    else:
        made["web"]["implicitGrantSettings"]["enableIdTokenIssuance"] = False
    sign_in.ensure(tenant.azure())
    assert {role["value"] for role in made["appRoles"]} == set(Role)
    assert made["web"]["redirectUris"] == [RETURN]
    assert made["web"]["implicitGrantSettings"]["enableIdTokenIssuance"]
    assert len(tenant.principals) == 1
    assert [one["appRoleId"] for one in tenant.assignments] == [role_id(made, "admin")]


def test_what_people_have_added_stays(tenant: PretendGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Roles, addresses and the address for signing out; ours come beside them, the custom domain's too."""
    theirs = {"id": "1", "value": "auditor"}
    web = {"redirectUris": ["https://elsewhere.example/back"], "logoutUrl": "https://elsewhere.example/out"}
    made = tenant.application({"displayName": NAME, "appRoles": [theirs], "web": web})
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://puente.example.com/")
    sign_in.ensure(tenant.azure())
    assert tenant.applications == [made]
    assert made["appRoles"][0] == theirs
    assert {role["value"] for role in made["appRoles"]} == {"auditor", *Role}
    assert made["web"]["logoutUrl"] == "https://elsewhere.example/out"
    assert made["web"]["redirectUris"] == [
        "https://elsewhere.example/back",
        RETURN,
        "https://puente.example.com/.auth/login/aad/callback",
    ]


def test_somebody_elses_registration_of_that_name_is_not_taken(tenant: PretendGraph, capsys) -> None:
    """Anybody of a tenant may register applications, and whoever owns one gives out its roles."""
    tenant.application({"displayName": NAME}, owner="somebody else")
    sign_in.ensure(tenant.azure())
    assert tenant.changes == []
    assert os.environ["PUENTE_CONSOLE_CLIENT_ID"] == ""
    assert "somebody else's registration" in capsys.readouterr().out


def test_registration_that_is_named_is_completed_whoever_owns_it(tenant: PretendGraph, monkeypatch) -> None:
    """An administrator of the tenant made it, and gave its client id."""
    made = tenant.application({"displayName": "Console"}, owner="an administrator")
    monkeypatch.setenv("PUENTE_CONSOLE_CLIENT_ID", made["appId"])
    sign_in.ensure(tenant.azure())
    assert {role["value"] for role in made["appRoles"]} == set(Role)
    assert tenant.applications == [made]


def test_registration_that_was_deleted_is_made_anew(tenant: PretendGraph, monkeypatch) -> None:
    """What is remembered of it serves nobody."""
    monkeypatch.setenv("PUENTE_CONSOLE_CLIENT_ID", CLIENT_ID)
    sign_in.ensure(tenant.azure())
    assert os.environ["PUENTE_CONSOLE_CLIENT_ID"] == tenant.applications[0]["appId"] != CLIENT_ID


def test_admin_whom_people_have_chosen_is_left_alone(tenant: PretendGraph) -> None:
    """Who deploys is made an admin where there is none; who was replaced by another admin does not come back."""
    sign_in.ensure(tenant.azure())
    tenant.assignments[0]["principalId"] = "another person"
    sign_in.ensure(tenant.azure())
    assert [one["principalId"] for one in tenant.assignments] == ["another person"]


@pytest.mark.parametrize(
    "refuses", ["GET /applications", "POST /applications", "POST /servicePrincipals", "POST /servicePrincipals/.*"]
)
def test_refusal_is_told_and_the_console_keeps_its_keys(tenant: PretendGraph, capsys, refuses: str) -> None:
    """At whichever step: nothing is remembered, so the template leaves Entra off, and the deployment goes on."""
    tenant.refuses = refuses
    sign_in.ensure(tenant.azure())
    printed = capsys.readouterr().out
    assert "signs people in with API keys" in printed
    assert "Insufficient privileges" in printed
    assert "docs/deploy.md" in printed
    assert os.environ["PUENTE_CONSOLE_CLIENT_ID"] == ""


def test_after_a_refusal_the_next_person_goes_on(tenant: PretendGraph) -> None:
    """What was made before it is found, and completed."""
    tenant.refuses = "POST /servicePrincipals/.*"
    sign_in.ensure(tenant.azure())
    tenant.refuses = "nothing"
    sign_in.ensure(tenant.azure())
    assert len(tenant.applications) == len(tenant.principals) == len(tenant.assignments) == 1
    assert os.environ["PUENTE_CONSOLE_CLIENT_ID"] == tenant.applications[0]["appId"]


def test_refusal_later_leaves_signing_in_as_it_was(tenant: PretendGraph, monkeypatch, capsys) -> None:
    """A colleague who may not change the registration deploys all the same."""
    monkeypatch.setenv("PUENTE_CONSOLE_CLIENT_ID", CLIENT_ID)
    tenant.refuses = "GET /applications.*"
    sign_in.ensure(tenant.azure())
    assert "signs people in with Microsoft Entra ID;" in capsys.readouterr().out
    assert os.environ["PUENTE_CONSOLE_CLIENT_ID"] == CLIENT_ID


def test_nobody_logged_in_for_graph_is_a_refusal_too(capsys) -> None:
    """The credential has no token for it; the deployment goes on."""
    from azure.core.exceptions import ClientAuthenticationError

    def no_token(_scope: str) -> str:
        raise ClientAuthenticationError("multi-factor authentication is needed")

    sign_in.ensure(azure_module.Azure(token=no_token, session=PretendGraph()))
    assert "multi-factor authentication is needed" in capsys.readouterr().out


def test_graph_is_given_time_to_know_of_what_it_has_made(tenant: PretendGraph) -> None:
    """It copies a new registration to its servers for some seconds, and knows nothing of it on the others."""
    tenant.copies = 5
    sign_in.ensure(tenant.azure())
    assert len(tenant.applications) == len(tenant.principals) == len(tenant.assignments) == 1


def test_graph_that_never_knows_is_given_up(tenant: PretendGraph, capsys) -> None:
    """After two minutes, with a sentence."""
    tenant.copies = 1000
    sign_in.ensure(tenant.azure())
    assert "nothing after 120 s" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "value"), [("CONSOLE_SIGN_IN", "key"), ("AZURE_PRINCIPAL_TYPE", "ServicePrincipal")])
def test_nothing_is_touched_where_keys_are_wanted_or_a_pipeline_deploys(
    tenant: PretendGraph, monkeypatch, capsys, name: str, value: str
) -> None:
    """A pipeline has no right at Graph and needs none: what a person made once is named by an output of the template."""
    monkeypatch.setenv(name, value)
    sign_in.ensure(tenant.azure())
    assert (tenant.changes, tenant.applications, capsys.readouterr().out) == ([], [], "")


def test_it_is_the_last_thing_after_the_template(monkeypatch) -> None:
    """Secrets first: without them nothing works; without this operators sign in with keys."""
    pretend, seen = PretendAzure(), []
    for name, value in {
        "AZURE_SUBSCRIPTION_ID": "s",
        "AZURE_RESOURCE_GROUP": "g",
        "AZURE_SQL_SERVER_NAME": "sql-x",
        "AZURE_KEY_VAULT_URL": VAULT,
        "AZURE_KEYS_VAULT_URL": KEYS_VAULT,
        "AZURE_PRIVATE_NETWORK": "",
        "PUENTE_SECRETS": "",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(steps, "Azure", pretend.azure)
    monkeypatch.setattr(secrets, "_asked", lambda _setting: "asked")
    monkeypatch.setattr(sign_in, "ensure", lambda _azure: seen.append(pretend.calls[-1].rsplit("/", 1)[-1]))
    assert steps.run("postprovision") == 0
    assert seen == ["refresh"]


def test_template_signs_in_with_entra_once_the_registration_is_known(deployed) -> None:
    """For this registration and tenant alone, without a secret and without kept tokens."""
    made = deployed(MOST)
    body = made.one("Microsoft.Web/sites/config").body["properties"]
    assert body["platform"] == {"enabled": True, "runtimeVersion": "~1"}
    assert body["login"] == {"tokenStore": {"enabled": False}}
    entra = body["identityProviders"]["azureActiveDirectory"]
    assert entra["registration"] == {
        "clientId": CLIENT_ID,
        "openIdIssuer": "https://login.microsoftonline.com/00000000-0000-0000-0000-00000000000a/v2.0",
    }
    assert entra["validation"] == {"allowedAudiences": [CLIENT_ID]}
    assert made.app_settings()["CONSOLE_SIGN_IN"] == "entra"
    assert made.outputs["PUENTE_CONSOLE_CLIENT_ID"] == CLIENT_ID


def test_webhooks_stay_open(either) -> None:
    """App Service Authentication lets everybody through who has not signed in, whether it is on or off."""
    validation = either.one("Microsoft.Web/sites/config").body["properties"]["globalValidation"]
    assert validation == {"requireAuthentication": False, "unauthenticatedClientAction": "AllowAnonymous"}


@pytest.mark.parametrize(
    "environment",
    [
        LEAST,
        LEAST | {"CONSOLE_SIGN_IN": "entra"},
        MOST | {"CONSOLE_SIGN_IN": "key"},
    ],
    ids=["no registration", "wanted without one", "keys wanted"],
)
def test_header_of_the_platform_counts_only_where_the_platform_makes_it(deployed, environment: dict[str, str]) -> None:
    """Without App Service Authentication the app is told to sign people in with keys, whatever the environment asks for."""
    made = deployed(environment)
    assert made.one("Microsoft.Web/sites/config").body["properties"]["platform"]["enabled"] is False
    assert made.one("Microsoft.Web/sites/config").body["properties"]["identityProviders"] == {}
    assert made.app_settings()["CONSOLE_SIGN_IN"] == "key"
