"""`load`: create or update many records from rows of values, as Odoo's import does.

First every value is converted; what cannot be is a message, and the row goes on without it. Then the rows are written one by
one. If there was any error all is undone and `ids` is false, so that the caller sees every bad row at once and none is stored.
"""

from typing import Any

from sandbox.odoo.convert import Column, Import, ValueRefusedError, convert
from sandbox.odoo.database import timestamp
from sandbox.odoo.domain import compile_domain
from sandbox.odoo.errors import NUL, OdooError, bad_type, bad_value, invalid, not_a_number
from sandbox.odoo.records import BaseModel
from sandbox.odoo.store import Row

_TOO_MANY = 10
_STOPPED = "Found more than 10 errors and more than one error per 10 records, interrupted to avoid showing too many errors."


def load(records: BaseModel, fields: Any, data: Any) -> dict[str, Any]:
    """Odoo's `load`: `{"ids": [...] or false, "messages": [...], "nextrow": 0}`.

    The column `id` is the external id (`module.name`, made when it is new), `.id` the database id, `x/.id` and `x/id` a
    reference by database or external id, plain `x` a value, or a reference by name.
    """
    for given in (fields, data):
        if not isinstance(given, list | tuple):
            raise bad_type(f"object of type '{type(given).__name__}' has no len()")
    columns = _columns(records, list(fields))
    keys = {path: place for place, path in enumerate(fields) if path in {"id", ".id"}}
    work = Import(records)
    store = records.env.db.store
    with store.transaction():
        mark = store.mark()
        converted = [_converted(work, place, row, columns) for place, row in enumerate(data)]
        ids = _write_all(work, data, converted, keys)
        if work.failed:
            store.roll_back_to(mark)
    return {"ids": False if work.failed else ids, "messages": work.messages, "nextrow": 0}


def _columns(records: BaseModel, fields: list[Any]) -> list[Column]:
    columns: list[Column] = []
    for place, path in enumerate(fields):
        if not isinstance(path, str):
            raise bad_type(f"expected string or bytes-like object, got '{type(path).__name__}'")
        if path in {"id", ".id"}:
            continue
        name, *rest = path.split("/")
        found = records.model.fields.get(name)
        if found is None:
            raise bad_value(f"Invalid field name {name!r}")
        related = records.env.db.models.get(found.relation or "")
        if rest and rest[0] not in {"id", ".id"} and (related is None or rest[0] not in related.fields):
            raise bad_value(f"Invalid field name {rest[0]!r}")
        columns.append(Column(place, found, rest[0] if rest else "name"))
    return columns


def _converted(work: Import, place: int, row: Any, columns: list[Column]) -> Row:
    """The values of one row, without those that were refused."""
    values: Row = {}
    seen: dict[str, str] = {}
    for column in columns:
        name, value = column.field.name, row[column.place] if column.place < len(row) else None
        try:
            _unambiguous(seen.setdefault(name, column.by), column)
            values[name] = convert(work, place, column, value) if value else False
        except ValueRefusedError as error:
            values.pop(name, None)
            work.refuse(place, error, column.field)
    return values


def _unambiguous(before: str, column: Column) -> None:
    if before != column.by:
        text = (
            f"Ambiguous specification for field '{column.field.string}', only provide one of name, external id or database id"
        )
        raise ValueRefusedError(text, named=False)


def _write_all(work: Import, data: Any, converted: list[Row], keys: dict[str, int]) -> list[int]:
    ids: list[int] = []
    errors = 0
    for place, (row, values) in enumerate(zip(data, converted, strict=True)):
        try:
            with work.records.env.db.store.savepoint():
                ids.append(_write(work, place, values, _key(row, keys, "id"), _key(row, keys, ".id")))
        except (_RowRefusedError, UnicodeEncodeError) as error:
            _explain(work, place, error)
            errors += 1
            if errors >= _TOO_MANY and errors >= place / 10:
                work.messages.append({"type": "warning", "message": _STOPPED})
                break
    return ids


def _key(row: Any, keys: dict[str, int], path: str) -> Any:
    place = keys.get(path)
    return row[place] if place is not None and place < len(row) and row[place] else None


class _RowRefusedError(Exception):
    """A row that could not be written."""

    def __init__(self, error: OdooError) -> None:
        super().__init__(error.message)
        self.error = error


def _write(work: Import, place: int, values: Row, external_id: Any, database_id: Any) -> int:
    """Write one row, in a savepoint; returns the record's id."""
    records = work.records
    if external_id is not None and not isinstance(external_id, str):
        raise bad_type(f"argument of type '{type(external_id).__name__}' is not iterable")
    if external_id is None and database_id is not None:
        known = _known_database_id(work, place, database_id)
        if known is None:
            return 0
    try:
        if external_id is not None:
            return _write_named(records, external_id, values)
        if database_id is not None:
            records.write_one(int(database_id), values)
            return int(database_id)
        return records.create_one(values)
    except OdooError as error:
        raise _RowRefusedError(error) from error


def _known_database_id(work: Import, place: int, value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise not_a_number(value) from None
    env, model = work.records.env, work.records.model
    active_test = bool(env.context.get("active_test", True))
    row = env.db.table(model.name).rows.get(number)
    if row is None or not compile_domain(env.db, model, [], active_test=active_test).check(row):
        work.say(place, field=".id", message=f"Unknown database identifier '{value}'")
        return None
    return number


def _write_named(records: BaseModel, external_id: str, values: Row) -> int:
    """Update the record that has this external id, or create it, also when its record has been deleted meanwhile."""
    module, dot, name = external_id.partition(".")
    if not dot:
        module, name = "__import__", external_id
    if "\0" in external_id:
        raise bad_value(NUL)
    names = records.env.db.table("ir.model.data")
    for entry_id in list(names.ids_with("complete_name", f"{module}.{name}")):
        entry = names.rows[entry_id]
        row_id = int(entry["res_id"])
        if entry["model"] != records.model.name:
            raise invalid(
                f"For external id {external_id} when trying to create/update a record of model {records.model.name} "
                f"found record of different model {entry['model']} ({entry_id})"
            )
        if row_id in records.table.rows:
            if not (entry["noupdate"] and records.env.context.get("mode") == "update"):
                records.write_one(row_id, values)
            return row_id
        names.delete(entry_id)
    row_id = records.create_one(values)
    _remember(records, module, name, row_id)
    return row_id


def _remember(records: BaseModel, module: str, name: str, row_id: int) -> None:
    if " " in name:
        raise invalid(
            'new row for relation "ir_model_data" violates check constraint "ir_model_data_name_nospaces"\n'
            f"DETAIL:  Failing row contains ({name}, {module}, {records.model.name}).\n"
        )
    now = timestamp()
    entry = {
        "module": module, "name": name, "complete_name": f"{module}.{name}", "model": records.model.name,
        "res_id": row_id, "reference": f"{records.model.name},{row_id}",
        "noupdate": bool(records.env.context.get("noupdate")),
        "create_date": now, "write_date": now,
    }  # fmt: skip
    records.env.db.table("ir.model.data").insert(entry)


def _explain(work: Import, place: int, error: Exception) -> None:
    """Note why a row could not be written."""
    cause = error.error if isinstance(error, _RowRefusedError) else None
    if cause is None or cause.bare is None:
        kind = cause.name.removeprefix("builtins.") if cause else type(error).__name__
        text = f"Unknown error during import: <class '{kind}'>: {error}"
        work.say(place, message=text, moreinfo="Resolve other errors first")
    elif cause.field:
        work.say(place, message=cause.bare, field=cause.field)
    else:
        work.say(place, message=cause.bare)
