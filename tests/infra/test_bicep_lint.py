"""The rules of Bicep's linter that make `az bicep lint`, and with it every deployment, fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.infra import bicep_lint
from tests.infra.conftest import INFRA

FILES = [INFRA / "main.bicep", *sorted((INFRA / "modules").glob("*.bicep"))]

SQL = "resource s 'Microsoft.Sql/servers@2023-08-01' = {\n  name: 's'\n  properties: { administratorLoginPassword: VALUE }\n}\n"
ENDPOINT = (
    "resource e 'Microsoft.Network/privateEndpoints@2024-07-01' = [\n"
    "  for row in rows: {\n    name: row.name\n    VALUES\n  }\n]\n"
)
COMMAND = "resource e 'Microsoft.Compute/virtualMachines/extensions@2024-03-01' = {\n  name: 'v/e'\n  VALUES\n}\n"

WRONG = {
    "no-unused-params": "param size int\n",
    "no-unused-vars": "var size = 1\n",
    "no-hardcoded-env-urls": "output o string = 'https://a.blob.core.windows.net/'\n",
    "outputs-should-not-contain-secrets": "@secure()\nparam word string\noutput o string = 'x${word}'\n",
    "secure-params-in-nested-deploy": "resource d 'Microsoft.Resources/deployments@2024-03-01' = {\n  name: 'd'\n}\n",
    "secure-secrets-in-params": "param secretSettings object\noutput o object = secretSettings\n",
    "protect-commandtoexecute-secrets": COMMAND.replace("VALUES", "properties: { settings: { commandToExecute: 'run' } }"),
    "use-secure-value-for-secure-inputs": SQL.replace("VALUE", "'abc'"),
    "use-resource-id-functions": "param rows array\n" + ENDPOINT.replace("VALUES", "properties: { serviceId: row.resourceId }"),
}
RIGHT = [
    "@secure()\nparam password string\n" + SQL.replace("VALUE", "password"),
    "param secretName string\nparam secretsInVault array\noutput o array = concat(secretsInVault, [secretName])\n",
    "param rows array\nparam ids object\n"
    + ENDPOINT.replace("VALUES", "properties: { serviceId: ids[row.to], aId: ids.a, bId: 'b' }"),
    "output o string = 'https://schema.management.azure.com/x'\n",
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_template_keeps_the_rules(path: Path) -> None:
    """`az bicep lint` has nothing to say: no error, which would stop each deployment, and no warning."""
    assert bicep_lint.findings(path) == []


def test_every_rule_that_is_switched_on_is_known() -> None:
    """A rule added to bicepconfig.json is added to bicep_lint.py, or the checks would not see what the linter refuses."""
    config = json.loads((INFRA / "bicepconfig.json").read_text())
    rules = {name for name, rule in config["analyzers"]["core"]["rules"].items() if rule["level"] != "off"}
    assert rules == set(bicep_lint.RULES)


@pytest.mark.parametrize("rule", WRONG)
def test_a_rule_finds_what_breaks_it(rule: str, tmp_path: Path) -> None:
    """And nothing else complains about the same lines."""
    (tmp_path / "main.bicep").write_text(WRONG[rule])
    assert {finding.split()[1] for finding in bicep_lint.findings(tmp_path / "main.bicep")} == {rule}


@pytest.mark.parametrize("text", RIGHT)
def test_what_the_linter_takes_passes(text: str, tmp_path: Path) -> None:
    """Secure parameters, names of secrets, ids that come as parameters, and addresses that are the same in every cloud."""
    (tmp_path / "main.bicep").write_text(text)
    assert bicep_lint.findings(tmp_path / "main.bicep") == []
