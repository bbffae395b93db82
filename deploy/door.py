"""The way in for the deployment: database and vault let its own address in while it works there, and shut again behind it.

Nobody needs to know that address, and nobody else is asked for it: whoever refuses names the address it has refused.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deploy.azure import Azure, until
from deploy.console import DeployError, say

SQL_API = "2023-08-01"
VAULT_API = "2024-11-01"
RULE = "puente-deployment"
OPENS_WITHIN_SECONDS = 300
_REFUSED_ADDRESS = re.compile(r"(?:IP address '|Client address: )([0-9a-fA-F.:]+)")


@dataclass(frozen=True)
class AzurePlace:
    """Where the environment is in Azure. `private`: database and vault are closed to the Internet."""

    subscription: str
    group: str
    server: str
    private: bool

    @property
    def server_path(self) -> str:
        """The database server for the resource manager."""
        return f"{self._providers}/Microsoft.Sql/servers/{self.server}"

    def vault_path(self, address: str) -> str:
        """The vault of an address (`https://<name>.vault...`) for the resource manager."""
        return f"{self._providers}/Microsoft.KeyVault/vaults/{address.partition('://')[2].partition('.')[0]}"

    @property
    def _providers(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers"


def refused_address(words: str) -> str | None:
    """The address in a refusal of the database (error 40615) or of the vault; None where it is another refusal."""
    found = _REFUSED_ADDRESS.search(words)
    return found[1].rstrip(".") if found else None


@contextmanager
def database_open[T](azure: Azure, place: AzurePlace, connect: Callable[[], T]) -> Iterator[T]:
    """What `connect` gives, once the database lets us in; afterwards it is as closed as before, whatever happened.

    Raises:
        DeployError: it does not let us in, for another reason than our address or not in time.
    """
    rule = f"{place.server_path}/firewallRules/{RULE}"
    if place.private:
        azure.arm("PATCH", place.server_path, SQL_API, {"properties": {"publicNetworkAccess": "Enabled"}})
    try:
        yield until(lambda: _try(azure, rule, connect), OPENS_WITHIN_SECONDS, what="the database does not let us in")
    finally:
        azure.arm("DELETE", rule, SQL_API)
        if place.private:
            azure.arm("PATCH", place.server_path, SQL_API, {"properties": {"publicNetworkAccess": "Disabled"}})


def _try[T](azure: Azure, rule: str, connect: Callable[[], T]) -> T | None:
    try:
        return connect()
    except Exception as error:
        words = str(error)
        if address := refused_address(words):
            azure.arm("PUT", rule, SQL_API, {"properties": {"startIpAddress": address, "endIpAddress": address}})
            say(f"the database lets {address} in for the time being")
        elif not re.search(r"47073|40613|HYT00|08S01|08001", words):  # not yet public, waking up, not yet reachable
            raise DeployError(f"the database refuses: {words[:400]}") from error
        return None


@contextmanager
def vault_open(azure: Azure, place: AzurePlace, address_of_vault: str) -> Iterator[None]:
    """The vault lets us in; afterwards it is as closed as before, whatever happened.

    Raises:
        DeployError: it does not let us in, for another reason than our address or not in time.
    """
    try:
        yield until(lambda: _knock(azure, place, address_of_vault), OPENS_WITHIN_SECONDS, what="the vault does not let us in")
    finally:
        if place.private:
            _vault_network(azure, place.vault_path(address_of_vault), "Disabled", [])


def _knock(azure: Azure, place: AzurePlace, address_of_vault: str) -> Any:
    try:
        azure.secret(address_of_vault, "is-anybody-there")
    except DeployError as error:
        return _admit(azure, place, address_of_vault, str(error))
    return True


def _admit(azure: Azure, place: AzurePlace, address_of_vault: str, words: str) -> None:
    """Do what the refusal asks for; nothing where time will do (a role assignment takes a few minutes to count)."""
    if place.private and "Public network access is disabled" in words:
        _vault_network(azure, place.vault_path(address_of_vault), "Enabled", [])
    elif place.private and (address := refused_address(words)):
        _vault_network(azure, place.vault_path(address_of_vault), "Enabled", [{"value": address}])
    elif "ForbiddenByRbac" not in words:
        raise DeployError(words)


def _vault_network(azure: Azure, path: str, access: str, addresses: list[dict[str, str]]) -> None:
    rules = {"bypass": "AzureServices", "defaultAction": "Deny", "ipRules": addresses}
    azure.arm("PATCH", path, VAULT_API, {"properties": {"publicNetworkAccess": access, "networkAcls": rules}})
