"""Values of properties: what Notion takes for each type, how it keeps them, and how it shows them."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from sandbox.notion.seed import Column

LONGEST_PIECE, MOST_PIECES, LONGEST_NAME, LONGEST_URL, LONGEST_SHORT = 2000, 100, 100, 2000, 200
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_PLAIN = {"bold": False, "italic": False, "strikethrough": False, "underline": False, "code": False, "color": "default"}
MEMBERS: Mapping[str, str] = {"select": "name", "status": "name", "multi_select": "name", "relation": "id"}


class BadValueError(ValueError):
    """Notion refuses the value; the text is what it says."""


def compact(identifier: object) -> str:
    """An id in the one spelling, with dashes; "" where it is none."""
    text = str(identifier)
    if not _UUID.fullmatch(text):
        return ""
    plain = text.replace("-", "").lower()
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def length(text: str) -> int:
    """Characters as JavaScript counts them: two for an emoji."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def taken(name: str, column: Column, given: Any) -> Any:
    """The value of property `name` as it is kept. Raises BadValueError for another type, or one that does not fit."""
    kind = column.type
    if not isinstance(given, dict):
        raise BadValueError(f"body failed validation: body.properties.{name} should be an object, instead was `{given!r}`.")
    said = given.get("type", kind)
    if said != kind or kind not in given:
        raise BadValueError(f"{name} is expected to be {kind}.")
    return _TAKE[kind](f"body.properties.{name}.{kind}", given[kind], column)


def shown(column: Column, value: Any) -> dict[str, Any]:
    """The kept value as the API gives it."""
    kind = column.type
    if kind in ("title", "rich_text"):
        return {"type": kind, kind: [piece(text) for text in value or []]}
    if kind in ("select", "status"):
        return {"type": kind, kind: _choice(value) if value else None}
    if kind == "multi_select":
        return {"type": kind, kind: [_choice(name) for name in value or []]}
    if kind == "relation":
        return {"type": kind, kind: [{"id": each} for each in value or []], "has_more": False}
    if kind == "checkbox":
        return {"type": kind, kind: bool(value)}
    return {"type": kind, kind: value}


def plain(column: Column, value: Any) -> Any:
    """The kept value as something to compare with: texts joined, a date by its start."""
    if column.type in ("title", "rich_text"):
        return "".join(value or [])
    if column.type == "date":
        return value["start"] if value else None
    return value


def piece(text: str) -> dict[str, Any]:
    """One piece of rich text."""
    content = {"content": text, "link": None}
    return {"type": "text", "text": content, "annotations": dict(_PLAIN), "plain_text": text, "href": None}


def pieces(path: str, given: Any) -> list[str]:
    """The texts of an array of rich text. Raises BadValueError."""
    if not isinstance(given, list):
        raise BadValueError(f"body failed validation: {path} should be an array, instead was `{given!r}`.")
    if len(given) > MOST_PIECES:
        raise BadValueError(f"body failed validation: {path}.length should be ≤ `{MOST_PIECES}`, instead was `{len(given)}`.")
    return [_content(f"{path}[{place}]", one) for place, one in enumerate(given)]


def _content(path: str, given: Any) -> str:
    text = given.get("text") if isinstance(given, dict) else None
    content = text.get("content") if isinstance(text, dict) else None
    if not isinstance(content, str):
        raise BadValueError(f"body failed validation: {path}.text should be defined, instead was `undefined`.")
    size = length(content)
    if size > LONGEST_PIECE:
        where = f"{path}.text.content.length"
        raise BadValueError(f"body failed validation: {where} should be ≤ `{LONGEST_PIECE}`, instead was `{size}`.")
    return content


def _choice(name: str) -> dict[str, str]:
    return {"id": f"{sum(name.encode()) % 65536:04x}", "name": name, "color": "default"}


def _pieces(path: str, given: Any, _column: Column) -> list[str]:
    return pieces(path, given)


