"""Azure as the deployment sees it: a vault, firewalls that refuse by address, the resource manager. In memory."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from deploy.azure import Azure

ADDRESS = "203.0.113.7"
VAULT = "https://kv-puente-x.vault.azure.net"
KEYS_VAULT = "https://kv-pkeys-x.vault.azure.net"


class Answer:
    """An HTTP answer with the parts that are used of it."""

    def __init__(self, status: int, body: Any = None) -> None:
        self.status_code, self.ok = status, status < 400
        self.text = json.dumps(body) if body is not None else ""
        self.content = self.text.encode()

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class PretendAzure:
    """What a subscription would answer. `vault_public`, `vault_addresses`, `sql_public`, `sql_rules` are its doors."""

    secrets: dict[str, str] = field(default_factory=dict)
    key_texts: dict[str, str] = field(default_factory=dict)
    vault_public: bool = True
    vault_default_allow: bool = True
    vault_addresses: set[str] = field(default_factory=set)
    rbac_refusals: int = 0
    sql_public: bool = True
    sql_rules: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def azure(self) -> Azure:
        """A client that talks to this."""
        return Azure(token=lambda scope: f"token for {scope}", session=self)  # type: ignore[arg-type]

    def request(
        self, method: str, url: str, *, headers: dict[str, str], json: Any = None, timeout: float = 0, params: Any = None
    ) -> Answer:
        """Answer a request as Azure would."""
        path, _, query = url.partition("?")
        assert "api-version=" in query
        if path.startswith((VAULT, KEYS_VAULT)):
            assert headers["Authorization"] == "Bearer token for https://vault.azure.net/.default"
            held = self.secrets if path.startswith(VAULT) else self.key_texts
            return self._vault(held, method, path.rsplit("/", 1)[-1], json)
        assert headers["Authorization"] == "Bearer token for https://management.azure.com/.default"
        self.calls.append(f"{method} {path.removeprefix('https://management.azure.com')}")
        return self._manage(method, path, json)

    def _vault(self, held: dict[str, str], method: str, name: str, body: Any) -> Answer:
        if not self.vault_public:
            return Answer(
                403, {"error": {"message": "Public network access is disabled and request is not from a trusted service."}}
            )
        if not self.vault_default_allow and ADDRESS not in self.vault_addresses:
            return Answer(
                403, {"error": {"message": f"Client address is not authorized.\r\nClient address: {ADDRESS}\r\nCaller: x"}}
            )
        if self.rbac_refusals:
            self.rbac_refusals -= 1
            return Answer(403, {"error": {"innererror": {"code": "ForbiddenByRbac"}}})
        if method == "PUT":
            held[name] = body["value"]
            return Answer(200, {"value": body["value"]})
        if name not in held:
            return Answer(404, {"error": {}})
        return Answer(200, {"value": held.pop(name) if method == "DELETE" else held[name]})

    def _manage(self, method: str, path: str, body: Any) -> Answer:
        if rule := re.search(r"/firewallRules/([\w-]+)$", path):
            if method == "PUT":
                self.sql_rules[rule[1]] = body["properties"]["startIpAddress"]
                return Answer(200, {})
            return Answer(200) if self.sql_rules.pop(rule[1], None) else Answer(204)
        if "/Microsoft.Sql/servers/" in path:
            self.sql_public = body["properties"]["publicNetworkAccess"] == "Enabled"
            return Answer(202, {})
        if "/Microsoft.KeyVault/vaults/" in path:
            self.vault_public = body["properties"]["publicNetworkAccess"] == "Enabled"
            self.vault_addresses = {rule["value"] for rule in body["properties"]["networkAcls"]["ipRules"]}
            return Answer(200, {})
        if method == "POST" and path.endswith("/refresh"):
            return Answer(200, {})
        found = self.resources.get(path.removeprefix("https://management.azure.com"))
        return Answer(200, found) if found is not None else Answer(404, {"error": {"message": "not found"}})

    def connect(self) -> str:
        """What a driver does: a connection, or the server's refusal in its words."""
        if not self.sql_public:
            raise ConnectionError("[28000] (47073) An instance-specific error occurred. Public network access is disabled.")
        if ADDRESS not in self.sql_rules.values():
            raise ConnectionError(
                f"(40615) Cannot open server 'x'. Client with IP address '{ADDRESS}' is not allowed to access the server."
            )
        return "connection"
