"""Which of an account's records a list asks for: `query`, `filter[...]`, `order[...]`, `page` and `limit`."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sandbox.kommo.checks import Fault, Faults

MOST = 250
USUAL = 50
_DIGITS = 5
_FILTER = re.compile(r"filter\[(\w+)\](?:\[(\w*)\](?:\[(\w+)\])?)?")
_ORDER = re.compile(r"order\[(created_at|updated_at|id)\]")
_EQUALS = {
    "leads": ("id", "name", "price", "status_id", "pipeline_id", "created_by", "updated_by", "responsible_user_id"),
    "contacts": ("id", "name", "created_by", "updated_by", "responsible_user_id"),
    "notes": ("id", "entity_id", "note_type"),
}
_RANGES = ("created_at", "updated_at", "closed_at", "price")

type Row = dict[str, Any]
type Pairs = Sequence[tuple[str, str]]


class BadQueryError(ValueError):
    """A parameter of the list is not as it must be; `faults` says which."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.faults: Faults = [fault]


def paging(query: Pairs) -> tuple[int, int]:
    """The page and how many records it has. Raises BadQueryError."""
    named = dict(query)
    page, limit = _whole(named, "page", 1), _whole(named, "limit", USUAL)
    if limit > MOST:
        raise BadQueryError(Fault("TooBig", "limit", f"This value should be {MOST} or less."))
    return page, limit


def _whole(named: Mapping[str, str], name: str, default: int) -> int:
    text = named.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise BadQueryError(Fault("InvalidType", name, "This value should be a positive number."))
    return int(text)


def chosen(kind: str, rows: Iterable[Row], query: Pairs, text_of: Callable[[Row], str]) -> list[Row]:
    """The rows that the list asks for, in its order, all pages of them; `text_of` is `text`. Raises BadQueryError."""
    found = list(rows)
    wanted = dict(query).get("query", "").strip()
    if wanted:
        contains = _search(wanted)
        found = [row for row in found if contains(text_of(row))]
    equal: dict[str, set[str]] = {}
    stages: dict[str, dict[str, str]] = {}
    for name, value in query:
        parts = _FILTER.fullmatch(name)
        if parts is None:
            continue
        field, inner, innermost = parts.groups()
        if field == "statuses" and innermost:
            stages.setdefault(inner, {})[innermost] = value
        elif field in _RANGES and inner in ("from", "to"):
            found = [row for row in found if _in_range(row.get(field), inner, value)]
        elif field in _EQUALS[kind]:
            equal.setdefault(field, set()).add(value)
        else:
            raise BadQueryError(Fault("NotExpected", name, "This field was not expected."))
    for field, values in equal.items():
        found = [row for row in found if str(row.get(field)) in values]
    if stages:
        found = [row for row in found if any(_in_stage(row, stage) for stage in stages.values())]
    return _ordered(found, query)


def _ordered(rows: list[Row], query: Pairs) -> list[Row]:
    for name, value in query:
        parts = _ORDER.fullmatch(name)
        if parts:
            field = parts[1]
            return sorted(rows, key=lambda row: (row[field], row["id"]), reverse=value == "desc")
    return rows


def _in_range(value: Any, edge: str, text: str) -> bool:
    if value is None or not text.isdecimal():
        return False
    return bool(value >= int(text) if edge == "from" else value <= int(text))


def _in_stage(row: Row, stage: Mapping[str, str]) -> bool:
    return all(str(row.get(name)) == value for name, value in stage.items())


def text(row: Row) -> str:
    """All that a search looks into, in small letters; numbers stand there once more as their digits alone."""
    words = [str(row.get("name") or "")]
    words += [str(value["value"]) for field in row.get("custom_fields_values") or [] for value in field["values"]]
    digits = (re.sub(r"\D", "", word) for word in words)
    return "\n".join([*words, *(f"#{number}" for number in digits if len(number) >= _DIGITS)]).casefold()


def _search(wanted: str) -> Callable[[str], bool]:
    """Parts of words in any field, letters of either case; numbers also however they are written."""
    small, digits = wanted.casefold(), re.sub(r"\D", "", wanted)
    if len(digits) < _DIGITS:
        return lambda text: small in text
    number = re.compile(rf"^#\d*{digits}", re.MULTILINE)
    return lambda text: small in text or (digits in text and number.search(text) is not None)