def _number(path: str, given: Any, _column: Column) -> float | None:
    if given is not None and (isinstance(given, bool) or not isinstance(given, int | float)):
        raise BadValueError(f"body failed validation: {path} should be a number or `null`, instead was `{given!r}`.")
    return given


def _checkbox(path: str, given: Any, _column: Column) -> bool:
    if not isinstance(given, bool):
        raise BadValueError(f"body failed validation: {path} should be a boolean, instead was `{given!r}`.")
    return given


def _name(path: str, given: Any) -> str:
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise BadValueError(f"body failed validation: {path}.name should be defined, instead was `undefined`.")
    if "," in name:
        raise BadValueError(f"Invalid select option, commas not allowed: {name}")
    if length(name) > LONGEST_NAME:
        raise BadValueError(f"body failed validation: {path}.name.length should be ≤ `{LONGEST_NAME}`.")
    return name


def _select(path: str, given: Any, _column: Column) -> str | None:
    return None if given is None else _name(path, given)


def _status(path: str, given: Any, column: Column) -> str | None:
    name = _select(path, given, column)
    if name is not None and name not in column.options:
        raise BadValueError(f'Invalid status option. Status option "{name}" does not exist".')
    return name


def _multi_select(path: str, given: Any, _column: Column) -> list[str]:
    return [_name(f"{path}[{place}]", one) for place, one in enumerate(_array(path, given))]


def _relation(path: str, given: Any, _column: Column) -> list[str]:
    found = [compact(one.get("id") if isinstance(one, dict) else "") for one in _array(path, given)]
    if not all(found):
        raise BadValueError(f"body failed validation: {path}.id should be a valid uuid.")
    return found


def _array(path: str, given: Any) -> list[Any]:
    if not isinstance(given, list) or len(given) > MOST_PIECES:
        raise BadValueError(f"body failed validation: {path} should be an array of at most `{MOST_PIECES}`.")
    return given


def _date(path: str, given: Any, _column: Column) -> dict[str, Any] | None:
    if given is None:
        return None
    if not isinstance(given, dict) or not is_moment(given.get("start")):
        raise BadValueError(f"body failed validation: {path}.start should be a valid ISO 8601 date string.")
    end = given.get("end")
    if end is not None and not is_moment(end):
        raise BadValueError(f"body failed validation: {path}.end should be a valid ISO 8601 date string.")
    return {"start": given["start"], "end": end, "time_zone": given.get("time_zone")}


def is_moment(given: Any) -> bool:
    """A date, or a date with a time."""
    if not isinstance(given, str):
        return False
    try:
        date.fromisoformat(given) if len(given) <= len("2026-01-01") else datetime.fromisoformat(given)
    except ValueError:
        return False
    return True


def _text(longest: int) -> Callable[[str, Any, Column], str | None]:
    def take(path: str, given: Any, _column: Column) -> str | None:
        if given is not None and (not isinstance(given, str) or not given or length(given) > longest):
            raise BadValueError(f"body failed validation: {path} should be a string or `null`, instead was `{given!r}`.")
        return given

    return take


_TAKE: Mapping[str, Callable[[str, Any, Column], Any]] = {
    "title": _pieces,
    "rich_text": _pieces,
    "number": _number,
    "checkbox": _checkbox,
    "select": _select,
    "status": _status,
    "multi_select": _multi_select,
    "date": _date,
    "email": _text(LONGEST_SHORT),
    "phone_number": _text(LONGEST_SHORT),
    "url": _text(LONGEST_URL),
    "relation": _relation,
}


def seeded(columns: Mapping[str, Column], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the seed as it is kept."""
    return {name: _cut(row[name]) if columns[name].type in ("title", "rich_text") else row[name] for name in row}


def _cut(text: str) -> list[str]:
    return [text[start : start + LONGEST_PIECE] for start in range(0, len(text), LONGEST_PIECE)]
