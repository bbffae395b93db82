"""What the contract tests need to talk to an Odoo, whichever it is: the sandbox's or a real one."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import requests

Transport = Literal["jsonrpc", "json2"]
TIMEOUT_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where an Odoo is and who may use it."""

    url: str
    db: str
    login: str
    password: str
    key: str


class Failure(Exception):  # noqa: N818  # it reads as what it is in `pytest.raises(Failure)`
    """An error answered over either API. `name` is Odoo's name for it; `status` the HTTP status."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(f"{status} {error['name']}: {error['message']}")
        self.status, self.name, self.message, self.error = status, error["name"], error["message"], error


@dataclass
class Api:
    """One user's access to one Odoo over one of its APIs."""

    server: Server
    session: requests.Session
    transport: Transport
    uid: int
    password: str

    def call(self, model: str, method: str, ids: Any = None, **named: Any) -> Any:
        """Call a method with named arguments; the answer, or Failure."""
        if self.transport == "json2":
            return self.json2(model, method, {**({} if ids is None else {"ids": ids}), **named})
        # Over RPC, `create` takes its values by position only.
        args = [named.pop("vals_list")] if method == "create" else [] if ids is None else [ids]
        return self.execute(model, method, args, named)

    def execute(self, model: str, method: str, args: list[Any], kwargs: dict[str, Any] | None = None) -> Any:
        """`execute_kw` over JSON-RPC; a result that is missing, as for None, is None."""
        answer = self.rpc("object", "execute_kw", [self.server.db, self.uid, self.password, model, method, args, kwargs or {}])
        return answer.get("result")

    def rpc(self, service: str, method: str, args: list[Any]) -> dict[str, Any]:
        """A whole JSON-RPC answer, or Failure for an error in it."""
        params = {"service": service, "method": method, "args": args}
        response = self.post("/jsonrpc", {"jsonrpc": "2.0", "method": "call", "id": 7, "params": params})
        answer = response.json()
        assert response.status_code == 200
        assert answer["jsonrpc"] == "2.0"
        assert answer["id"] == 7
        if "error" in answer:
            assert answer["error"]["message"] == "Odoo Server Error"
            assert answer["error"]["code"] == 0
            raise Failure(200, answer["error"]["data"])
        return dict(answer)

    def json2(self, model: str, method: str, body: Any, key: str | None = None) -> Any:
        """A call over JSON-2; the answer, or Failure."""
        headers = {"Authorization": f"bearer {key or self.server.key}"}
        response = self.post(f"/json/2/{model}/{method}", body, headers)
        answer = response.json()
        if response.status_code != 200:
            raise Failure(response.status_code, answer)
        return answer

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> requests.Response:
        """A plain POST of JSON."""
        return self.session.post(self.server.url + path, json=body, headers=headers, timeout=TIMEOUT_SECONDS)


@contextmanager
def connected(server: Server, transport: Transport) -> Iterator[Api]:
    """The administrator's access."""
    with requests.Session() as session:
        api = Api(server, session, transport, 0, server.password)
        api.uid = api.rpc("common", "authenticate", [server.db, server.login, server.password, {}])["result"]
        yield api


def unique(prefix: str = "t") -> str:
    """A value that no other test and no earlier run has used."""
    return f"{prefix}{uuid.uuid4().hex[:12]}"


def add_custom_fields(api: Api) -> None:
    """Make sure that the fields exist which these tests use."""
    model_id = api.execute("ir.model", "search", [[["model", "=", "crm.lead"]]])[0]
    for name, kind in (
        ("x_manychat_id", "char"),
        ("x_manychat_entry_date", "datetime"),
        ("x_contract_number", "integer"),
        ("x_contract_flag", "boolean"),
    ):
        if not api.execute("ir.model.fields", "search_count", [[["model", "=", "crm.lead"], ["name", "=", name]]]):
            field = {"model_id": model_id, "name": name, "field_description": name, "ttype": kind, "index": kind == "char"}
            api.execute("ir.model.fields", "create", [[field]])
