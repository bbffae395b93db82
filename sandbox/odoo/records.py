"""What every model can do over the API: `search`, `read`, `create`, `write`, `unlink` and their kin.

Names and parameters of the public methods are Odoo's, so that a wrong call fails with the same complaint.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sandbox.odoo import ordering
from sandbox.odoo.database import ADMIN_IDS, timestamp
from sandbox.odoo.domain import compile_domain
from sandbox.odoo.env import Env, over_api
from sandbox.odoo.errors import OdooError, access_error, bad_value, in_use, missing, not_a_number, required
from sandbox.odoo.fields import Field
from sandbox.odoo.models import CUSTOM, Model
from sandbox.odoo.store import Row, Table

_MAGIC = frozenset({"id", "create_uid", "create_date", "write_uid", "write_date"})
_VERBS = {"read": "access", "create": "create", "write": "modify", "unlink": "delete"}


class BaseModel:
    """Some records (`ids`, perhaps none) of one model, in the hands of one user."""

    def __init__(self, env: Env, model: Model, ids: Sequence[Any] = ()) -> None:
        self.env, self.model, self.ids = env, model, ids

    @property
    def table(self) -> Table:
        """The rows of this model."""
        return self.env.db.table(self.model.name)

    def check_access(self, operation: str) -> None:
        """Raises AccessError unless the user may do `operation` (read, create, write, unlink) on this model."""
        group = self.model.reserved.get(operation)
        is_free = self._is_granted(operation) if self.model.name.startswith(CUSTOM) else group is None
        if is_free or (group is not None and self.env.uid in ADMIN_IDS):
            return
        allowed = f"This operation is allowed for the following groups:\n\t- {group}"
        raise access_error(
            f"You are not allowed to {_VERBS[operation]} '{self.model.description}' ({self.model.name}) records.\n\n"
            f"{allowed if group else 'No group currently allows this operation.'}\n\n"
            "Contact your administrator to request access if necessary."
        )

    def _is_granted(self, operation: str) -> bool:
        """Whether a right on a custom model lets its users do that; all users of the sandbox are in its groups."""
        models = self.env.db.table("ir.model").rows
        rights = self.env.db.table("ir.model.access").rows.values()
        return any(models[one["model_id"]]["model"] == self.model.name and one[f"perm_{operation}"] for one in rights)

    @over_api("model")
    def search(self, domain: Any, offset: int = 0, limit: Any = None, order: str | None = None) -> list[int]:
        """Ids of the records that match, in `order` or the model's own."""
        rows = ordering.ordered(self.env.db, self.model, self._matching(domain), order)
        start, end = ordering.bounds(offset, limit)
        return [row["id"] for row in rows[start:end]]

    @over_api("model")
    def search_count(self, domain: Any, limit: Any = None) -> int:
        """How many records match; counting stops at `limit`."""
        _, end = ordering.bounds(0, limit)
        return len(self._matching(domain)[:end])

    @over_api("model")
    def search_read(
        self, domain: Any = None, fields: Any = None, offset: int = 0, limit: Any = None, order: str | None = None
    ) -> list[Row]:
        """`search` and `read` in one."""
        self._readable(fields)
        return self._with(self.search(domain if domain is not None else [], offset, limit, order)).read(fields)

    @over_api("records")
    def read(self, fields: Any = None, load: str | None = "_classic_read") -> list[Row]:
        """The records that are there, in the order of the ids; those that are not are left out."""
        self.check_access("read")
        wanted = self._readable(fields)
        rows = self.table.rows
        return [self._read_row(rows[each], wanted, load) for each in self._numbers() if each in rows]

    @over_api("model")
    def fields_get(self, allfields: Any = None, attributes: Any = None) -> dict[str, Any]:
        """The model's fields and their attributes; names that are no fields are left out."""
        names = [name for name in allfields or self.model.fields if name in self.model.fields]
        described = {name: self.model.fields[name].described() for name in names}
        if not attributes:
            return described
        return {name: {key: facts[key] for key in attributes if key in facts} for name, facts in described.items()}

    @over_api("model")
    def name_search(self, name: str = "", domain: Any = None, operator: str = "ilike", limit: int = 100) -> list[list[Any]]:
        """Id and name of the records whose name fits."""
        ids = self.search([*(domain or []), (self.model.rec_name, operator, name)], limit=limit)
        return [[each, self.env.db.name_of(self.model.name, each)] for each in ids]

    @over_api("records")
    def has_access(self, operation: str) -> bool:
        """Whether the user may do `operation`."""
        if operation not in _VERBS:
            raise OdooError("builtins.AssertionError", "Invalid access mode")
        try:
            self.check_access(operation)
        except OdooError:
            return False
        return True

    @over_api("model")
    def check_access_rights(self, operation: str, raise_exception: bool = True) -> bool:  # noqa: FBT001, FBT002  # Odoo's
        """The same, by the name it had before Odoo 18; raises AccessError unless told not to."""
        if raise_exception:
            self.check_access(operation)
        return self.has_access(operation)

    @over_api("records")
    def get_metadata(self) -> list[Row]:
        """Who made and changed the records, and their external ids; records that are not there are left out."""
        names = self.env.db.table("ir.model.data")
        found = self.read(["create_uid", "create_date", "write_uid", "write_date"])
        for row in found:
            entries = sorted(names.ids_with("reference", f"{self.model.name},{row['id']}"))
            ids = [{"xmlid": names.rows[i]["complete_name"], "noupdate": names.rows[i]["noupdate"]} for i in entries]
            row["xmlid"], row["noupdate"] = (ids[0]["xmlid"], ids[0]["noupdate"]) if ids else (False, False)
            row["xmlids"] = ids
        return found

    @over_api("model")
    def create(self, vals_list: Any) -> Any:
        """New records: all of them or, when one is refused, none. One dict gives one id, a list gives a list."""
        self.check_access("create")
        given = [vals_list] if isinstance(vals_list, dict) else vals_list
        with self.env.db.store.transaction():
            ids = [self.create_one(vals) for vals in given]
        return ids[0] if isinstance(vals_list, dict) else ids

    @over_api("records")
    def write(self, vals: Any) -> bool:
        """The same changes to all the records, or, when one is refused or missing, to none."""
        self.check_access("write")
        ids = self._numbers()
        with self.env.db.store.transaction():
            self._existing(ids)
            for each in ids:
                self.write_one(each, vals)
        return True

    @over_api("records")
    def unlink(self) -> bool:
        """Delete the records; all must exist, and none may be needed by others."""
        self.check_access("unlink")
        ids = self._numbers()
        with self.env.db.store.transaction():
            self._existing(ids)
            for each in dict.fromkeys(ids):
                self.unlink_one(each)
        return True

    @over_api("records")
    def web_save_multi(self, vals_list: list[Any], specification: Any) -> list[Row]:
        """Different changes to each of the records, in one call."""
        self.check_access("write")
        with self.env.db.store.transaction():
            self._existing(self._numbers())
            for each, vals in zip(self._numbers(), vals_list, strict=True):
                self.write_one(each, vals)
        return self.read(list(specification or {}) or ["id"])

    @over_api("records")
    def action_archive(self) -> None:
        """Hide the records from searches that do not ask for archived ones."""
        self.write({"active": False})

    @over_api("records")
    def action_unarchive(self) -> None:
        """Show them again."""
        self.write({"active": True})

    @over_api("model")
    def load(self, fields: Any, data: Any) -> dict[str, Any]:
        """Create or update many records, matched by external id; all or nothing. See `sandbox.odoo.load`."""
        from sandbox.odoo.load import load  # load works with records, so it stands above this module

        self.check_access("create")
        return load(self, fields, data)

    def create_one(self, vals: Any) -> int:
        """Check and add one record, inside a transaction; returns its id."""
        given = self._storable(self._context_defaults()) | self._storable(vals)
        now = timestamp()
        row: Row = {
            "create_uid": self.env.uid, "create_date": now, "write_uid": self.env.uid, "write_date": now,
        }  # fmt: skip
        for each in self.model.fields.values():
            if each.store and each.name not in _MAGIC:
                row[each.name] = given.get(each.name, each.default)
        self.complete(row, given)
        self._check_required(row, self.model.fields.values())
        self.check(row)
        self._check_references(given)
        row_id = self.table.insert(row)
        self.created(row_id, row)
        return row_id

    def write_one(self, row_id: int, vals: Any) -> None:
        """Check and make the changes to one record that exists, inside a transaction."""
        before = dict(self.table.rows[row_id])
        changes = self._storable(vals, before)
        self.adjust(before, changes)
        after = before | changes
        self._check_required(after, [self.model.fields[name] for name in changes])
        self.check(after)
        self._check_references(changes)
        self.table.update(row_id, {**changes, "write_uid": self.env.uid, "write_date": timestamp()})
        self.written(row_id, before, changes)

    def unlink_one(self, row_id: int) -> None:
        """Delete one record that exists, with its external ids, inside a transaction."""
        for model in self.env.db.models.values():
            for each in model.fields.values():
                if each.type == "many2one" and each.relation == self.model.name and each.name not in _MAGIC:
                    self._release(model, each, row_id)
                elif each.type == "many2many" and each.relation == self.model.name:
                    self._take_out(self.env.db.table(model.name), each.name, row_id)
        names = self.env.db.table("ir.model.data")
        for each_id in list(names.ids_with("reference", f"{self.model.name},{row_id}")):
            names.delete(each_id)
        self.table.delete(row_id)

    def complete(self, row: Row, given: Row) -> None:
        """Fill in what a new record gets beyond plain defaults. `given` are the values that came with the call."""

    def adjust(self, before: Row, changes: Row) -> None:
        """Add to `changes` what follows from them."""

    def check(self, row: Row) -> None:
        """Raise what the model's own constraints raise."""

    def created(self, row_id: int, row: Row) -> None:
        """Called once the record is there."""

    def written(self, row_id: int, before: Row, changes: Row) -> None:
        """Called once the changes are made."""

    def _with(self, ids: Sequence[int]) -> "BaseModel":
        return type(self)(self.env, self.model, ids)

    def _matching(self, domain: Any) -> list[Row]:
        self.check_access("read")
        active_test = bool(self.env.context.get("active_test", True))
        found = compile_domain(self.env.db, self.model, domain, active_test=active_test)
        rows, check = self.table.rows, found.check
        short = found.candidates(self.table)
        if short is None:
            return [row for row in rows.values() if check(row)]
        return [row for row in map(rows.__getitem__, short) if check(row)]

    def _readable(self, fields: Iterable[str] | None) -> list[Field]:
        names = ["id", *(name for name in fields or self.model.fields if name != "id")]
        unknown = next((name for name in names if name not in self.model.fields), None)
        if unknown is not None:
            raise bad_value(f"Invalid field {unknown!r} on {self.model.name!r}")
        return [self.model.fields[name] for name in names]

    def _read_row(self, row: Row, wanted: list[Field], load: str | None) -> Row:
        return {each.name: self.read_value(row, each, named=load == "_classic_read") for each in wanted}

    def read_value(self, row: Row, wanted: Field, *, named: bool) -> Any:
        """One value of one row as the API gives it; references with their names when `named`."""
        if wanted.name == "display_name":
            return self.env.db.name_of(self.model.name, row["id"])
        value = row.get(wanted.name)
        if named and wanted.type == "many2one":
            return self.env.db.reference(wanted.relation or "", value)
        return wanted.read(value)

    def _numbers(self) -> list[int]:
        wrong = next((each for each in self.ids if not isinstance(each, int)), None)
        if wrong is not None:
            raise not_a_number(wrong)
        return list(self.ids)

    def _existing(self, ids: Sequence[int]) -> None:
        gone = [each for each in ids if each not in self.table.rows]
        if gone:
            raise missing(self.model.name, gone, self.env.uid)

    def _storable(self, vals: Any, before: Row | None = None) -> Row:
        if not isinstance(vals, dict):
            raise OdooError("builtins.AttributeError", f"'{type(vals).__name__}' object has no attribute 'get'")
        fields, stored = self.model.fields, {}
        for name, value in vals.items():
            found = fields.get(name)
            if found is None:
                raise bad_value(f"Invalid field {name!r} in {self.model.name!r}")
            if name not in _MAGIC and found.store:
                stored[name] = found.stored(value, self.model.name, (before or {}).get(name))
        return stored

    def _context_defaults(self) -> Row:
        """Values for new records that the context gives as `default_<field>`."""
        named = {
            name.removeprefix("default_"): value for name, value in self.env.context.items() if name.startswith("default_")
        }
        return {name: value for name, value in named.items() if name in self.model.fields}

    def _check_required(self, row: Row, fields: Iterable[Field]) -> None:
        for each in fields:
            if each.required and row[each.name] is None:
                raise required(each.string, each.name, self.model.description, self.model.name)

    def _check_references(self, values: Row) -> None:
        for name, value in values.items():
            found = self.model.fields[name]
            known = self.env.db.table(found.relation or "").rows if found.type == "many2many" else {}
            if found.type == "many2many" and any(each not in known for each in value or ()):
                raise in_use("Unknown", self.model.name, found.string, name)
            if found.type == "many2one" and value is not None and value not in self.env.db.table(found.relation or "").rows:
                raise in_use(self.model.description, self.model.name, found.string, name)

    @staticmethod
    def _take_out(table: Table, column: str, row_id: int) -> None:
        """Before a record goes: it goes out of every field of many."""
        for each, row in table.rows.items():
            if row_id in (row.get(column) or ()):
                table.update(each, {column: tuple(one for one in row[column] if one != row_id) or None})

    def _release(self, model: Model, pointer: Field, row_id: int) -> None:
        """Before a record goes: a stage or a user that is in use stays, any other reference to it is emptied."""
        table = self.env.db.table(model.name)
        if pointer.name in table.indexes:
            holders = list(table.ids_with(pointer.name, row_id))
        else:
            holders = [each for each, row in table.rows.items() if row.get(pointer.name) == row_id]
        if holders and self.model.name in {"crm.stage", "res.users"}:
            raise in_use(model.description, model.name, pointer.string, pointer.name)
        for each in holders:
            table.update(each, {pointer.name: None})
