"""The order and the slice of search results."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sandbox.odoo.errors import OdooError, bad_value, user_error
from sandbox.odoo.models import Model
from sandbox.odoo.store import Row, Table

_TERM = re.compile(r"(?P<name>[a-z_]\w*)(?: +(?P<way>asc|desc))?(?: +nulls +(?P<nulls>first|last))?", re.IGNORECASE)


class Schema(Protocol):
    """What an order needs to know of the rest of the database."""

    def model(self, name: str) -> Model:
        """The definition of a model that exists."""

    def table(self, name: str) -> Table:
        """Its rows."""


def ordered(schema: Schema, model: Model, rows: list[Row], order: str | None) -> list[Row]:
    """`rows` by `order`, such as `priority desc, id desc`, or by the model's own. Unset values come last, descending first.

    A reference sorts by the order of what it refers to. Raises Odoo's complaints about a wrong order.
    """
    text = order or model.order
    for term in reversed(text.split(",")):
        found = _TERM.fullmatch(term.strip())
        if found is None:
            raise user_error(
                f'Invalid "order" specified ({order}). A valid "order" specification is a comma-separated list of valid '
                "field names (optionally followed by asc/desc for the direction)"
            )
        rows = _sorted(schema, model, rows, found)
    return rows


def _sorted(schema: Schema, model: Model, rows: list[Row], term: re.Match[str]) -> list[Row]:
    name = term["name"]
    if name not in model.fields:
        raise bad_value(f"Invalid field {name!r} on model {model.name!r}")
    descending = (term["way"] or "").lower() == "desc"
    nulls_last = term["nulls"].lower() == "last" if term["nulls"] else not descending
    if name == "id":
        return sorted(rows, key=lambda row: row["id"], reverse=descending)
    value = _value(schema, model, name, rows)
    keyed = [(value(row), row) for row in rows]
    unset = [row for key, row in keyed if key is None]
    # Sorting in reverse keeps the order of equals, which the terms to the right have settled.
    rest = [row for _, row in sorted((pair for pair in keyed if pair[0] is not None), key=_key, reverse=descending)]
    return rest + unset if nulls_last else unset + rest


def _key(pair: tuple[Any, Row]) -> Any:
    return pair[0]


def _value(schema: Schema, model: Model, name: str, rows: list[Row]) -> Callable[[Row], Any]:
    found = model.fields[name]
    if name == "display_name":
        name = model.rec_name
    if found.type != "many2one" or not found.relation:
        return lambda row: row.get(name)
    ranks = _ranks(schema, found.relation, {row.get(name) for row in rows})
    return lambda row: ranks.get(row.get(name))


def _ranks(schema: Schema, model_name: str, ids: set[Any]) -> Mapping[Any, int]:
    """The places of the records `ids` among themselves, by their model's order."""
    every = schema.table(model_name).rows
    model = schema.model(model_name)
    return {row["id"]: place for place, row in enumerate(ordered(schema, model, [every[i] for i in ids if i in every], None))}


def bounds(offset: Any, limit: Any) -> tuple[int, int | None]:
    """The slice that offset and limit ask for; no limit, False and 0 all mean no limit."""
    start, size = int(offset or 0), int(limit or 0)
    if size < 0:
        raise OdooError("psycopg2.errors.InvalidRowCountInLimitClause", "LIMIT must not be negative\n")
    return start, start + size if size else None
