"""The plainest way to speak to Odoo, for the harness and for facts about Odoo itself. Puente's own client is not used here."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# Odoo retries a conflicting write by itself for some seconds, and the first call after a start loads all models.
TIMEOUT_SECONDS = 60


class RpcError(Exception):
    """Odoo answered with an error; `name` is its class in Odoo, such as `odoo.exceptions.AccessError`."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name, self.message = name, message


def post(url: str, path: str, body: object, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """POST a JSON body; the status and the parsed answer, or its bare text where that is no JSON."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"} | (headers or {}))
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    try:
        return response.status, json.loads(text)
    except ValueError:
        return response.status, text


def json_rpc(url: str, service: str, method: str, *args: object) -> Any:
    """One call of /jsonrpc, the transport of Odoo up to 19; None where Odoo sends no result.

    Raises:
        RpcError: Odoo answered with an error object, or with something that is no JSON-RPC.
    """
    params = {"service": service, "method": method, "args": args}
    status, answer = post(url, "/jsonrpc", {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params})
    if not isinstance(answer, dict):
        raise RpcError(f"HTTP {status}", str(answer)[:200])
    if "error" in answer:
        data = answer["error"]["data"]
        raise RpcError(data["name"], data["message"])
    return answer.get("result")


def json_2(url: str, key: str, model: str, method: str, **arguments: object) -> tuple[int, Any]:
    """One call of /json/2, the transport of Odoo from 19 on: the status and the answer, whatever they are."""
    return post(url, f"/json/2/{model}/{method}", arguments, {"Authorization": f"bearer {key}"})


@dataclass(frozen=True)
class Session:
    """A user of one database over /jsonrpc. `secret` is the password or an API key."""

    url: str
    database: str
    uid: int
    secret: str

    @classmethod
    def login(cls, url: str, database: str, login: str, secret: str) -> "Session":
        """Authenticate; an `RpcError` named AccessDenied when Odoo refuses (it says so with a bare false)."""
        uid = json_rpc(url, "common", "authenticate", database, login, secret, {})
        if not uid:
            raise RpcError("odoo.exceptions.AccessDenied", f"login {login} refused")
        return cls(url, database, uid, secret)

    def call(self, model: str, method: str, *args: object, **kwargs: object) -> Any:
        """Call a method of a model with positional and named arguments."""
        return json_rpc(self.url, "object", "execute_kw", self.database, self.uid, self.secret, model, method, args, kwargs)
