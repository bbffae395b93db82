"""One condition of a domain, `(field, operator, value)`, as a test on a row. What matches what was read off a real Odoo 19.

Empty values are the subtle part. For text, nothing stored and "" are the same; for numbers, nothing stored and 0; a choice, a
time or a reference that is not set matches False alone. A negative operator matches exactly what its positive does not.
"""

import operator
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.odoo.errors import NUL, OdooError, bad_type, bad_value
from sandbox.odoo.fields import NUMBERS, TEXTS, Field
from sandbox.odoo.store import Row

type Check = Callable[[Row], bool]
type Condition = tuple[str, str, Any]
type FindByName = Callable[[str, str, Any], Collection[int]]
"""Given a model, an operator and a value: the ids of its records whose name fits."""

_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_ALIASES = {"==": "=", "<>": "!="}
_NEGATIVES = {
    "!=": "=", "not in": "in", "not like": "like", "not ilike": "ilike", "not =like": "=like", "not =ilike": "=ilike",
}  # fmt: skip
_TRUE = frozenset({"1", "t", "true", "y", "yes"})
_PATTERNS = frozenset({"like", "ilike", "=like", "=ilike"})
OPERATORS = frozenset({"=", "in", *_ORDER, *_PATTERNS, *_NEGATIVES, *_ALIASES})


@dataclass(frozen=True, slots=True)
class Test:
    """A test on rows. Where `keys` is given, only rows whose `column` is one of them can pass."""

    __test__ = False

    check: Check
    column: str = ""
    keys: frozenset[Any] | None = None


def test_for(field: Field, sign: str, value: Any, find: FindByName) -> Test:
    """The test that `(field, sign, value)` asks for. Raises Odoo's complaint about a value that does not fit."""
    condition = (field.name, sign, value)
    sign = _ALIASES.get(sign, sign)
    positive = _NEGATIVES.get(sign)
    if positive is None:
        return _positive(field, sign, value, condition, find)
    check = _positive(field, positive, value, condition, find).check
    return Test(lambda row: not check(row))


def _positive(field: Field, sign: str, value: Any, condition: Condition, find: FindByName) -> Test:
    if field.type == "boolean" and sign not in {"=", "in"}:
        kind = bool if value is None else type(value)
        raise bad_value(
            f"Cannot compare {field.name!r} to {kind} which is not a collection of length 1 in condition {condition}"
        )
    if sign in {"=", "in"}:
        return _one_of(field, _listed(sign, value), find)
    if sign in _PATTERNS:
        return Test(_like(field, sign, value, condition, find))
    return Test(_compared(field, sign, value, condition))


