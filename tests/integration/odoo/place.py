"""The Odoo of these tests, who may use it, and what was asked of it."""

import os
from dataclasses import dataclass, field
from typing import Any

from sandbox.testing import InProcessSandbox
from shared.vendors.http import HttpClient
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.transports import Json2Transport, JsonRpcTransport, Transport, json2_headers

REAL = "ODOO_TEST_URL" in os.environ
# The integration user is "Sales: All Documents", the least that keeps all leads in step.
WAYS = [(api, user) for user in ("admin", "integration") for api in ("jsonrpc", "json2")]


@dataclass(frozen=True)
class User:
    login: str
    password: str
    key: str


@dataclass
class Counting:
    """A transport that notes each call."""

    transport: Transport
    calls: list[str] = field(default_factory=list)

    def call(self, model: str, method: str, *args: Any, **options: Any) -> Any:
        self.calls.append(f"{model}.{method}")
        return self.transport.call(model, method, *args, **options)

    def version(self) -> str:
        return self.transport.version()


@dataclass(frozen=True)
class Place:
    """An Odoo and who may use it. `sandbox` is None for a real one."""

    url: str
    database: str
    users: dict[str, User]
    sandbox: InProcessSandbox | None = None

    def client(self, api: str = "jsonrpc", user: str = "admin") -> OdooClient:
        """A new client, which remembers nothing yet; `calls(client)` tells its calls."""
        who = self.users[user]
        headers = json2_headers(self.database, who.key) if api == "json2" else {}
        http = HttpClient("Odoo", self.url, read_seconds=120, headers=headers)
        rpc = JsonRpcTransport(http, self.database, who.login, who.password)
        return OdooClient(Counting(Json2Transport(http) if api == "json2" else rpc))


def calls(client: OdooClient) -> list[str]:
    """The calls that a client of `Place` has made; clear the list to count anew."""
    transport = client._transport
    assert isinstance(transport, Counting)
    return transport.calls
