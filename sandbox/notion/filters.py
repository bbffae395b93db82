"""Filters and sorts of a query, over rows as they are kept."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.notion.seed import Column
from sandbox.notion.values import BadValueError, is_moment, plain

DEEPEST = 2
_TEXTS = ("title", "rich_text", "url", "email", "phone_number")
_STAMPS = ("created_time", "last_edited_time")

type Row = dict[str, Any]
type Test = Callable[[Any, Any], bool]

_TEXT: Mapping[str, Test] = {
    "equals": lambda have, want: (have or "") == want,
    "does_not_equal": lambda have, want: (have or "") != want,
    "contains": lambda have, want: want.casefold() in (have or "").casefold(),
    "does_not_contain": lambda have, want: want.casefold() not in (have or "").casefold(),
    "starts_with": lambda have, want: (have or "").casefold().startswith(want.casefold()),
    "ends_with": lambda have, want: (have or "").casefold().endswith(want.casefold()),
}
_NUMBER: Mapping[str, Test] = {
    "equals": lambda have, want: have == want,
    "does_not_equal": lambda have, want: have != want,
    "greater_than": lambda have, want: have is not None and have > want,
    "less_than": lambda have, want: have is not None and have < want,
    "greater_than_or_equal_to": lambda have, want: have is not None and have >= want,
    "less_than_or_equal_to": lambda have, want: have is not None and have <= want,
}
_EQUAL: Mapping[str, Test] = {"equals": lambda have, want: have == want, "does_not_equal": lambda have, want: have != want}
_MEMBERS: Mapping[str, Test] = {
    "contains": lambda have, want: want in (have or []),
    "does_not_contain": lambda have, want: want not in (have or []),
}
_DATE: Mapping[str, Test] = {
    "equals": lambda have, want: have is not None and _span(want)[0] <= _start(have) < _span(want)[1],
    "before": lambda have, want: have is not None and _start(have) < _span(want)[0],
    "after": lambda have, want: have is not None and _start(have) >= _span(want)[1],
    "on_or_before": lambda have, want: have is not None and _start(have) < _span(want)[1],
    "on_or_after": lambda have, want: have is not None and _start(have) >= _span(want)[0],
}
_TESTS: Mapping[str, Mapping[str, Test]] = {
    **dict.fromkeys(_TEXTS, _TEXT),
    "number": _NUMBER,
    "checkbox": {"equals": lambda have, want: bool(have) == want, "does_not_equal": lambda have, want: bool(have) != want},
    "select": _EQUAL,
    "status": _EQUAL,
    "multi_select": _MEMBERS,
    "relation": _MEMBERS,
    "date": _DATE,
}
_WANTS: Mapping[str, type | tuple[type, ...]] = {"number": (int, float), "checkbox": bool}


def _start(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _span(text: str) -> tuple[datetime, datetime]:
    """A day from its start to its end; an instant to the end of its minute, as Notion keeps no seconds apart."""
    start = _start(text)
    if len(text) > len("2026-01-01"):
        return start, start.replace(second=59, microsecond=999_999)
    return start, start.replace(hour=23, minute=59, second=59, microsecond=999_999)


def check(given: Any, columns: Mapping[str, Column], depth: int = 0) -> Callable[[Row], bool]:
    """What the filter lets through. Raises BadValueError for a filter that Notion refuses."""
    if not isinstance(given, dict):
        raise BadValueError("body failed validation: body.filter should be an object.")
    for joined, combine in (("and", all), ("or", any)):
        if joined in given:
            return _joined(given[joined], columns, depth, combine)
    if "timestamp" in given:
        return _stamp(given)
    name = given.get("property")
    column = columns.get(str(name))
    if column is None:
        raise BadValueError(f"Could not find property with name or id: {name}")
    kinds = [key for key in given if key not in ("property", "type")]
    if len(kinds) != 1:
        raise BadValueError("body failed validation: body.filter should have one condition.")
    if kinds[0] != column.type:
        raise BadValueError(f"database property {column.type} does not match filter {kinds[0]}")
    matches = _condition(column.type, given[kinds[0]])
    return lambda row: matches(plain(column, row["properties"].get(str(name))))


def _joined(
    parts: Any, columns: Mapping[str, Column], depth: int, combine: Callable[[Sequence[bool]], bool]
) -> Callable[[Row], bool]:
    if not isinstance(parts, list) or depth >= DEEPEST:
        raise BadValueError("body failed validation: body.filter may be nested two levels deep.")
    checks = [check(part, columns, depth + 1) for part in parts]
    return lambda row: combine([one(row) for one in checks])


def _stamp(given: Mapping[str, Any]) -> Callable[[Row], bool]:
    name = given["timestamp"]
    if name not in _STAMPS or not isinstance(given.get(name), dict):
        raise BadValueError("body failed validation: body.filter.timestamp should be one of created_time, last_edited_time.")
    matches = _condition("date", given[name])
    return lambda row: matches(row[name])


def _condition(kind: str, given: Any) -> Callable[[Any], bool]:
    if not isinstance(given, dict) or len(given) != 1:
        raise BadValueError(f"body failed validation: body.filter.{kind} should have one condition.")
    ((name, want),) = given.items()
    if name in ("is_empty", "is_not_empty") and want is True and kind != "checkbox":
        return lambda have: (have in (None, "", [])) == (name == "is_empty")
    test = _TESTS[kind].get(name)
    wanted = _WANTS.get(kind, str)
    if test is None or not isinstance(want, wanted) or (kind == "date" and not is_moment(want)):
        raise BadValueError(f"body failed validation: body.filter.{kind}.{name} is no condition that there is for `{want!r}`.")
    return lambda have: test(have, want)


def ordered(rows: list[Row], given: Any, columns: Mapping[str, Column]) -> list[Row]:
    """The rows as the sorts say; the first sort counts most, and what is empty comes last. Raises BadValueError."""
    if not isinstance(given, list):
        raise BadValueError("body failed validation: body.sorts should be an array.")
    for sort in reversed(given):
        key = _key(sort, columns)
        down = sort.get("direction") == "descending"
        full = [row for row in rows if key(row) not in (None, "", [])]
        empty = [row for row in rows if key(row) in (None, "", [])]
        rows = sorted(full, key=key, reverse=down) + empty
    return rows


def _key(sort: Any, columns: Mapping[str, Column]) -> Callable[[Row], Any]:
    if not isinstance(sort, dict) or sort.get("direction") not in ("ascending", "descending"):
        raise BadValueError("body failed validation: body.sorts[0].direction should be ascending or descending.")
    if sort.get("timestamp") in _STAMPS:
        return lambda row: row[sort["timestamp"]]
    name = str(sort.get("property"))
    if name not in columns:
        raise BadValueError(f"Could not find sort property with name or id: {name}")
    return lambda row: plain(columns[name], row["properties"].get(name))
