"""The operators' documents say what the template and the code do."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from deploy import cost
from tests.infra.conftest import INFRA, LEAST, ROOT, App, Deployed

DEPLOY = (ROOT / "docs/deploy.md").read_text()
SECURITY = (ROOT / "docs/security.md").read_text()


def test_every_variable_of_an_environment_is_explained() -> None:
    """The table in docs/deploy.md is the PUENTE_... variables of main.bicepparam, with their defaults."""
    text = (INFRA / "main.bicepparam").read_text()
    given = dict(re.findall(r"readEnvironmentVariable\('(PUENTE_\w+)'(?:, '([^']*)')?\)", text))
    explained = set(
        re.findall(r"`(PUENTE_\w+)`", DEPLOY.partition("### Settings of an environment")[2].partition("### Without")[0])
    )
    by_scripts = {"PUENTE_SECRETS", "PUENTE_BUDGET_START"}
    assert set(given) - explained - by_scripts == set()
    assert explained - set(given) == set()


@pytest.mark.parametrize(
    ("variable", "default"),
    [
        ("PUENTE_MONTHLY_BUDGET", "100"),
        ("PUENTE_MAXIMUM_INSTANCES", "40"),
        ("PUENTE_INSTANCE_MEMORY_MB", "2048"),
        ("PUENTE_LOG_DAILY_CAP_GB", "5"),
    ],
)
def test_defaults_in_the_table_are_the_template_s(variable: str, default: str) -> None:
    """A default is changed in both places or in none."""
    assert f"readEnvironmentVariable('{variable}', '{default}')" in (INFRA / "main.bicepparam").read_text()
    assert re.search(rf"\| `{variable}` \| {default} \|", DEPLOY)


def test_pipeline_may_assign_exactly_the_roles_of_the_template() -> None:
    """The condition in docs/deploy.md names the roles of roles.bicep: one more would be too much, one less would fail."""
    granted = set(re.findall(r"'([0-9a-f]{8}-[0-9a-f-]{27})'", (INFRA / "modules/roles.bicep").read_text()))
    allowed = set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", re.findall(r"ROLES='\{(.*?)\}'", DEPLOY)[0]))
    assert allowed == granted


def test_pipeline_has_rights_on_the_group_of_its_environment_alone() -> None:
    """What it may do at the subscription is to begin deployments; whatever they touch is checked against its group."""
    given = re.findall(r"az role assignment create .*?--role '?([\w ]+?)'? --scope (\S+)", DEPLOY)
    assert dict(given) == {
        "Contributor": "$GROUP",
        "Role Based Access Control Administrator": "$GROUP",
        "Puente pipeline": "/subscriptions/<id>",
    }
    assert re.search(r"GROUP=/subscriptions/<id>/resourceGroups/rg-puente-prod\n", DEPLOY)
    definition = json.loads(re.findall(r"--role-definition '(.*)'", DEPLOY)[0])
    assert definition["Actions"] == [
        "Microsoft.Resources/deployments/*",
        "Microsoft.Resources/subscriptions/resourceGroups/read",
    ]


def test_environments_take_one_branch_alone() -> None:
    """The federated credential names an environment, so whoever may run in it is whoever may deploy."""
    assert '"custom_branch_policies": true' in DEPLOY
    assert "deployment-branch-policies --field name=main" in DEPLOY


def test_every_secret_has_its_way_of_being_replaced(deployed) -> None:
    """By its own row of "Replacing each secret", or by that of its kind: it takes one value, or several at once."""
    rows, _, everything = DEPLOY.partition("## Replacing each secret")[2].partition("\n## ")[0].partition("All secrets that")
    kinds = dict(re.findall(r"^\| `([A-Z_]+)` \| \w* \| (one|several) \|", everything, re.MULTILINE))
    assert set(deployed(LEAST).parameters["vaultSettings"]) == set(kinds)
    assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", rows)) < set(kinds), "a row speaks of a secret that there is not"
    for kind in set(kinds.values()):
        assert f"| Any other of {kind} value" in rows
    assert (kinds["NOTION_TOKEN"], kinds["CALENDLY_SIGNING_KEYS"]) == ("one", "several")


def test_steps_in_the_table_are_the_hooks() -> None:
    """docs/deploy.md tells the steps in the order in which azd takes them."""
    described = re.findall(r"^\| (pre\w+|post\w+|provision|deploy) \|", DEPLOY, re.MULTILINE)
    assert described == ["preprovision", "provision", "postprovision", "predeploy", "deploy", "postdeploy"]
    assert set(yaml.safe_load((ROOT / "azure.yaml").read_text())["hooks"]) < set(described)


def test_retention_in_the_table_is_the_template_s(deployed) -> None:
    """The times in docs/security.md are those that are deployed."""
    public: Deployed = deployed(LEAST)
    policy = public.one("Microsoft.Storage/storageAccounts/managementPolicies").body["properties"]["policy"]["rules"][0]
    blobs = policy["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"]
    undelete = public.one("Microsoft.Storage/storageAccounts/blobServices").body["properties"]["deleteRetentionPolicy"]["days"]
    assert f"| {blobs} days (`claimCheckDays`), then {undelete} days recoverable |" in SECURITY
    logs = public.one("Microsoft.OperationalInsights/workspaces").body["properties"]["retentionInDays"]
    assert f"| {logs} days (`logRetentionDays`) |" in SECURITY
    short = public.one("Microsoft.Sql/servers/databases/backupShortTermRetentionPolicies").body["properties"]["retentionDays"]
    long = public.one("Microsoft.Sql/servers/databases/backupLongTermRetentionPolicies").body["properties"]
    assert long == {"weeklyRetention": "P5W", "monthlyRetention": "P3M"}
    assert f"| {short} days to the second; 5 weekly and 3 monthly copies |" in SECURITY


def test_evidence_that_is_named_exists() -> None:
    """A file or test that docs/security.md calls as a witness is there."""
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for named in re.findall(r"`([\w./-]+)`", SECURITY):
        if named.startswith("test_"):
            assert f"def {named}(" in tests, named
        elif re.match(r"(tests|shared|deploy|infra|\.github)/", named):
            assert (ROOT / named).exists(), named


def test_commands_that_are_named_exist() -> None:
    """Every `python -m ...` in the operators' documents is a module of ours."""
    for page in (ROOT / "docs").glob("*.md"):
        for module in re.findall(r"python -m (deploy[.\w]*|shared[.\w]*|tests[.\w]*)", page.read_text()):
            place = ROOT / Path(*module.split("."))
            assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), f"{page.name}: {module}"


