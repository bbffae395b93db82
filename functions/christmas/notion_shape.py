"""Converts our values to the type that a property has in the customer's Notion."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared import clock
from shared.vendors import notion_values

LONGEST_TEXT = 20_000

type Schema = Mapping[str, Mapping[str, Any]]
"""Property's name -> Notion's description of it: its `type`, and for a status its options."""


class UnfitError(Exception):
    """The property is of a type, or lacks the option, so that the value cannot stand in it."""


def shaped(value: Any, of: Mapping[str, Any]) -> dict[str, Any]:
    """`value` as a property of that type; None clears it.

    Raises:
        UnfitError: it cannot stand in a property of that type.
    """
    shape = _SHAPES.get(str(of.get("type")))
    if shape is None:
        raise UnfitError
    return shape(value, of)


def equals(name: str, text: str, of: Mapping[str, Any]) -> dict[str, Any]:
    """The filter for rows whose property is `text`.

    Raises:
        UnfitError: a property of that type cannot be looked up by a text.
    """
    kind = str(of.get("type"))
    if kind == "number":
        return {"property": name, "number": {"equals": float(text)}}
    if kind not in ("title", "rich_text", "email", "select", "status", "url"):
        raise UnfitError
    return {"property": name, kind: {"equals": text}}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return clock.as_utc(value).isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: Any, _of: Mapping[str, Any]) -> dict[str, Any]:
    if value is None:
        return notion_values.number(None)
    try:
        return notion_values.number(float(value))
    except (TypeError, ValueError):
        raise UnfitError from None


def _moment(value: Any, _of: Mapping[str, Any]) -> dict[str, Any]:
    if value is not None and not isinstance(value, datetime):
        raise UnfitError
    return notion_values.moment(value)


def _status(value: Any, of: Mapping[str, Any]) -> dict[str, Any]:
    """A status takes only the options it has."""
    known = {option.get("name") for option in (of.get("status") or {}).get("options") or []}
    if value is not None and _text(value) not in known:
        raise UnfitError
    return notion_values.status(_text(value))


def _several(value: Any, _of: Mapping[str, Any]) -> dict[str, Any]:
    return notion_values.multi_select(
        [_text(one) for one in value] if isinstance(value, list) else [_text(value)] if value else []
    )


_SHAPES: dict[str, Callable[[Any, Mapping[str, Any]], dict[str, Any]]] = {
    "title": lambda value, _of: notion_values.title(_text(value)[:LONGEST_TEXT]),
    "rich_text": lambda value, _of: notion_values.rich_text(_text(value)[:LONGEST_TEXT]),
    "number": _number,
    "select": lambda value, _of: notion_values.select(_text(value)),
    "status": _status,
    "multi_select": _several,
    "date": _moment,
    "email": lambda value, _of: notion_values.email(_text(value)),
    "phone_number": lambda value, _of: notion_values.phone(_text(value)),
    "url": lambda value, _of: notion_values.url(_text(value)),
    "checkbox": lambda value, _of: notion_values.checkbox(bool(value)),
}
