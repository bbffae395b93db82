"""The app's secrets: in its vault and nowhere else. The texts of API keys are in another vault, which the app cannot read.

    python -m deploy.secrets list                                  what is there, what is missing (no values)
    python -m deploy.secrets set ODOO_PASSWORD                     asks for the value, or reads it from standard input
    python -m deploy.secrets new-key manychat --scopes webhook:manychat     a new API key; callers read it from the vault
    python -m deploy.secrets remove-key manychat                   the key is good no longer

The app sees a change at once: its references are read again.
"""

import argparse
import getpass
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.azure import Azure
from deploy.console import DeployError, remember, say, variable
from deploy.door import AzurePlace, vault_open

PARAMETERS = Path(__file__).resolve().parents[1] / "infra" / "main.bicepparam"
SITES_API = "2024-04-01"
SMOKE_KEY = "smoke"
OURS = ("LINK_SIGNING_SECRETS", "DIGEST_SECRETS")
"""Secrets that nobody else has to know: made here, once. A new one of the second would let people be found no more."""

SCOPES = re.compile(r"read|write|admin|webhook(:[a-z][a-z0-9-]*)?")


def secret_settings() -> dict[str, str]:
    """The secret settings and whether each is required, from the table in infra/main.bicepparam."""
    table = PARAMETERS.read_text("utf-8").partition("param vaultSettings = {")[2].partition("}")[0]
    return dict(re.findall(r"^\s+(\w+): '(required|optional)'", table, flags=re.MULTILINE))


def name_in_vault(setting: str) -> str:
    """The vault's name for a setting; it takes letters, digits and dashes."""
    return setting.lower().replace("_", "-")


def there(azure: Azure, address: str) -> list[str]:
    """The secret settings that have a value in the vault of this address."""
    return [setting for setting in secret_settings() if azure.secret(address, name_in_vault(setting)) is not None]


def text_in_vault(key: str) -> str:
    """The vault's name for the text of an API key."""
    return f"api-key-{key}"


class Vault:
    """The secrets of one environment: the app's settings, and elsewhere the texts of the API keys, whose hashes the app has."""

    def __init__(self, azure: Azure, address: str, keys: str) -> None:
        self.azure, self.address, self.keys = azure, address, keys

    def get(self, setting: str) -> str | None:
        """The value of a setting, None where there is none."""
        return self.azure.secret(self.address, name_in_vault(setting))

    def set(self, setting: str, value: str) -> None:
        """Write a setting's value.

        Raises:
            DeployError: the value is empty, or no settings of that name are secret.
        """
        if setting not in secret_settings():
            raise DeployError(f"{setting} is no secret setting; those are {', '.join(sorted(secret_settings()))}")
        if not value.strip():
            raise DeployError(f"{setting}: the value is empty")
        self.azure.set_secret(self.address, name_in_vault(setting), value.strip())

    def api_keys(self) -> list[dict[str, Any]]:
        """The API keys: names, hashes and scopes."""
        listed: list[dict[str, Any]] = json.loads(self.get("API_KEYS") or "[]")
        return listed

    def new_key(self, name: str, scopes: list[str]) -> None:
        """Make an API key. Its text is a secret `api-key-<name>` where the app does not read; the app gets the hash only.

        Raises:
            DeployError: there is a key of that name, or a scope that does not exist.
        """
        if not re.fullmatch(r"[a-z0-9-]{1,50}", name):
            raise DeployError(f"{name!r}: a key's name has lower-case letters, digits and dashes")
        if unknown := sorted(scope for scope in set(scopes) if not SCOPES.fullmatch(scope)):
            raise DeployError(f"no such scope: {', '.join(unknown)}; there are read, write, admin and webhook:<sender>")
        keys = self.api_keys()
        if any(key["name"] == name for key in keys):
            raise DeployError(f"there is a key called {name}; give the new one another name, and remove the old one later")
        text = secrets.token_urlsafe(32)
        self.azure.set_secret(self.keys, text_in_vault(name), text)
        keys.append({"name": name, "sha256": hashlib.sha256(text.encode()).hexdigest(), "scopes": sorted(scopes)})
        self.set("API_KEYS", json.dumps(keys))

    def move_texts(self) -> None:
        """Take the texts of API keys out of the vault that the app reads; earlier releases left them there."""
        for name in (text_in_vault(key["name"]) for key in self.api_keys()):
            if (text := self.azure.secret(self.address, name)) is not None:
                self.azure.set_secret(self.keys, name, text)
                self.azure.delete_secret(self.address, name)

    def remove_key(self, name: str) -> None:
        """Make an API key worthless.

        Raises:
            DeployError: there is no such key, or it is the last.
        """
        left = [key for key in self.api_keys() if key["name"] != name]
        if len(left) == len(self.api_keys()):
            raise DeployError(f"there is no key called {name}")
        if not left:
            raise DeployError("the last key stays: without one the app does not start")
        self.set("API_KEYS", json.dumps(left))


