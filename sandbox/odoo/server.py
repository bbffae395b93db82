"""Odoo as a vendor of the sandbox: database `puente`, login `admin`, password `admin`, API key `sandbox-odoo-key`."""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sandbox.items import Person
from sandbox.odoo.conditions import test_for
from sandbox.odoo.database import API_KEYS, NAME, Database
from sandbox.odoo.env import Env
from sandbox.odoo.errors import HtmlError, OdooError
from sandbox.odoo.ordering import ordered
from sandbox.odoo.seed import seed
from sandbox.odoo.special import model_for
from sandbox.odoo.store import Row
from sandbox.odoo.transports import VERSION, answer_json2, answer_jsonrpc
from sandbox.recorder import HIDDEN
from sandbox.vendor import Answer, Call, Card, Column, UnknownKindError, Vendor

ADMIN = 2
_SERVER = {"version_info": VERSION["server_version_info"], "version": VERSION["server_version"]}
_PAGES: Mapping[str, Any] = {"/web/health": {"status": "pass"}, "/web/version": _SERVER, "/json/version": _SERVER}
CARDS_PER_COLUMN = 12
MOST_PEOPLE = 2_000
_CONFLICT = "could not serialize access due to concurrent update\n"
_COUNTED = {"load": ("data", "row"), "create": ("vals_list", "record"), "web_save_multi": ("ids", "record")}


