"""An Odoo small enough to read: records, external ids and a `load` with all the habits of the real one that upsert must know.

Those habits were read off a real Odoo 19 and are proven on it in tests/integration/odoo.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.errors import PermanentError, PuenteError

FIELDS = {
    "crm.lead": {
        "name": ("char", None),
        "phone": ("char", None),
        "description": ("html", None),
        "stage_id": ("many2one", "crm.stage"),
        "source_id": ("many2one", "utm.source"),
        "x_manychat_id": ("char", None),
        "x_manychat_entry_date": ("datetime", None),
        "priority": ("selection", None),
        "color": ("integer", None),
        "probability": ("float", None),
        "active": ("boolean", None),
        "date_deadline": ("date", None),
        "tag_ids": ("many2many", "crm.tag"),
    },
    "utm.source": {"name": ("char", None)},
}
TOO_MANY = {"type": "warning", "message": "Found more than 10 errors ..., interrupted"}


@dataclass
class PretendOdoo:
    """A transport. `may_link`: the user may write external ids. `stages` and `sources` exist; other ids do not.

    Rows are refused by their name: `""` with the field, `boom` without a field and with the first row of the call in place of
    the true one, `crash` by an error of the whole call that names no row. The first `conflicts` calls of `load` fail with one.
    """

    may_link: bool = True
    stages: set[str] = field(default_factory=lambda: {"16", "17"})
    records: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    external_ids: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    loads: list[dict[str, Any]] = field(default_factory=list)
    conflicts: int = 0
    last_id: int = 0
    failure: PuenteError | None = None

    def version(self) -> str:
        """Always the same."""
        return "19.0"

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
        if method == "fields_get":
            return {name: {"type": kind, "relation": relation} for name, (kind, relation) in FIELDS[model].items()}
        if method == "get_metadata":
            return [self._metadata(record_id) for record_id in ids or ()]
        return getattr(self, f"_{method}")(model, params, context)

    def create(self, model: str, **values: Any) -> int:
        """A record that others made."""
        table = self.records.setdefault(model, {})
        self.last_id += 1
        record_id = self.last_id
        table[record_id] = {"id": record_id, "active": True} | values
        return record_id

    def _metadata(self, record_id: int) -> dict[str, Any]:
        mine = [{"xmlid": name} for name, owner in self.external_ids.items() if owner == record_id]
        return {"id": record_id, "xmlids": mine}

    def _search_read(self, model: str, params: Mapping[str, Any], context: Mapping[str, Any]) -> list[dict[str, Any]]:
        [[name, sign, value]] = params["domain"]
        found = self.records.get(model, {}).values()
        if context.get("active_test", True):
            found = [record for record in found if record["active"]]
        if sign == "=ilike":
            fits = _ilike(value)
            return [dict(record) for record in found if fits.fullmatch(record[name])][: params["limit"]]
        return [dict(record) for record in found if record.get(name) in value]

    def _create(self, model: str, params: Mapping[str, Any], _context: Mapping[str, Any]) -> list[int]:
        assert model == "ir.model.data"
        if not self.may_link:
            raise PermanentError("odoo-access-error", "no")
        names = {f"{row['module']}.{row['name']}": row["res_id"] for row in params["vals_list"]}
        if names.keys() & self.external_ids.keys():
            raise PermanentError("odoo-validation", "duplicate key")
        self.external_ids |= names
        return list(names.values())

    def _load(self, model: str, params: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
        rows = [dict(zip(params["fields"], cells, strict=True)) for cells in params["data"]]
        self.loads.append({"model": model, "rows": rows, "context": context})
        if self.conflicts:
            self.conflicts -= 1
            text = "could not serialize access due to concurrent update\n"
            return {"ids": False, "messages": [_message(index, text) for index in range(len(rows))][:10]}
        if any(row.get("name") == "crash" for row in rows):
            raise PermanentError("odoo-database-refused", "no row is named")
        messages = self._converted(model, rows, context) + self._written(rows)
        if any(message["type"] == "error" for message in messages):
            return {"ids": False, "messages": messages}
        return {"ids": [self._store(model, row, context) for row in rows], "messages": messages}

    def _converted(self, model: str, rows: list[dict[str, Any]], context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every row with a reference to nothing is named, together with the field."""
        messages = []
        for index, row in enumerate(rows):
            if row.get("stage_id/.id") and row["stage_id/.id"] not in self.stages:
                messages.append(_message(index, "No matching record found", field="stage_id"))
            source = row.get("source_id/.id")
            if source and int(source) not in self.records.get("utm.source", {}):
                messages.append(_message(index, "No matching record found", field="source_id"))
            if row.get(".id"):
                record = self.records.get(model, {}).get(int(row[".id"]))
                if record is None or (not record["active"] and context.get("active_test", True)):
                    messages.append(_message(index, "Unknown database identifier", field=".id"))
        return messages

    def _written(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """At most ten bad rows are named; for `boom` the first row of the call is named too, however good it is."""
        messages: list[dict[str, Any]] = []
        for index, row in enumerate(rows):
            if row.get("name") == "boom":
                messages.append(_message(index, "Boom"))
            elif row.get("name") is False:
                messages.append(_message(index, "Missing required value", field="name"))
            if len(messages) == 10:
                messages.append(dict(TOO_MANY))
                break
        if any(message["message"] == "Boom" for message in messages) and messages[0]["record"] != 0:
            messages.insert(0, _message(0, "Boom, said of the batch"))
        return messages

    def _store(self, model: str, row: dict[str, Any], context: Mapping[str, Any]) -> int:
        table, name = self.records.setdefault(model, {}), row.get("id")
        record_id = int(row[".id"]) if row.get(".id") else self.external_ids.get(str(name))
        if record_id not in table:
            defaults = {key.removeprefix("default_"): value for key, value in context.items() if key.startswith("default_")}
            record_id = self.create(model, **defaults)
        elif context.get("mode") == "update":
            return record_id
        if name:
            self.external_ids[name] = record_id
        table[record_id] |= {column: value for column, value in row.items() if column not in ("id", ".id")}
        return record_id


def _ilike(pattern: str) -> re.Pattern[str]:
    """PostgreSQL's ILIKE as a regular expression."""
    parts = (
        re.escape(found[2]) if found[2] else {"%": ".*", "_": "."}.get(found[0], re.escape(found[0]))
        for found in re.finditer(r"(\\(.))|.", pattern, re.DOTALL)
    )
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _message(index: int, text: str, **more: Any) -> dict[str, Any]:
    return {"type": "error", "record": index, "message": text, "rows": {"from": index, "to": index}} | more