@pytest.mark.parametrize("events", [1000, 1_000_000])
def test_tables_of_costs_are_what_the_command_prints(events: int) -> None:
    """The worksheet is calculated, not typed."""
    text = (ROOT / "docs/cost.md").read_text()
    shown = text.partition(f"<!-- python -m deploy.cost {events} -->\n")[2].partition("<!-- end -->")[0]
    assert shown == cost.table(events)


def test_cost_grows_with_events_and_never_below_what_is_always_there() -> None:
    """More events never cost less; no events cost what stands by."""
    amounts = [cost.quantities(rate) for rate in (0, 10, 1000, 100_000, 1_000_000)]
    for less, more in pairwise(amounts):
        assert all(less[name] <= more[name] for name in less)
    assert amounts[0]["GB-seconds always ready"] > 0
    assert amounts[0]["executions, million"] < 0.3


def test_a_busy_function_is_paid_by_its_instances() -> None:
    """At twice an instance's capacity two instances are busy all month; at one event a day one second a day is paid."""
    assert cost.instance_seconds(120, 60) == 2 * cost.MONTH
    assert cost.instance_seconds(1 / 86_400, 60) == pytest.approx(cost.MONTH / 86_400, rel=0.01)


def test_prices_fill_in_the_sum(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What has a price is added up; what has none is shown as unknown, not as nothing."""
    prices = tmp_path / "prices.yaml"
    prices.write_text('"executions, million": 0.5\nlog GB: null\n')
    monkeypatch.setattr(cost, "PRICES", prices)
    text = cost.table(1000)
    used = cost.quantities(1000)["executions, million"]
    assert f"| {used * 0.5:,.2f} |" in text
    assert re.search(r"\| log GB \| [\d,.]+ \| \? \| \? \|", text)


def test_price_list_names_every_quantity() -> None:
    """A quantity without a line in infra/prices.yaml could never be priced."""
    assert set(yaml.safe_load((INFRA / "prices.yaml").read_text())) == set(cost.quantities(1))


def test_assumptions_about_the_app_are_true(app: App) -> None:
    """The number of queues and the pace of the timers in the worksheet are the app's."""
    from shared.settings import Settings

    assert cost.Assumptions().queues == len(app.queues)
    often = {name for name, schedule in app.timers().items() if not schedule.startswith(("%RECONCILE", "%RETENTION"))}
    assert set(cost.TIMER_RUNS) >= often
    assert Settings.model_fields["dispatch_schedule"].default == "*/30 * * * * *"