class Odoo(Vendor):
    """One Odoo server with one database. Each call is one transaction; calls do not overlap."""

    name = "odoo"
    title = "Odoo 19"
    prefixes = ("/odoo", "")
    connection: Mapping[str, str] = {
        "URL": "/odoo",
        "Database": NAME,
        "Login": "admin",
        "Password": "admin",
        "API key": next(iter(API_KEYS)),
    }
    board_title = "Pipeline"
    options = frozenset({"custom_fields", "stages"})
    routes = ("/jsonrpc", "/json/2/{rest:.*}", *_PAGES)
    modes: Mapping[str, str] = {"conflict": "Answers as when another transaction wrote the same rows first; does nothing."}

    def __init__(self) -> None:
        self._last: tuple[bytes, Any] = (b"", None)
        self._earlier_revisions = 0
        self.db = Database()
        seed(self.db)

    @property
    def revision(self) -> int:
        """Grows with every change of the records."""
        return self._earlier_revisions + self.db.store.revision

    def answer(self, call: Call) -> Answer:
        """Serve one call over either API."""
        if call.path in _PAGES:
            return Answer(body=json.dumps(_PAGES[call.path]).encode())
        transport = answer_jsonrpc if call.path == "/jsonrpc" else answer_json2
        try:
            return transport(self.db, call, self._parsed(call.body))
        except HtmlError as error:
            return Answer(
                status=error.status, body=error.page.encode(), content_type="text/html; charset=utf-8", outcome=error.title
            )

    def fail(self, mode: str, call: Call) -> Answer:
        """A serialisation conflict: `load` tells of it in its result, everything else with an error."""
        data = self._parsed(call.body)
        message = {"rows": {"from": 0, "to": 0}, "record": 0, "type": "error", "message": _CONFLICT}
        refused = {"ids": False, "messages": [message], "nextrow": 0}
        error: dict[str, Any] = {"name": "psycopg2.errors.SerializationFailure", "message": _CONFLICT, "arguments": [_CONFLICT]}
        error |= {"context": {}, "debug": ""}
        loading = ".load" in self.what(call)
        if call.path == "/jsonrpc":
            reply: dict[str, Any] = (
                {"result": refused} if loading else {"error": {"code": 0, "message": "Odoo Server Error", "data": error}}
            )
            identity = data.get("id") if isinstance(data, dict) else None
            return Answer(body=json.dumps({"jsonrpc": "2.0", "id": identity, **reply}).encode(), outcome=mode)
        status = 200 if loading else 500
        return Answer(status=status, body=json.dumps(refused if loading else error).encode(), outcome=mode)

    def what(self, call: Call) -> str:
        """Such as `crm.lead.load (100 rows)`, `common.authenticate`."""
        if call.path in _PAGES:
            return call.path.rpartition("/")[2]
        data = self._parsed(call.body)
        try:
            if call.path == "/jsonrpc":
                return _described_positional(data["params"])
            _, model, method = call.path.removeprefix("/json/").split("/")
            return f"{model}.{method}{_counted(method, data)}"
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            return f"{call.method} {call.path}"

    def mask(self, body: Any) -> Any:
        """Passwords stand third among the arguments of `/jsonrpc`."""
        params = body.get("params") if isinstance(body, dict) else None
        if not isinstance(params, dict):
            return body
        args = params.get("args")
        if not isinstance(args, list) or len(args) < 3:  # noqa: PLR2004  # db, user, password
            return body
        return {**body, "params": {**params, "args": [*args[:2], HIDDEN, *args[3:]]}}

    def reset(self, options: Mapping[str, bool]) -> None:
        """Start as new; `custom_fields: false` and `stages: false` leave out what our set-up command would add."""
        self._earlier_revisions = self.revision + 1
        self.db = Database()
        seed(self.db, **options)

    def records(self, kind: str, filters: Mapping[str, str], limit: int | None) -> tuple[list[dict[str, Any]], int]:
        """Records of the model `kind`, archived ones too, newest last, as Odoo's `read` gives them to the administrator."""
        model = self.db.models.get(kind)
        if model is None:
            raise UnknownKindError(f"Odoo has no model {kind}; it has {', '.join(sorted(self.db.models))}")
        rows: list[Row] | None = None
        for name, text in filters.items():
            rows = self._filtered(kind, name, text, rows)
        found = sorted((list(self.db.table(kind).rows.values()) if rows is None else rows), key=lambda row: row["id"])
        shown = found if limit is None else found[:limit]
        return model_for(Env(self.db, ADMIN), kind, [row["id"] for row in shown]).read(), len(found)

    def _filtered(self, kind: str, name: str, text: str, rows: list[Row] | None) -> list[Row]:
        """The rows whose field reads as `text`; `false` stands for what is not set."""
        field = self.db.models[kind].fields.get(name)
        if field is None:
            raise ValueError(f"{kind} has no field {name}")
        value: Any = {"false": False, "true": True}.get(text, text)
        if (field.type == "many2one" or name == "id") and value:
            value = int(text)
        try:
            test = test_for(field, "=", value, lambda _model, _sign, _value: ())
        except OdooError as error:
            raise ValueError(error.message) from error
        table = self.db.table(kind)
        if rows is None and test.keys is not None and (test.column in table.indexes or test.column == "id"):
            ids = test.keys if name == "id" else {i for key in test.keys for i in table.ids_with(name, key)}
            rows = [table.rows[each] for each in ids if each in table.rows]
        return [row for row in (table.rows.values() if rows is None else rows) if test.check(row)]

    def board(self) -> Sequence[Column]:
        """The pipeline: stages in their order, the leads changed last on top."""
        stages = ordered(self.db, self.db.model("crm.stage"), list(self.db.table("crm.stage").rows.values()), None)
        leads = self.db.table("crm.lead")
        archived: dict[int, int] = {}
        for each in leads.ids_with("active", value=False):
            stage = leads.rows[each]["stage_id"]
            archived[stage] = archived.get(stage, 0) + 1
        return [self._column(stage, archived.get(stage["id"], 0)) for stage in stages]

    def _column(self, stage: Row, archived: int) -> Column:
        leads = self.db.table("crm.lead")
        cards: list[Card] = []
        for each in leads.latest_with("stage_id", stage["id"]):
            if leads.rows[each]["active"]:
                cards.append(self._card(leads.rows[each]))
            if len(cards) == CARDS_PER_COLUMN:
                break
        total = len(leads.ids_with("stage_id", stage["id"])) - archived
        return Column(id=stage["id"], title=stage["name"], total=total, cards=tuple(cards))

    def _card(self, lead: Row) -> Card:
        source = self.db.reference("utm.source", lead["source_id"])
        advisor = self.db.reference("res.users", lead["user_id"])
        channel = source[1] if isinstance(source, list) else ""
        lines = (lead["phone"] or lead["email_from"] or "", channel, f"ManyChat {lead.get('x_manychat_id') or 'unknown'}")
        tag = advisor[1] if isinstance(advisor, list) else ""
        return Card(id=lead["id"], title=lead["name"], lines=tuple(line for line in lines if line), tag=tag)

    def people(self) -> Iterable[Person]:
        """The leads that came last, by their numbers and mail addresses."""
        for lead in itertools.islice(reversed(self.db.table("crm.lead").rows.values()), MOST_PEOPLE):
            addresses = tuple(address.strip().lower() for address in (lead["phone"], lead["email_from"]) if address)
            if addresses:
                yield Person(name=lead["contact_name"] or lead["name"], addresses=addresses)

    def counters(self) -> Mapping[str, int]:
        """The numbers that tell most."""
        leads = self.db.table("crm.lead")
        archived = len(leads.ids_with("active", value=False))
        return {
            "Leads": len(leads.rows) - archived,
            "Archived": archived,
            "Contacts": len(self.db.table("res.partner").rows),
            "E-mails to advisors": len(self.db.table("mail.mail").rows),
        }

    def dump(self) -> Any:
        """All records."""
        return self.db.dump()

    def restore(self, saved: Any) -> None:
        """Continue with them."""
        self.db.restore(saved)

    def _parsed(self, body: bytes) -> Any:
        """The body as JSON, or the error that it is none; parsed once for the several who ask."""
        if self._last[0] is not body:
            try:
                self._last = (body, json.loads(body) if body else {})
            except ValueError as error:
                self._last = (body, error)
            except RecursionError as error:
                self._last = (body, ValueError(str(error)))
        return self._last[1]


def _described_positional(params: dict[str, Any]) -> str:
    service, method = params["service"], params["method"]
    if service != "object":
        return f"{service}.{method}"
    _, _, _, model, name, *rest = params["args"]
    args = rest[0] if rest and method == "execute_kw" else rest
    named = rest[1] if method == "execute_kw" and len(rest) > 1 else {}
    keys = {"load": ("fields", "data"), "create": ("vals_list",)}.get(name, ("ids",))
    return f"{model}.{name}{_counted(name, dict(zip(keys, args, strict=False)) | named)}"


def _counted(method: str, params: Mapping[str, Any]) -> str:
    """How much the call is about, in brackets."""
    key, noun = _COUNTED.get(method, ("ids", "id"))
    given = params.get(key)
    count = len(given) if isinstance(given, list) else int(given is not None)
    if not count or method.startswith("search") or method == "fields_get":
        return ""
    return f" ({count} {noun}{'s' if count > 1 else ''})"