def _listed(sign: str, value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    return [] if sign == "in" and (value is False or value is None) else [value]


def _one_of(field: Field, values: list[Any], find: FindByName) -> Test:
    name = field.name
    if field.type == "many2many":
        wanted = set(values)
        return Test(lambda row: not wanted.isdisjoint(row.get(name) or ()))
    if any(isinstance(each, list | dict) for each in values):
        raise bad_type("unhashable type: 'list'")
    keys = frozenset(_keys(field, values, find))
    empty = _EMPTY_AS.get(field.type)
    if name == "id":
        return Test(lambda row: row["id"] in keys, "id", keys)
    if empty is None:
        return Test(lambda row: row.get(name) in keys, name, keys)
    if empty in keys:
        return Test(lambda row: (row.get(name) or empty) in keys, name, keys | {None})
    return Test(lambda row: row.get(name) in keys, name, keys)


_EMPTY_AS: dict[str, Any] = {
    **dict.fromkeys(TEXTS, ""), **dict.fromkeys(NUMBERS, 0), "boolean": False,
}  # fmt: skip


def _keys(field: Field, values: Iterable[Any], find: FindByName) -> Iterable[Any]:
    """The stored values that `values` stand for."""
    for value in values:
        unset = value is None or value is False
        if field.name == "id":
            if isinstance(value, int) and not isinstance(value, bool):
                yield value
        elif field.type in TEXTS:
            yield "" if unset else _clean(value)
        elif field.type in NUMBERS:
            yield 0 if unset else _number(field, value)
        elif field.type == "boolean":
            yield value.lower() in _TRUE if isinstance(value, str) else bool(value)
        elif unset:
            yield None
        elif field.type == "many2one":
            yield from _references(field, value, find)
        elif field.type in {"datetime", "date"}:
            yield _stamp(field, value)
        else:
            yield str(value)


def _references(field: Field, value: Any, find: FindByName) -> Iterable[int | None]:
    if value is True:
        raise _no_operator("=")
    if isinstance(value, str):
        return find(field.relation or "", "=", value) if value else (None,)
    return (value,)


def _clean(value: Any) -> str:
    text = str(value)
    if "\0" in text:
        raise bad_value(NUL)
    text.encode()
    return text


def _number(field: Field, value: Any) -> float:
    try:
        return int(value) if isinstance(value, str) and field.type == "integer" else float(value)
    except ValueError as error:
        raise bad_value(str(error)) from error


def _no_operator(sign: str) -> OdooError:
    text = f"operator does not exist: integer {sign} boolean\nLINE 1: ...\n"
    return OdooError("psycopg2.errors.UndefinedFunction", text)


def _compared(field: Field, sign: str, value: Any, condition: Condition) -> Check:
    name, compare = field.name, _ORDER[sign]
    unset = value is None or value is False
    if name == "id" or field.type == "many2one":
        return _compared_ids(field, sign, value, condition)
    if field.type in TEXTS:
        bound: Any = "" if unset else _clean(value)
        return lambda row: compare(row.get(name) or "", bound)
    if field.type in NUMBERS:
        bound = 0 if unset else _number(field, value)
        return lambda row: compare(row.get(name) or 0, bound)
    if unset:
        return lambda _row: False
    bound = str(value) if field.type == "selection" else _stamp(field, value, end_of_day=sign in {"<=", ">"})
    return lambda row: row.get(name) is not None and compare(row[name], bound)


def _compared_ids(field: Field, sign: str, value: Any, condition: Condition) -> Check:
    name, compare = field.name, _ORDER[sign]
    if isinstance(value, bool) and (value or name == "id"):
        raise _no_operator(sign)
    if isinstance(value, str) and name != "id":
        raise bad_type(f"Inequality not supported for relational field using a string in condition {condition}")
    if value is None or value is False or (value == 0 and name != "id"):
        return lambda _row: False
    bound = int(value)
    return lambda row: row.get(name) is not None and compare(row[name], bound)


def _stamp(field: Field, value: Any, *, end_of_day: bool = False) -> str:
    """A moment as it is stored. A day alone is its first second, or its last where a bound includes the day."""
    text = str(value)
    if not text:
        raise bad_value("Empty date value")
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    known = {"now": now, "today": now.replace(hour=0, minute=0, second=0)}
    try:
        moment = known[text] if text in known else datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_value(f"Invalid term {text!r} in expression date: {text!r}") from error
    if moment.tzinfo:
        raise bad_value(f"expecting only datetimes with no timezone: {text!r}")
    if field.type == "date":
        return str(moment.date())
    if end_of_day and len(text) == len("2026-01-31"):
        moment += timedelta(days=1, seconds=-1)
    return str(moment.replace(microsecond=0))


def _like(field: Field, sign: str, value: Any, condition: Condition, find: FindByName) -> Check:
    name = field.name
    unset = value is None or value is False or value == ""
    if unset:
        return _like_nothing(field, exact=sign.startswith("="))
    if sign.startswith("=") and not isinstance(value, str):
        raise bad_type(f"The pattern to match must be a string in condition {condition}")
    if field.type == "many2one":
        ids = frozenset(find(field.relation or "", sign, value))
        return lambda row: row.get(name) in ids
    matches = pattern(sign, _clean(value)).fullmatch
    return lambda row: row.get(name) is not None and matches(str(row[name])) is not None


def _like_nothing(field: Field, *, exact: bool) -> Check:
    """An empty pattern: exactly nothing, or anything at all (for a reference: any that is set)."""
    name = field.name
    if exact:
        return lambda row: not row.get(name)
    if field.type == "many2one":
        return lambda row: row.get(name) is not None
    return lambda _row: True


def pattern(sign: str, value: str) -> re.Pattern[str]:
    """The SQL pattern of `like` and its kin: `%` any run, `_` any character, a backslash takes the next as it is."""
    pieces = re.findall(r"\\.|[%_]|[^\\%_]+|\\", value, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    body = "".join(wild.get(piece) or re.escape(piece[1:] if piece[0] == "\\" and piece[1:] else piece) for piece in pieces)
    around = "" if sign.startswith("=") else ".*"
    flags = re.DOTALL | (re.IGNORECASE if sign.endswith("ilike") else 0)
    return re.compile(f"{around}{body}{around}", flags)
