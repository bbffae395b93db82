"""An Odoo that a test holds in its hand: the sandbox's database behind our own transport, without a network."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sandbox.odoo import Odoo
from sandbox.odoo.calling import call_named
from sandbox.odoo.env import Env
from sandbox.odoo.store import Row
from sandbox.vendor import Answer, Call
from shared.errors import PuenteError
from shared.vendors.http import HttpClient
from shared.vendors.odoo.transports import Json2Transport, json2_headers
from tests.support.sandbox import SandboxAdapter

ADMINISTRATOR, SALESPERSON = "sandbox-odoo-key", "sandbox-odoo-key-ana"
URL = "http://odoo.invalid/odoo"
CRASH = {"name": "psycopg2.errors.NumericValueOutOfRange", "message": "integer out of range", "arguments": [], "context": {}}


class Server(Odoo):
    """The sandbox's Odoo with a module of a customer's, which refuses leads by their name.

    `boom`: the row is refused without a field, and Odoo blames the first row of the call besides. `crash`: the whole call fails
    and names no row. The first `conflicts` calls of `load` meet another transaction.
    """

    conflicts = 0

    def answer(self, call: Call) -> Answer:
        """Serve one call."""
        if not call.path.endswith("/load"):
            return super().answer(call)
        body = json.loads(call.body)
        if self.conflicts:
            self.conflicts -= 1
            return _conflict(len(body["data"]))
        column = body["fields"].index("name") if "name" in body["fields"] else None
        names = [row[column] if column is not None else None for row in body["data"]]
        if "crash" in names:
            return Answer(status=500, body=json.dumps(CRASH | {"debug": ""}).encode())
        if "boom" not in names:
            return super().answer(call)
        for row, name in zip(body["data"], names, strict=True):
            row[column] = False if name == "boom" else name
        whole = replace(call, body=json.dumps(body).encode())
        return _blaming(super().answer(whole), [place for place, name in enumerate(names) if name == "boom"])


def _conflict(rows: int) -> Answer:
    """Another transaction was first: each row is refused, of which Odoo names ten."""
    text = "could not serialize access due to concurrent update\n"
    messages = [{"type": "error", "record": n, "rows": {"from": n, "to": n}, "message": text} for n in range(min(rows, 10))]
    return Answer(body=json.dumps({"ids": False, "messages": messages, "nextrow": 0}).encode())


def _blaming(answer: Answer, booms: list[int]) -> Answer:
    """The refusal with the module's own words for its rows, and with the first row blamed beside them."""
    result = json.loads(answer.body)
    for message in result["messages"]:
        if message.get("record") in booms:
            message.pop("field", None)
            message["message"] = "Boom"
    if any(message["message"] == "Boom" for message in result["messages"]) and result["messages"][0].get("record") != 0:
        first = {"type": "error", "record": 0, "rows": {"from": 0, "to": 0}, "message": "Boom, said of the batch"}
        result["messages"].insert(0, first)
    return Answer(body=json.dumps(result).encode())


class OdooInHand:
    """A transport. `may_link`: the user may write external ids. `failure` is raised in place of the next calls' answers."""

    def __init__(self, *, may_link: bool = True, conflicts: int = 0) -> None:
        self.server, self.may_link, self.failure = Server(), may_link, None
        self.server.conflicts = conflicts
        self.calls: list[str] = []
        self.loads: list[dict[str, Any]] = []
        adapter = SandboxAdapter(self.server)
        self._ways = {key: self._way(key, adapter) for key in (ADMINISTRATOR, SALESPERSON)}

    failure: PuenteError | None

    @staticmethod
    def _way(key: str, adapter: SandboxAdapter) -> Json2Transport:
        return Json2Transport(HttpClient("Odoo", URL, read_seconds=20, headers=json2_headers("puente", key), adapter=adapter))

    def version(self) -> str:
        """The sandbox's."""
        return self._ways[ADMINISTRATOR].version()

    def call(
        self,
        model: str,
        method: str,
        params: Mapping[str, Any],
        *,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        repeatable: bool,
    ) -> Any:
        """See `Transport.call`."""
        self.calls.append(f"{model}.{method}")
        if self.failure:
            raise self.failure
        assert context["tz"] == "UTC", "Odoo would read our dates in the user's time zone"
        if method == "load":
            rows = [dict(zip(params["fields"], cells, strict=True)) for cells in params["data"]]
            self.loads.append({"model": model, "rows": rows, "context": context})
        way = self._ways[ADMINISTRATOR if self.may_link or model != "ir.model.data" else SALESPERSON]
        return way.call(model, method, params, ids=ids, context=context, repeatable=repeatable)

    def rows(self, model: str) -> dict[int, Row]:
        """What is stored, by number."""
        return self.server.db.table(model).rows

    def create(self, model: str, **values: Any) -> int:
        """A record that others made."""
        made: list[int] = self._as_others(model, "create", {"vals_list": [{"name": "Other"} | values]})
        return made[0]

    def delete(self, model: str, number: int) -> None:
        """Others delete a record."""
        self._as_others(model, "unlink", {"ids": [number]})

    def give_name(self, name: str, model: str, number: int) -> int:
        """A record gets an external id."""
        module, _, rest = name.partition(".")
        entry = {"module": module, "name": rest, "model": model, "res_id": number}
        self._as_others("ir.model.data", "create", {"vals_list": [entry]})
        return number

    def _as_others(self, model: str, method: str, params: dict[str, Any]) -> Any:
        with self.server.db.store.transaction():
            return call_named(Env(self.server.db, 2, {}), model, method, params)