def ensure_required(vault: Vault) -> None:
    """Make the keys and ask for what the app cannot start without, where it is missing. What is there stays.

    Raises:
        DeployError: something is missing and nobody is there to ask.
    """
    vault.move_texts()
    if not vault.api_keys():
        vault.new_key("manychat", ["webhook:manychat"])
        vault.new_key(SMOKE_KEY, ["webhook:manychat", "read"])
        say("new API keys: read them from the vault of the keys as api-key-manychat and api-key-smoke")
    for setting in OURS:
        if vault.get(setting) is None:
            vault.set(setting, secrets.token_urlsafe(32))
    for setting, word in secret_settings().items():
        if word == "required" and vault.get(setting) is None:
            vault.set(setting, _asked(setting))


def _asked(setting: str) -> str:
    if not sys.stdin.isatty():
        raise DeployError(f"{setting} is not in the vault: python -m deploy.secrets set {setting}")
    return getpass.getpass(f"{setting}: ")


def refresh(azure: Azure, place: AzurePlace, app: str) -> None:
    """Let the app read its references to the vault again; otherwise it does so within a day."""
    group = f"/subscriptions/{place.subscription}/resourceGroups/{place.group}"
    path = f"{group}/providers/Microsoft.Web/sites/{app}/config/configreferences/appsettings/refresh"
    azure.arm("POST", path, SITES_API)


def here() -> AzurePlace:
    """The environment that the variables name."""
    return AzurePlace(
        subscription=variable("AZURE_SUBSCRIPTION_ID"),
        group=variable("AZURE_RESOURCE_GROUP"),
        server=variable("AZURE_SQL_SERVER_NAME"),
        private=os.environ.get("AZURE_PRIVATE_NETWORK", "false").lower() == "true",
    )


@contextmanager
def vaults_open(azure: Azure) -> Iterator[Vault]:
    """The secrets of the environment that the variables name, with both vaults open as `vault_open` opens one."""
    place, vault = here(), Vault(azure, variable("AZURE_KEY_VAULT_URL"), variable("AZURE_KEYS_VAULT_URL"))
    with vault_open(azure, place, vault.address), vault_open(azure, place, vault.keys):
        yield vault


def run(arguments: list[str], azure: Azure) -> None:
    """One of the commands above."""
    asked = _parser().parse_args(arguments)
    with vaults_open(azure) as vault:
        if asked.command == "list":
            _list(vault)
            return
        if asked.command == "set":
            vault.set(asked.setting, _asked(asked.setting) if sys.stdin.isatty() else sys.stdin.read())
        elif asked.command == "new-key":
            vault.new_key(asked.name, asked.scopes)
            say(f"read it from the vault of the keys as {text_in_vault(asked.name)}")
        else:
            vault.remove_key(asked.name)
        now = ",".join(there(azure, vault.address))
    if now != os.environ.get("PUENTE_SECRETS"):
        remember("PUENTE_SECRETS", now)
        say("a setting is new: `azd provision` gives it to the app")
    refresh(azure, here(), variable("AZURE_FUNCTION_NAME"))


def _list(vault: Vault) -> None:
    found = set(there(vault.azure, vault.address))
    for setting, word in secret_settings().items():
        say(f"{'there  ' if setting in found else 'missing'} {word:8} {setting}")
    for key in vault.api_keys():
        say(f"key {key['name']}: {', '.join(key['scopes'])}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.secrets", description="The app's secrets in the vault.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    commands.add_parser("set").add_argument("setting")
    new = commands.add_parser("new-key")
    new.add_argument("name")
    new.add_argument("--scopes", nargs="+", required=True)
    commands.add_parser("remove-key").add_argument("name")
    return parser


def main() -> int:
    """The command line; 1 where something is wrong."""
    try:
        run(sys.argv[1:], Azure())
    except DeployError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
