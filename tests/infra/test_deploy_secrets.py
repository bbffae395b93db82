"""Secrets go into the vault and nowhere else; keys are stored as hashes; nothing is printed."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pytest

from deploy import secrets, steps
from deploy.console import DeployError
from deploy.secrets import Vault, ensure_required, name_in_vault, secret_settings
from shared.setting_types import ApiKey
from tests.infra.conftest import INFRA, LEAST
from tests.infra.pretend_azure import KEYS_VAULT, VAULT, PretendAzure


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> PretendAzure:
    """An environment in Azure, with the variables that azd gives to hooks; azd itself is not there."""
    for name, value in {
        "AZURE_SUBSCRIPTION_ID": "s",
        "AZURE_RESOURCE_GROUP": "g",
        "AZURE_SQL_SERVER_NAME": "sql-x",
        "AZURE_KEY_VAULT_URL": VAULT,
        "AZURE_KEYS_VAULT_URL": KEYS_VAULT,
        "AZURE_FUNCTION_NAME": "func-x",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AZURE_PRIVATE_NETWORK", "AZURE_ENV_NAME", "PUENTE_SECRETS"):
        monkeypatch.setenv(name, "")  # set, so that what a command puts there is taken back
    made = PretendAzure()
    monkeypatch.setattr(steps, "Azure", made.azure)
    return made


@pytest.fixture
def vault(pretend: PretendAzure) -> Vault:
    """The environment's secrets."""
    return Vault(pretend.azure(), VAULT, KEYS_VAULT)


def test_table_of_secrets_is_the_template_s(deployed: Any) -> None:
    """The scripts and the template read one table."""
    assert secret_settings() == deployed(LEAST).parameters["vaultSettings"]
    assert "param vaultSettings" in (INFRA / "main.bicepparam").read_text()


def test_names_in_the_vault_are_those_the_app_is_referred_to(deployed: Any) -> None:
    """What the script writes is where the app setting points."""
    for setting, word in secret_settings().items():
        if word == "required":
            assert deployed(LEAST).app_settings()[setting].endswith(f"/secrets/{name_in_vault(setting)}/)")


def test_new_key_is_stored_as_a_hash_that_the_app_takes(vault: Vault, pretend: PretendAzure) -> None:
    """The app's setting holds the hash; the text is a secret of its own that callers are given."""
    vault.new_key("crm", ["webhook", "read"])
    text = pretend.key_texts["api-key-crm"]
    (key,) = [ApiKey.model_validate(one) for one in json.loads(pretend.secrets["api-keys"])]
    assert key.digest == hashlib.sha256(text.encode()).digest()
    assert key.scopes == {"webhook", "read"}


def test_texts_of_keys_are_not_where_the_app_reads(vault: Vault, pretend: PretendAzure) -> None:
    """Whoever runs code in the app finds no sender's key; those that an earlier release left there are taken away."""
    vault.new_key("crm", ["webhook"])
    pretend.secrets["api-key-crm"] = pretend.key_texts.pop("api-key-crm")  # as earlier releases kept it
    text = pretend.secrets["api-key-crm"]
    pretend.secrets |= dict.fromkeys(("odoo-password", "link-signing-secrets", "digest-secrets"), "there")
    ensure_required(vault)
    assert pretend.key_texts == {"api-key-crm": text}
    assert not any(text in value for value in pretend.secrets.values())
    ensure_required(vault)
    assert pretend.key_texts == {"api-key-crm": text}


def test_keys_overlap_while_one_is_replaced(vault: Vault) -> None:
    """Rotation: the new one beside the old, then the old one goes."""
    vault.new_key("crm", ["webhook"])
    vault.new_key("crm-2", ["webhook"])
    assert [key["name"] for key in vault.api_keys()] == ["crm", "crm-2"]
    vault.remove_key("crm")
    assert [key["name"] for key in vault.api_keys()] == ["crm-2"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda v: v.new_key("crm", ["webhook"]), "there is a key called crm"),
        (lambda v: v.new_key("x", ["everything"]), "no such scope: everything"),
        (lambda v: v.new_key("Not Allowed", ["read"]), "lower-case letters"),
        (lambda v: v.remove_key("unknown"), "no key called unknown"),
        (lambda v: v.remove_key("crm"), "the last key stays"),
        (lambda v: v.set("ODOO_URL", "x"), "no secret setting"),
        (lambda v: v.set("ODOO_PASSWORD", "  "), "the value is empty"),
    ],
)
def test_mistakes_are_refused_with_a_sentence(vault: Vault, call: Any, words: str) -> None:
    """Nothing is written where something is wrong."""
    vault.new_key("crm", ["webhook"])
    before = dict(vault.azure._session.secrets)
    with pytest.raises(DeployError, match=words):
        call(vault)
    assert vault.azure._session.secrets == before


