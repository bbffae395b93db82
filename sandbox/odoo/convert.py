"""How `load` makes values out of what stands in its rows, and what it says of those it cannot use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.odoo.errors import OdooError
from sandbox.odoo.fields import DATE, DATETIME, Field, parse_moment
from sandbox.odoo.records import BaseModel
from sandbox.odoo.special import model_for

_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no"})


class ValueRefusedError(Exception):
    """A value that cannot be converted. `moreinfo` helps whoever imports; `named`: the message names the field's label."""

    def __init__(self, message: str, moreinfo: Any = None, *, named: bool = True) -> None:
        super().__init__(message)
        self.moreinfo, self.named = moreinfo, named


@dataclass(frozen=True)
class Column:
    """What one column of the rows is: a field, and for references what names the record (`name`, `id` or `.id`)."""

    place: int
    field: Field
    by: str


@dataclass
class Import:
    """One import as it goes: the messages so far, and the references already looked up."""

    records: BaseModel
    messages: list[dict[str, Any]] = field(default_factory=list)
    found: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def say(self, place: int, *, kind: str = "error", **more: Any) -> None:
        """Note a message about row `place`."""
        self.messages.append({"rows": {"from": place, "to": place}, "type": kind, "record": place, **more})

    def refuse(self, place: int, error: ValueRefusedError, found: Field) -> None:
        """Note that the value of a field in row `place` was refused."""
        more = {} if error.moreinfo is None else {"moreinfo": error.moreinfo}
        label = {"field_name": found.string} if error.named else {}
        self.say(place, field=found.name, message=str(error), **more, **label)

    @property
    def failed(self) -> bool:
        """Whether anything worse than a warning was noted."""
        return any(each["type"] == "error" for each in self.messages)


def convert(work: Import, place: int, column: Column, value: Any) -> Any:
    """`value` as `create` and `write` take it. Raises ValueRefusedError; for what Odoo itself trips over, OdooError."""
    kind = column.field.type
    if kind == "many2one":
        return _reference(work, place, column, value)
    if kind == "many2many":
        named = [_reference(work, place, column, each.strip()) for each in str(value).split(",")]
        return [[6, 0, named]]
    change = _CONVERT.get(kind)
    return change(value, column.field) if change else value


def _reference(work: Import, place: int, column: Column, value: Any) -> int:
    key = (column.field.name, column.by, str(value))
    if key not in work.found:
        work.found[key] = _FIND[column.by](work, place, column.field, value) if column.by in _FIND else _indirect()
    return work.found[key]


def _indirect() -> int:
    text = "Can not create Many-To-One records indirectly, import the field separately"
    raise ValueRefusedError(text, named=False)


def _by_database_id(work: Import, _place: int, found: Field, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        text = f"Invalid database id '{value}' for the field '{found.string}'"
        raise ValueRefusedError(text, _possible_values(found, "ir.model.data")) from None
    if number not in work.records.env.db.table(found.relation or "").rows:
        text = f"No matching record found for database id '{value}' in field '{found.string}'"
        raise ValueRefusedError(text, _possible_values(found, "ir.model.data"))
    return number


def _by_external_id(work: Import, _place: int, found: Field, value: Any) -> int:
    names = work.records.env.db.table("ir.model.data")
    for each in names.ids_with("complete_name", str(value)):
        row = names.rows[each]
        if row["model"] != found.relation:
            text = f"Invalid external ID {value}: expected model '{found.relation}', found '{row['model']}'"
            raise ValueRefusedError(text, named=False)
        return int(row["res_id"])
    text = f"No matching record found for external id '{value}' in field '{found.string}'"
    raise ValueRefusedError(text, _possible_values(found, "ir.model.data"))


def _by_name(work: Import, place: int, found: Field, value: Any) -> int:
    ids = model_for(work.records.env, found.relation or "").search([("display_name", "=", str(value))])
    if not ids:
        text = f"No matching record found for name '{value}' in field '{found.string}'"
        raise ValueRefusedError(text, _possible_values(found, None))
    if len(ids) > 1:
        text = f'Found multiple matches for value "{value}" in field "{found.string}" ({len(ids)} matches)'
        work.say(place, kind="warning", field=found.name, message=text)
    return ids[0]


_FIND: dict[str, Callable[[Import, int, Field, Any], int]] = {
    "name": _by_name, ".id": _by_database_id, "id": _by_external_id,
}  # fmt: skip


def _possible_values(found: Field, through: str | None) -> dict[str, Any]:
    info: dict[str, Any] = {
        "name": "Possible Values", "type": "ir.actions.act_window", "target": "new", "view_mode": "list,form",
        "views": [[False, "list"], [False, "form"]], "context": {"create": False}, "help": "See all possible values",
        "res_model": through or found.relation,
    }  # fmt: skip
    return info | {"domain": [["model", "=", found.relation]]} if through else info


def _to_moment(value: Any, found: Field) -> Any:
    try:
        return str(parse_moment(value, DATETIME if found.type == "datetime" else DATE))
    except OdooError as error:
        if error.name != "builtins.ValueError":
            raise
        text = f"'{value}' does not seem to be a valid {found.type} for field '{found.string}'"
        example = "2012-12-31 23:59:59" if found.type == "datetime" else "2012-12-31"
        raise ValueRefusedError(text, f"Use the format '{example}'") from error


def _to_choice(value: Any, found: Field) -> str:
    if not isinstance(value, str):
        raise OdooError("builtins.AttributeError", f"'{type(value).__name__}' object has no attribute 'lower'")
    for key, label in found.selection:
        if value.lower() in {key.lower(), label.lower()}:
            return key
    text = f"Value '{value}' not found in selection field '{found.string}'"
    raise ValueRefusedError(text, [label for _, label in found.selection])


def _to_boolean(value: Any, found: Field) -> bool:
    if not isinstance(value, str):
        raise OdooError("builtins.AttributeError", f"'{type(value).__name__}' object has no attribute 'lower'")
    if value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    text = f"Unknown value '{value}' for boolean field '{found.string}'"
    raise ValueRefusedError(text, "Use '1' for yes and '0' for no")


def _to_number(value: Any, found: Field) -> float:
    integer = found.type == "integer"
    try:
        return int(value) if integer else float(value)
    except (TypeError, ValueError):
        kind = "an integer" if integer else "a number"
        raise ValueRefusedError(f"'{value}' does not seem to be {kind} for field '{found.string}'") from None


_CONVERT: dict[str, Callable[[Any, Field], Any]] = {
    "datetime": _to_moment, "date": _to_moment, "selection": _to_choice, "boolean": _to_boolean,
    "integer": _to_number, "float": _to_number, "monetary": _to_number,
}  # fmt: skip
