"""Domains: Odoo's search conditions in Polish notation, made into one test on rows and, where an index helps, a short list."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.odoo.conditions import OPERATORS, Check, Test, test_for
from sandbox.odoo.errors import bad_type, bad_value
from sandbox.odoo.models import Model
from sandbox.odoo.store import Table


class Schema(Protocol):
    """What a domain needs to know of the rest of the database."""

    def model(self, name: str) -> Model:
        """The definition of a model that exists."""

    def table(self, name: str) -> Table:
        """Its rows."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A whole domain: the test, and a function that gives the ids that can pass it, or None when all must be tried."""

    check: Check
    candidates: Callable[[Table], Collection[int] | None]


EVERYTHING = Filter(lambda _row: True, lambda _table: None)
NOTHING = Filter(lambda _row: False, lambda _table: ())


def compile_domain(schema: Schema, model: Model, domain: Any, *, active_test: bool = True) -> Filter:
    """The filter for `domain` on `model`.

    Archived records are left out when the model has `active`, `active_test` is on and the domain does not speak of `active`
    itself. Raises Odoo's complaint about a domain that is not one.
    """
    if not isinstance(domain, list | tuple):
        raise bad_type(f"Domain() invalid argument type for domain: {domain!r}")
    found = _parse(schema, model, list(domain))
    if active_test and "active" in model.fields and not any(_field_of(item) == "active" for item in domain):
        return _all_of([Filter(lambda row: bool(row["active"]), lambda _table: None), found])
    return found


def _field_of(item: Any) -> Any:
    return item[0] if isinstance(item, list | tuple) and item else None


def _parse(schema: Schema, model: Model, domain: list[Any]) -> Filter:
    """Read from the end: conditions go on a stack, an operator takes its own from there; what is left is and-ed."""
    stack: list[Filter] = []
    for item in reversed(domain):
        if item == "!" and stack:
            stack.append(_none_of(stack.pop()))
        elif item in ("&", "|") and len(stack) > 1:
            pair = [stack.pop(), stack.pop()]
            stack.append(_all_of(pair) if item == "&" else _any_of(pair))
        elif item in ("&", "|", "!"):
            raise bad_value(f"Domain() malformed domain {domain!r}")
        else:
            stack.append(_leaf(schema, model, item))
    return _all_of(stack[::-1]) if stack else EVERYTHING


def _leaf(schema: Schema, model: Model, item: Any) -> Filter:
    if not isinstance(item, list | tuple) or len(item) != 3:  # noqa: PLR2004  # field, operator, value
        raise bad_value(f"Domain() invalid item in domain: {item!r}")
    name, sign, value = item
    if isinstance(name, int) and sign == "=":
        return EVERYTHING if name == value else NOTHING
    condition = (name, sign, value)
    sign = sign.lower() if isinstance(sign, str) else sign
    field = model.fields.get(name.partition(".")[0]) if isinstance(name, str) else None
    if field is None:
        raise bad_value(f"Invalid field {model.name}.{name} in condition {condition}")
    if sign == "=?":
        return _leaf(schema, model, (name, "=", value)) if value else EVERYTHING
    if "." in name or sign in {"any", "not any"}:
        return _path(schema, model, name, sign, value)
    if sign not in OPERATORS:
        raise bad_value(f"Invalid operator in condition {condition}")
    if name == "display_name":
        field = model.fields[model.rec_name]
    return _indexed(test_for(field, sign, value, _finder(schema)))


def _path(schema: Schema, model: Model, name: str, sign: str, value: Any) -> Filter:
    """A condition on a record that a reference leads to."""
    first, _, rest = name.partition(".")
    field = model.fields[first]
    if field.relation is None:
        raise bad_value(f"Invalid field property {rest!r} on {model.name}.{first}")
    inner = value if not rest else [(rest, sign, value)]
    ids = frozenset(matching_ids(schema, field.relation, inner))
    if field.type == "many2many":
        return Filter(lambda row: not ids.isdisjoint(row.get(first) or ()), lambda _table: None)
    found = _indexed(Test(lambda row: row.get(first) in ids, first, ids))
    return _none_of(found) if sign == "not any" and not rest else found


def matching_ids(schema: Schema, model_name: str, domain: Any) -> list[int]:
    """Ids of the records of a model, archived ones included, that a domain matches."""
    model, table = schema.model(model_name), schema.table(model_name)
    found = compile_domain(schema, model, domain, active_test=False)
    return [row_id for row_id, row in table.rows.items() if found.check(row)]


def _finder(schema: Schema) -> Callable[[str, str, Any], Collection[int]]:
    def find(model_name: str, sign: str, value: Any) -> Collection[int]:
        return matching_ids(schema, model_name, [(schema.model(model_name).rec_name, sign, value)])

    return find


def _indexed(test: Test) -> Filter:
    def candidates(table: Table) -> Collection[int] | None:
        if test.keys is None:
            return None
        if test.column == "id":
            return test.keys & table.rows.keys()
        index = table.indexes.get(test.column)
        return None if index is None else [row_id for key in test.keys for row_id in index.get(key, ())]

    return Filter(test.check, candidates)


def _all_of(filters: list[Filter]) -> Filter:
    if len(filters) == 1:
        return filters[0]
    checks = [each.check for each in filters]

    def candidates(table: Table) -> Collection[int] | None:
        short = [found for each in filters if (found := each.candidates(table)) is not None]
        return min(short, key=len) if short else None

    return Filter(lambda row: all(check(row) for check in checks), candidates)


def _any_of(filters: list[Filter]) -> Filter:
    checks = [each.check for each in filters]

    def candidates(table: Table) -> Collection[int] | None:
        lists = [each.candidates(table) for each in filters]
        return None if None in lists else {row_id for found in lists for row_id in found or ()}

    return Filter(lambda row: any(check(row) for check in checks), candidates)


def _none_of(found: Filter) -> Filter:
    check = found.check
    return Filter(lambda row: not check(row), lambda _table: None)