def test_first_deployment_makes_keys_and_asks_for_the_rest(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender's key and the smoke test's; Odoo's password is asked for."""
    monkeypatch.setattr(secrets, "_asked", lambda setting: f"value of {setting}")
    ensure_required(vault)
    assert [key["name"] for key in vault.api_keys()] == ["manychat", "smoke"]
    assert vault.get("ODOO_PASSWORD") == "value of ODOO_PASSWORD"
    made = [vault.get(setting) or "" for setting in ("LINK_SIGNING_SECRETS", "DIGEST_SECRETS")]
    assert min(map(len, made)) > 40
    assert len(set(made)) == 2


def test_later_deployments_change_nothing(vault: Vault, pretend: PretendAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the vault stays; nobody is asked."""
    monkeypatch.setattr(secrets, "_asked", lambda _setting: "first")
    ensure_required(vault)
    before = dict(pretend.secrets)
    monkeypatch.setattr(secrets, "_asked", lambda setting: pytest.fail(f"asked for {setting}"))
    ensure_required(vault)
    assert pretend.secrets == before


def test_pipeline_is_told_which_secret_is_missing(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can be asked, the deployment ends with the command that mends it."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(DeployError, match=r"python -m deploy\.secrets set ODOO_PASSWORD"):
        ensure_required(vault)


def test_value_from_standard_input_reaches_the_app_at_once(pretend: PretendAzure, monkeypatch, capsys) -> None:
    """`echo value | python -m deploy.secrets set NAME`: stored, the references read again, nothing printed."""
    monkeypatch.setattr("sys.stdin", io.StringIO("hunter2-hunter2\n"))
    secrets.run(["set", "ODOO_PASSWORD"], pretend.azure())
    assert pretend.secrets["odoo-password"] == "hunter2-hunter2"
    assert pretend.calls[-1].endswith("/sites/func-x/config/configreferences/appsettings/refresh")
    assert "hunter2" not in capsys.readouterr().out


def test_new_optional_secret_is_remembered_for_the_template(pretend: PretendAzure, monkeypatch, capsys) -> None:
    """The template references an optional secret once PUENTE_SECRETS names it."""
    pretend.secrets |= {"api-keys": '[{"name": "a", "sha256": "0"}]', "odoo-password": "x"}
    monkeypatch.setenv("PUENTE_SECRETS", "API_KEYS,ODOO_PASSWORD")
    monkeypatch.setattr("sys.stdin", io.StringIO("https://discord.example/hook"))
    secrets.run(["set", "ALERT_WEBHOOK_URL"], pretend.azure())
    assert set(secrets.os.environ["PUENTE_SECRETS"].split(",")) == {"API_KEYS", "ODOO_PASSWORD", "ALERT_WEBHOOK_URL"}
    assert "azd provision" in capsys.readouterr().out


def test_list_tells_names_and_no_values(pretend: PretendAzure, capsys) -> None:
    """Who looks what is there sees no secret."""
    vault = Vault(pretend.azure(), VAULT, KEYS_VAULT)
    vault.new_key("crm", ["webhook"])
    vault.set("ODOO_PASSWORD", "hunter2-hunter2")
    secrets.run(["list"], pretend.azure())
    printed = capsys.readouterr().out
    assert "there   required ODOO_PASSWORD" in printed
    assert "missing optional ALERT_WEBHOOK_URL" in printed
    assert not any(value in printed for value in (*pretend.secrets.values(), *pretend.key_texts.values()))


def test_postprovision_leaves_the_app_with_its_secrets(pretend: PretendAzure, monkeypatch, capsys) -> None:
    """The hook after the template: keys made, password asked for, references read again, the list remembered."""
    monkeypatch.setattr(secrets, "_asked", lambda _setting: "asked")
    assert steps.run("postprovision") == 0
    made = {"link-signing-secrets", "digest-secrets"}
    assert set(pretend.secrets) == {"api-keys", "odoo-password"} | made
    assert set(pretend.key_texts) == {"api-key-manychat", "api-key-smoke"}
    remembered = secrets.os.environ["PUENTE_SECRETS"].split(",")
    assert sorted(remembered) == ["API_KEYS", "DIGEST_SECRETS", "LINK_SIGNING_SECRETS", "ODOO_PASSWORD"]
    assert pretend.calls[-1].endswith("/refresh")


def test_preprovision_names_everything_that_is_missing(monkeypatch, capsys) -> None:
    """All at once, with the command for each."""
    for name in steps.NEEDED:
        monkeypatch.delenv(name, raising=False)
    assert steps.run("preprovision") == 1
    printed = capsys.readouterr().out
    assert all(f"azd env set {name}" in printed for name in steps.NEEDED)


def test_second_deployment_finds_the_secrets_by_itself(pretend: PretendAzure, monkeypatch, capsys) -> None:
    """A pipeline starts without a memory; what is in the vault is looked up before the template runs."""
    for name in (*steps.NEEDED, "PUENTE_BUDGET_START"):
        monkeypatch.setenv(name, "2026-10-01")
    pretend.secrets |= {"odoo-password": "x", "twilio-auth-token": "y"}
    assert steps.run("preprovision") == 0
    assert set(secrets.os.environ["PUENTE_SECRETS"].split(",")) == {"ODOO_PASSWORD", "TWILIO_AUTH_TOKEN"}


def test_what_preprovision_asks_for_is_what_the_template_needs() -> None:
    """Everything without a default in main.bicepparam is asked for before, or set by azd."""
    needed = {name for name in LEAST if not name.startswith("AZURE_")}
    assert needed == set(steps.NEEDED)
