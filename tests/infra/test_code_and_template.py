"""The template fits the code, in both directions: settings, queues, timers, roles, functions."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import pytest
import yaml
from pydantic import SecretStr

from shared import queues
from shared.settings import setting_name, settings_class
from tests.infra.conftest import INFRA, LEAST, MOST, ROOT, App, Deployed

# Settings that the platform or the template itself settles, and those that have no place in Azure, each with the reason.
LEFT_OUT: dict[str, str] = yaml.safe_load((INFRA / "settings-left-out.yaml").read_text())
# What the app does not read itself, but the platform does.
OF_THE_PLATFORM = {
    "AzureWebJobsStorage__credential",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
    "PYTHON_THREADPOOL_THREAD_COUNT",
}
FIELDS = {setting_name(name): field for name, field in settings_class().model_fields.items()}


def is_secret(annotation: Any) -> bool:
    """Whether a setting's value must not be seen: SecretStr, or several of them, or keys that hold one."""
    if annotation is SecretStr:
        return True
    inner = get_args(annotation)
    return any(is_secret(part) for part in inner if isinstance(part, type | UnionType) or get_args(part))


SECRETS = {name for name, field in FIELDS.items() if is_secret(field.annotation)} | {
    "API_KEYS",  # holds keys or their hashes
    "ALERT_WEBHOOK_URL",  # whoever knows the address can write into the channel
}


def in_template(deployed: Deployed) -> set[str]:
    """The settings that the template knows: those in its tables, and those it works out itself."""
    tables = set(deployed.parameters["settings"]) | set(deployed.parameters["vaultSettings"])
    return tables | set(deployed.app_settings())


@pytest.mark.parametrize("given", ["", "2000000"])
def test_the_host_turns_away_bodies_that_the_app_would_not_take(deployed: Callable[..., Deployed], given: str) -> None:
    """Before a byte of them reaches the worker: the app's own limit, its default included."""
    limit = deployed(LEAST | {"MAX_BODY_BYTES": given}).app_settings()["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"]
    assert int(limit) == int(given or FIELDS["MAX_BODY_BYTES"].default)


def test_queue_functions_take_bytes(app: App) -> None:
    """The host does not hand a body that is not UTF-8 to a function that takes text: nobody could park it, it would be lost."""
    triggers = {
        name: binding.get("dataType")
        for name, bindings in app.functions.items()
        for binding in bindings
        if binding["type"] == "queueTrigger"
    }
    assert len(triggers) > 10
    assert {name for name, kind in triggers.items() if kind != "BINARY"} == set()


def test_every_setting_is_provided_or_left_out_with_a_reason(either: Deployed) -> None:
    """`make docs` writes a new setting into infra/main.bicepparam, unless infra/settings-left-out.yaml says why not."""
    missing = sorted(set(FIELDS) - in_template(either) - set(LEFT_OUT))
    assert missing == [], "run `make docs`, which makes the tables of infra/main.bicepparam"


def test_template_provides_no_setting_that_does_not_exist(either: Deployed) -> None:
    """What the template sets, the app reads; what is left out exists and is not provided all the same."""
    assert in_template(either) - set(FIELDS) - OF_THE_PLATFORM == set()
    assert set(LEFT_OUT) - set(FIELDS) == set()
    assert set(LEFT_OUT) & in_template(either) == set()


def test_secrets_come_by_reference_only(either: Deployed) -> None:
    """Every secret setting is in the table of secrets or left out, and its value in Azure is a reference to the vault."""
    tables = either.parameters
    assert SECRETS & set(tables["settings"]) == set(), "move to `vaultSettings`: their values would stand in the app settings"
    assert set(tables["vaultSettings"]) - SECRETS == set(), "no secret: belongs into `settings`"
    for name, value in either.app_settings().items():
        if name in tables["vaultSettings"]:
            assert re.fullmatch(
                r"@Microsoft\.KeyVault\(SecretUri=https://[a-z0-9-]+\.vault\.azure\.net/secrets/[a-z0-9-]+/\)", value
            )


