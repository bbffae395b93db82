"""The whole of Puente in processes of its own: host, Azurite, SQLite, sandbox. For tests that want real HTTP."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devhost.azurite import Azurite
from devhost.testing import PROJECT, RunningHost
from sandbox.testing import ODOO_DATABASE, ODOO_LOGIN, ODOO_PASSWORD, RunningSandbox
from shared.store.migrate import upgrade
from shared.store.session import make_engine
from tests.conftest import ENVIRONMENT
from tests.support.world import LOCAL_KEY

SENDER_KEY = "local-webhook-key"
KEYS = [
    {"name": "local", "key": LOCAL_KEY, "scopes": ["admin"]},
    {"name": "viewer", "key": "read-key", "scopes": ["read"]},
    {"name": "sender", "key": SENDER_KEY, "scopes": ["webhook"]},
]


@dataclass(frozen=True)
class Puente:
    """A running Puente, its sandbox, and the address of its database."""

    host: RunningHost
    sandbox: RunningSandbox
    database: str

    def ask(self, method: str, path: str, body: Any = None, key: str = LOCAL_KEY) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one answer."""
        headers = {"X-API-KEY": key, "Content-Type": "application/json"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.host.port, timeout=30)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def items(self, path: str) -> list[dict[str, Any]]:
        """The items of a list."""
        status, _headers, body = self.ask("GET", path)
        assert status == 200, body
        found: list[dict[str, Any]] = json.loads(body)["items"]
        return found


@contextmanager
def running(place: Path, settings: Mapping[str, str] | None = None) -> Iterator[Puente]:
    """Puente in the folder `place`, up until the end of the block. `{sandbox}` in a setting is the sandbox's address."""
    database = f"sqlite:///{place / 'puente.db'}"
    engine = make_engine(database)
    upgrade(engine)
    engine.dispose()
    with Azurite.on_free_ports() as azurite, RunningSandbox() as sandbox:
        environment = ENVIRONMENT | {
            "API_KEYS": json.dumps(KEYS),
            "AzureWebJobsStorage": azurite.connection_string,
            "DATABASE_URL": database,
            "ODOO_URL": sandbox.odoo_url,
            "ODOO_DB": ODOO_DATABASE,
            "ODOO_USERNAME": ODOO_LOGIN,
            "ODOO_PASSWORD": ODOO_PASSWORD,
            "ODOO_CALLS_PER_SECOND": "50",
            "DISPATCH_SCHEDULE": "*/2 * * * * *",
        }
        more = {name: value.replace("{sandbox}", sandbox.url) for name, value in (settings or {}).items()}
        host = RunningHost(PROJECT, environment | more, log_file=place / "host.log")
        host.environment = {"PUBLIC_BASE_URL": host.base_url} | dict(host.environment)
        with host:
            yield Puente(host, sandbox, database)
