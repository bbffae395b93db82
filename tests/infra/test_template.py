"""What the template would deploy: well formed, within Azure's rules, closed by default."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.infra.bicep import BicepError, Declaration, declarations, text_of
from tests.infra.conftest import INFRA, LEAST, MOST, ROOT, Deployed

FILES = sorted(INFRA.rglob("*.bicep"))
TYPES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "tests/infra/resource_types.yaml").read_text())
# Objects whose keys are data, not names of properties.
FREE_FORM = (
    "tags",
    "properties.definition",
    "properties.parameters",
    "identity.userAssignedIdentities",
    "properties.notifications",
)

# "Naming rules and restrictions for Azure resources" on learn.microsoft.com.
NAME_RULES = {
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/queueServices/queues": r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    "Microsoft.Storage/storageAccounts/blobServices/containers": r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    "Microsoft.KeyVault/vaults": r"(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
    "Microsoft.Sql/servers": r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]",
    "Microsoft.Web/sites": r"[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]",
    "Microsoft.OperationalInsights/workspaces": r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]",
    "Microsoft.Resources/resourceGroups": r"[\w().-]{0,89}[\w()-]",
}


def paths(value: Any, path: str = "") -> set[str]:
    """Every property that is set, as `properties.sku.name`; items of lists count as one."""
    if isinstance(value, dict) and value and path not in FREE_FORM:
        return set().union(*(paths(inner, f"{path}.{name}".lstrip(".")) for name, inner in value.items()))
    if isinstance(value, list) and value:
        return set().union(*(paths(inner, path) for inner in value))
    return {path}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INFRA)))
def test_everything_declared_is_used_and_described(path) -> None:
    """No parameter or variable that nothing reads, and no parameter without a sentence."""
    declared = declarations(path)
    text = re.sub(r"//.*|@description\('(?:[^'\\]|\\.)*'\)", "", path.read_text())
    for (space, name), one in declared.items():
        if one.kind == "param":
            assert "description" in one.decorators, f"{path.name}: {name} has no description"
        if space == "name" and one.kind in ("param", "var"):
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{path.name}: nothing uses {name}"


def test_modules_get_exactly_the_parameters_they_declare() -> None:
    """Every module is given every parameter of its own, so that no default hides in a module."""
    for (_, name), one in declarations(INFRA / "main.bicep").items():
        if one.kind == "module":
            wanted = {known for (space, known), d in declarations(INFRA / one.target).items() if d.kind == "param"}
            assert given_to(one) == wanted, name


def given_to(module: Declaration) -> set[str]:
    """The names of the parameters that a module statement passes."""
    body = module.node.named_children[2]
    body = body.named_children[1] if body.type == "if_statement" else body
    for item in body.named_children:
        if text_of(item.named_children[0]) == "params":
            return {
                text_of(one.named_children[0]) for one in item.named_children[1].named_children if one.type == "object_property"
            }
    return set()


def test_types_and_properties_are_those_that_were_looked_up(either: Deployed) -> None:
    """Every resource type, API version and property is in the list that was checked against the published types."""
    for resource in either.resources:
        known = TYPES[resource.type]
        assert resource.api == known["api"], f"{resource.file}: {resource.symbol}"
        body = {name: value for name, value in resource.body.items() if name not in ("name", "dependsOn")}
        unknown = paths(body) - set(known["sets"]) - set(known.get("documented", [])) - {""}
        assert unknown == set(), f"{resource.file}: {resource.symbol} sets what was not looked up"


def test_looked_up_list_names_nothing_that_is_not_used(deployed) -> None:
    """The list of types and properties does not outlive the template."""
    used: dict[str, set[str]] = {}
    for environment in (LEAST, MOST):
        for resource in deployed(environment).resources:
            used.setdefault(resource.type, set()).update(paths(resource.body))
    assert set(TYPES) == set(used)
    for name, known in TYPES.items():
        assert set(known["sets"]) | set(known.get("documented", [])) <= used[name], name


def test_names_keep_to_the_rules(either: Deployed) -> None:
    """Every name has the length and the letters that Azure allows for its type, and no two resources are one."""
    for resource in either.resources:
        if rule := NAME_RULES.get(resource.type):
            assert re.fullmatch(rule, resource.name), f"{resource.type} {resource.name}"
    ids = [resource.id.lower() for resource in either.resources]
    assert sorted(set(ids)) == sorted(ids)


def test_environments_share_no_name_that_must_be_unique_in_the_world(deployed) -> None:
    """Dev and prod can live in one subscription."""
    one, other = deployed(LEAST), deployed(LEAST | {"AZURE_ENV_NAME": "prod"})
    assert {resource.id for resource in one.resources} & {resource.id for resource in other.resources} == set()


def test_everything_is_tagged(either: Deployed) -> None:
    """Whatever takes tags names its environment, so that costs can be told apart and `azd down` finds it."""
    for resource in either.resources:
        if "tags" in TYPES[resource.type]["sets"]:
            assert resource.body["tags"]["azd-env-name"] == either.parameters["environmentName"], resource.symbol


def test_azd_finds_the_app(either: Deployed) -> None:
    """The app carries the name of the service in azure.yaml."""
    services = yaml.safe_load((ROOT / "azure.yaml").read_text())["services"]
    assert [either.one("Microsoft.Web/sites").body["tags"]["azd-service-name"]] == list(services)


def test_no_keys_and_no_passwords_open_anything(either: Deployed) -> None:
    """Storage, telemetry, database, vault and publishing take identities only."""
    storage = either.one("Microsoft.Storage/storageAccounts").body["properties"]
    assert (storage["allowSharedKeyAccess"], storage["allowBlobPublicAccess"]) == (False, False)
    assert either.one("Microsoft.Sql/servers").body["properties"]["administrators"]["azureADOnlyAuthentication"] is True
    assert [vault.body["properties"]["enableRbacAuthorization"] for vault in either.all("Microsoft.KeyVault/vaults")] == [
        True
    ] * 2
    assert either.one("Microsoft.Insights/components").body["properties"]["DisableLocalAuth"] is True
    policies = either.all("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert [policy.body["properties"]["allow"] for policy in policies] == [False, False]


def test_transport_is_encrypted_everywhere(either: Deployed) -> None:
    """TLS 1.2 or later, nothing without it."""
    storage = either.one("Microsoft.Storage/storageAccounts").body["properties"]
    site = either.one("Microsoft.Web/sites").body["properties"]
    assert storage["supportsHttpsTrafficOnly"]
    assert storage["minimumTlsVersion"] == "TLS1_2"
    assert site["httpsOnly"]
    assert site["siteConfig"]["minTlsVersion"] == "1.2"
    assert site["siteConfig"]["ftpsState"] == "Disabled"
    assert either.one("Microsoft.Sql/servers").body["properties"]["minimalTlsVersion"] == "1.2"
    assert "Encrypt=yes;TrustServerCertificate=no" in either.app_settings()["AZURE_SQL_CONNECTION_STRING"]


def test_private_network_closes_everything_but_the_app(deployed) -> None:
    """With the switch on, storage, database and vault answer in the network only, each by an endpoint and a private name."""
    private = deployed(MOST)
    for kind in ("Microsoft.Storage/storageAccounts", "Microsoft.Sql/servers", "Microsoft.KeyVault/vaults"):
        assert {one.body["properties"]["publicNetworkAccess"] for one in private.all(kind)} == {"Disabled"}, kind
    assert private.all("Microsoft.Sql/servers/firewallRules") == []
    groups = [
        connection["properties"]["groupIds"]
        for endpoint in private.all("Microsoft.Network/privateEndpoints")
        for connection in endpoint.body["properties"]["privateLinkServiceConnections"]
    ]
    assert groups == [["blob"], ["queue"], ["sqlServer"], ["vault"]]
    zones = {zone.name for zone in private.all("Microsoft.Network/privateDnsZones")}
    assert zones == {
        f"privatelink.{name}"
        for name in ("blob.core.windows.net", "queue.core.windows.net", "database.windows.net", "vaultcore.azure.net")
    }
    assert private.one("Microsoft.Web/sites").body["properties"]["virtualNetworkSubnetId"].endswith("/subnets/app")
    assert private.outputs["AZURE_OUTBOUND_ADDRESS"] != ""


def test_without_private_network_there_is_none(deployed) -> None:
    """The switch off costs nothing: no network resource at all."""
    public = deployed(LEAST)
    assert [resource for resource in public.resources if resource.type.startswith("Microsoft.Network/")] == []
    assert public.one("Microsoft.Web/sites").body["properties"]["virtualNetworkSubnetId"] is None


def test_subnet_of_the_app_can_call_out_and_is_delegated(deployed) -> None:
    """Flex Consumption needs a subnet of its own, and a way out to Odoo: new subnets have none by themselves."""
    network = deployed(MOST).one("Microsoft.Network/virtualNetworks").body["properties"]
    app, endpoints = network["subnets"]
    assert app["properties"]["delegations"][0]["properties"]["serviceName"] == "Microsoft.App/environments"
    assert "natGateway" in app["properties"]
    assert "_" not in app["name"]  # Flex Consumption refuses underscores in the subnet's name
    assert app["properties"]["addressPrefix"] != endpoints["properties"]["addressPrefix"]


def test_vault_cannot_be_purged(either: Deployed) -> None:
    """A deleted secret comes back for 90 days, whoever deleted it."""
    for vault in (one.body["properties"] for one in either.all("Microsoft.KeyVault/vaults")):
        assert (vault["enablePurgeProtection"], vault["enableSoftDelete"]) == (True, True)
        assert vault["softDeleteRetentionInDays"] == 90


def test_large_bodies_are_forgotten_only_after_every_retry(either: Deployed) -> None:
    """A claim-check blob outlives the longest life of an event by far, or a late retry would find it gone."""
    from shared.outbox.policy import HANDLER_POLICY
    from shared.queues import CLAIM_CHECK_CONTAINER

    (rule,) = either.one("Microsoft.Storage/storageAccounts/managementPolicies").body["properties"]["policy"]["rules"]
    assert rule["definition"]["filters"]["prefixMatch"] == [f"{CLAIM_CHECK_CONTAINER}/"]
    days = rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"]
    assert days >= 4 * HANDLER_POLICY.max_age.days


def test_long_backups_only_where_the_database_never_pauses(deployed) -> None:
    """A serverless database that may pause cannot have them; the deployment would fail."""
    kind = "Microsoft.Sql/servers/databases/backupLongTermRetentionPolicies"
    assert len(deployed(LEAST).all(kind)) == 1
    assert deployed(LEAST | {"PUENTE_SQL_AUTO_PAUSE_MINUTES": "60"}).all(kind) == []


def test_lock_keeps_the_record_and_the_secrets(deployed) -> None:
    """The switch locks database and vault; the server stays free, or its firewall rules could not be taken back."""
    locked = [lock.id.split("/providers/")[1].split("/")[-2] for lock in deployed(MOST).all("Microsoft.Authorization/locks")]
    assert locked == ["databases", "vaults", "vaults"]
    assert deployed(LEAST).all("Microsoft.Authorization/locks") == []


def test_chat_alerts_need_their_secret(deployed) -> None:
    """Without the address in the vault there is no workflow, and nothing asks the vault for it."""
    assert deployed(LEAST).all("Microsoft.Logic/workflows") == []
    workflow = deployed(MOST).one("Microsoft.Logic/workflows").body["properties"]
    assert workflow["parameters"]["webhookUrl"]["value"] == "<existingVault.getSecret(alert-webhook-url)>"
    assert workflow["definition"]["actions"]["tell"]["runtimeConfiguration"] == {"secureData": {"properties": ["inputs"]}}
    receivers = deployed(MOST).one("Microsoft.Insights/actionGroups").body["properties"]
    assert [receiver["emailAddress"] for receiver in receivers["emailReceivers"]] == ["ops@example.com", "lead@example.com"]
    assert len(receivers["logicAppReceivers"]) == 1


def test_budget_begins_on_a_first_of_a_month_and_can_be_left_out(deployed) -> None:
    """Azure refuses a budget that begins on another day, and one whose beginning changes."""
    assert deployed(MOST).one("Microsoft.Consumption/budgets").body["properties"]["timePeriod"] == {"startDate": "2026-10-01"}
    assert re.fullmatch(
        r"\d{4}-\d{2}-01", deployed(LEAST).one("Microsoft.Consumption/budgets").body["properties"]["timePeriod"]["startDate"]
    )
    assert deployed(LEAST | {"PUENTE_MONTHLY_BUDGET": "0"}).all("Microsoft.Consumption/budgets") == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PUENTE_INSTANCE_MEMORY_MB", "1024"),
        ("PUENTE_MAXIMUM_INSTANCES", "0"),
        ("PUENTE_UPDATE_STRATEGY", "Swap"),
        ("PUENTE_SQL_MIN_VCORES", "0.6"),
        ("PUENTE_STORAGE_SKU", "Premium_LRS"),
        ("AZURE_ENV_NAME", "a-name-that-is-too-long"),
        ("AZURE_PRINCIPAL_TYPE", "Robot"),
    ],
)
def test_impossible_values_are_refused_before_anything_is_deployed(variable: str, value: str) -> None:
    """A parameter out of its range is an error of the template, not of Azure ten minutes later."""
    with pytest.raises(BicepError):
        Deployed(LEAST | {variable: value})


@pytest.mark.parametrize("missing", ["AZURE_LOCATION", "ODOO_URL", "ODOO_DB", "PUENTE_ALERT_EMAILS"])
def test_missing_variables_are_named(missing: str) -> None:
    """What has no default must be given, and the error says which."""
    with pytest.raises(KeyError, match=missing):
        Deployed({name: value for name, value in LEAST.items() if name != missing})


def test_hooks_and_documents_use_outputs_that_exist(either: Deployed) -> None:
    """Every AZURE_... name in hooks and documents is an output of the template or set by azd itself."""
    by_azd = {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID", "AZURE_PRINCIPAL_ID", "AZURE_PRINCIPAL_TYPE"}
    by_login = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID"}
    settings = {"AZURE_SQL_CONNECTION_STRING"}
    texts = [*(ROOT / "deploy").rglob("*.py"), *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.yml")]
    used = {name for path in texts for name in re.findall(r"\bAZURE_[A-Z_]+\b", path.read_text())}
    assert used - set(either.outputs) - by_azd - by_login - settings - {"AZURE_FUNCTIONS_ENVIRONMENT"} == set()


def test_workbook_reads_our_workspace(either: Deployed) -> None:
    """What is deployed as the workbook is JSON, and its queries go to the workspace that was made with it."""
    serialized = json.loads(either.one("Microsoft.Insights/workbooks").body["properties"]["serializedData"])
    assert serialized["version"] == "Notebook/1.0"
    assert serialized["fallbackResourceIds"] == [either.one("Microsoft.OperationalInsights/workspaces").id]