def test_required_secrets_are_those_without_a_default(either: Deployed) -> None:
    """What the app cannot start without is always referenced; what is optional only once it is in the vault."""
    required = {name for name, word in either.parameters["vaultSettings"].items() if word == "required"}
    assert required == {name for name in either.parameters["vaultSettings"] if FIELDS[name].is_required()}
    assert set(either.parameters["vaultSettings"].values()) <= {"required", "optional"}


def test_optional_secret_appears_with_its_value(deployed) -> None:
    """A reference to a secret that is not there would reach the app as its text, so it is made only when there is one."""
    assert "ALERT_WEBHOOK_URL" not in deployed(LEAST).app_settings()
    assert "ALERT_WEBHOOK_URL" in deployed(MOST).app_settings()


def test_required_settings_have_no_default_in_the_template_either(either: Deployed) -> None:
    """A plain setting that the app requires must be given; the template does not invent it."""
    for name, field in FIELDS.items():
        if field.is_required() and name not in either.parameters["vaultSettings"]:
            assert either.parameters["settings"][name] == LEAST[name]


def test_settings_as_deployed_are_taken_by_the_app(either: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app starts with exactly what the template gives it, once the platform has put the secrets in."""
    from shared.settings import load

    secrets = {
        "API_KEYS": '[{"name": "crm", "sha256": "' + "0" * 64 + '"}]',
        "ODOO_PASSWORD": "from the vault",
        "ALERT_WEBHOOK_URL": "https://discord.example/hook",
        "ODOO_USERNAME": "integration",
    }
    for name in FIELDS:
        monkeypatch.delenv(name, raising=False)
    for name, value in (either.app_settings() | secrets).items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.storage_connection is None
    assert settings.storage_account_name == either.one("Microsoft.Storage/storageAccounts").name


def test_database_is_reached_by_identity(either: Deployed) -> None:
    """The connection string holds no password and names the app's own identity."""
    text = either.app_settings()["AZURE_SQL_CONNECTION_STRING"]
    parts = dict(part.split("=", 1) for part in text.split(";"))
    assert "PWD" not in {name.upper() for name in parts}
    assert parts["Driver"] == "{ODBC Driver 18 for SQL Server}"
    assert (parts["Authentication"], parts["UID"]) == ("ActiveDirectoryMsi", either.outputs["AZURE_IDENTITY_CLIENT_ID"])


def test_database_compares_texts_as_the_one_of_the_tests_does(either: Deployed) -> None:
    """Exactly: under Azure's default, ids that differ in case alone would be one (docs/decisions/0011-exact-comparison.md)."""
    assert either.one("Microsoft.Sql/servers/databases").body["properties"]["collation"] == "Latin1_General_100_BIN2"


def test_every_queue_of_the_code_is_declared(either: Deployed, app: App) -> None:
    """The queues of the template are exactly those the flows declare, each with its poison queue."""
    named = {queue.name for queue in either.all("Microsoft.Storage/storageAccounts/queueServices/queues")}
    ours = set(app.queues)
    assert named == ours | {name + queues.POISON_SUFFIX for name in ours}, "the table `queues` in infra/main.bicep"


def test_every_bound_queue_is_declared_in_the_code(app: App) -> None:
    """Triggers and output bindings use declared queues only, so their poison is collected."""
    bound = {binding["queueName"] for bindings in app.functions.values() for binding in bindings if "queueName" in binding}
    assert bound <= set(app.queues)


def test_every_container_of_the_code_is_declared(either: Deployed) -> None:
    """The claim-check container is there before the first large event."""
    named = {container.name for container in either.all("Microsoft.Storage/storageAccounts/blobServices/containers")}
    assert queues.CLAIM_CHECK_CONTAINER in named
    package = either.one("Microsoft.Web/sites").body["properties"]["functionAppConfig"]["deployment"]["storage"]["value"]
    assert package.rsplit(">", 1)[-1] in named


def test_schedules_resolve(either: Deployed, app: App) -> None:
    """Every %NAME% in a binding is an app setting with a value, and schedules have the default of the settings class."""
    names = set(re.findall(r"%(\w+)%", json.dumps(app.functions)))
    assert names, "the timers take their schedules from settings"
    settings = either.app_settings()
    for name in sorted(names):
        assert settings.get(name), f"{name} is not in the table `settings` of infra/main.bicepparam, or is empty there"
        assert settings[name] == FIELDS[name].default, f"{name}: the template's default and the code's differ"


def test_always_ready_names_functions_that_exist(deployed, app: App) -> None:
    """A group that is kept warm is `http` or a function by its name."""
    for environment in (LEAST, MOST):
        scale = deployed(environment).one("Microsoft.Web/sites").body["properties"]["functionAppConfig"]["scaleAndConcurrency"]
        for group in scale["alwaysReady"]:
            assert group["name"] == "http" or group["name"].removeprefix("function:") in app.functions


def test_runtime_is_the_python_that_the_tests_run_on(either: Deployed) -> None:
    """What is deployed is what is tested."""
    runtime = either.one("Microsoft.Web/sites").body["properties"]["functionAppConfig"]["runtime"]
    assert runtime == {"name": "python", "version": (ROOT / ".python-version").read_text().strip()}


def test_no_setting_that_flex_consumption_refuses(either: Deployed) -> None:
    """Settings of the other plans make a Flex Consumption app fail to deploy or to start."""
    refused = (
        r"FUNCTIONS_WORKER_RUNTIME.*|FUNCTIONS_EXTENSION_VERSION|FUNCTIONS_WORKER_PROCESS_COUNT|FUNCTIONS_MAX_HTTP_CONCURRENCY"
    )
    refused += (
        r"|WEBSITE_RUN_FROM_PACKAGE|WEBSITE_CONTENT.*|SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|WEBSITE_TIME_ZONE|TZ"
    )
    assert [name for name in either.app_settings() if re.fullmatch(refused, name)] == []


def test_threads_suffice_for_the_messages_that_run_at_once(either: Deployed) -> None:
    """As many threads as the host starts messages of one queue, or they wait inside the worker with their lease running."""
    host = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    threads = int(either.app_settings()["PYTHON_THREADPOOL_THREAD_COUNT"])
    assert threads >= host["batchSize"] + host["newBatchThreshold"]


# Which role each way of reaching Azure needs, by the module that the code imports for it.
ROLE_FOR = {
    "azure.storage.queue": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",  # Storage Queue Data Contributor
    "azure.storage.blob": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",  # Storage Blob Data Owner, for the host's sake
    "azure.monitor.opentelemetry": "3913510d-42f4-4e42-8a64-420c390055eb",  # Monitoring Metrics Publisher
}
# Key Vault Secrets User: the platform reads the references with the app's identity.
ROLE_OF_THE_PLATFORM = {"4633458b-17de-408a-b874-0445c86b69e6"}
APP = "<identity/identity.properties.principalId>"
NO_ROLE_NEEDED = {"azure.functions", "azure.identity", "azure.core"}


@cache
def azure_imports() -> set[str]:
    """The Azure SDK modules that the app imports, anywhere in its code."""
    found: set[str] = set()
    for path in [ROOT / "function_app.py", *(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found |= {name for name in names if name.startswith("azure.")}
    return found


def test_roles_cover_what_the_code_calls_and_no_more(either: Deployed) -> None:
    """The app has the role for each Azure service that its code reaches, and none that nothing needs."""
    known = (*ROLE_FOR, *NO_ROLE_NEEDED)
    assert [name for name in azure_imports() if not name.startswith(known)] == [], "which role does it need? see ROLE_FOR"
    needed = {role for module, role in ROLE_FOR.items() if any(name.startswith(module) for name in azure_imports())}
    of_app = {role_id(one) for one in roles_of(either, APP)}
    assert of_app == needed | ROLE_OF_THE_PLATFORM


def role_id(assignment: Any) -> str:
    """The role of an assignment."""
    return str(assignment.body["properties"]["roleDefinitionId"]).rsplit("/", 1)[-1]


def test_roles_stand_in_one_file_and_are_narrow() -> None:
    """Only modules/roles.bicep grants anything, each on one resource, never on the group or the subscription."""
    granting = [path.name for path in INFRA.rglob("*.bicep") if "Microsoft.Authorization/roleAssignments" in path.read_text()]
    assert granting == ["roles.bicep"]
    text = (INFRA / "modules/roles.bicep").read_text()
    assert len(re.findall(r"scope: (storage|package|vault|keysVault|insights)\n", text)) == text.count(
        "Microsoft.Authorization/roleAssignments@"
    )


def test_who_deploys_may_write_secrets_only(either: Deployed) -> None:
    """The deploying identity gets one role: it puts secrets into the two vaults."""
    mine = roles_of(either, LEAST["AZURE_PRINCIPAL_ID"])
    assert [(role_id(one), one.body["properties"]["principalType"]) for one in mine] == [
        ("b86a8fe4-44ce-4948-aee5-eccb2c155cd7", either.parameters["principalType"])
    ] * 2


def roles_of(deployed: Deployed, principal: str) -> list[Any]:
    """The role assignments of an identity."""
    assigned = deployed.all("Microsoft.Authorization/roleAssignments")
    return [one for one in assigned if one.body["properties"]["principalId"] == principal]


def test_the_app_reads_its_own_settings_of_the_vaults_and_nothing_else(either: Deployed) -> None:
    """The texts of senders' keys are in a vault of their own, on which the app has no role, and no setting refers to it."""
    own, keys = sorted(either.all("Microsoft.KeyVault/vaults"), key=lambda vault: "pkeys" in vault.name)
    scopes = [one.id.split("/providers/Microsoft.Authorization")[0] for one in roles_of(either, APP)]
    assert own.id in scopes
    assert keys.id not in scopes
    assert own.body["properties"]["enabledForTemplateDeployment"] is True
    assert keys.body["properties"]["enabledForTemplateDeployment"] is False
    assert not [value for value in either.app_settings().values() if keys.name in value]


# What of the data actions of Storage Blob Data Owner changes a blob, as the role's definition and its conditions name them.
CHANGES_A_BLOB = {
    "write",
    "add/action",
    "delete",
    "deleteBlobVersion/action",
    "permanentDelete/action",
    "move/action",
    "tags/write",
    "immutableStorage/runAsSuperUser/action",
    "manageOwnership/action",
    "modifyPermissions/action",
    "runAsSuperUser/action",
}


def test_the_app_cannot_replace_its_own_package(either: Deployed) -> None:
    """Its role on blobs leaves the package's container out for all that changes a blob; the platform has another identity."""
    (blobs,) = [one for one in roles_of(either, APP) if role_id(one) == ROLE_FOR["azure.storage.blob"]]
    condition = blobs.body["properties"]["condition"]
    actions, _, where = condition.partition(" OR ")
    named = re.findall(
        r"!\(ActionMatches\{'Microsoft\.Storage/storageAccounts/blobServices/containers/blobs/([\w/]+)'\}\)", actions
    )
    assert set(named) == CHANGES_A_BLOB
    assert actions.count(" AND ") == len(named) - 1
    assert where == "(@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringNotEquals 'app-package'))"
    assert blobs.body["properties"]["conditionVersion"] == "2.0"
    site = either.one("Microsoft.Web/sites").body
    storage = site["properties"]["functionAppConfig"]["deployment"]["storage"]
    assert storage["value"].endswith("app-package")
    (package,) = roles_of(either, "<packageIdentity/identity.properties.principalId>")
    assert role_id(package) == "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    assert package.id.split("/providers/Microsoft.Authorization")[0].endswith("/containers/app-package")
    assert "id-puente-package-" in storage["authentication"]["userAssignedIdentityResourceId"]
    assert "id-puente-package-" not in site["properties"]["keyVaultReferenceIdentity"]


def test_no_secret_stands_in_any_file_of_the_template() -> None:
    """No file under infra/ or deploy/ holds what looks like a key, a password or a signed address."""
    suspicious = re.compile(
        r"AccountKey=[A-Za-z0-9+/]{20}|[?&]sig=[\w%]{10}|discord(?:app)?\.com/api/webhooks/\d|password\s*[:=]\s*['\"](?!required|optional)[^'\"$]{6}",
        re.IGNORECASE,
    )
    files = [
        path
        for folder in ("infra", "deploy", ".github")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not _ignored(path)
    ]
    assert [str(path) for path in files if suspicious.search(path.read_text())] == []


def _ignored(path: Path) -> bool:
    return "__pycache__" in path.parts or ".venv" in path.parts
