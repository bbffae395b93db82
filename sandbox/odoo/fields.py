"""Fields: how a value that a client sends is stored, and how a stored value reads. Stored empty is None, whatever the type."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.odoo.errors import NUL, OdooError, bad_type, bad_value, not_a_number
from sandbox.odoo.html import as_html

DATETIME = "%Y-%m-%d %H:%M:%S"
DATE = "%Y-%m-%d"
STAMP_LENGTH = len("2026-12-31 23:59:59")
_EXACT_DATETIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")

NUMBERS = frozenset({"integer", "float", "monetary"})
TEXTS = frozenset({"char", "text", "html"})


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a model, with what `fields_get` and `ir.model.fields` tell of it.

    `default` is what a new record gets when the field is not given. A field that is not `store`d is computed when read.
    """

    name: str
    type: str
    string: str
    required: bool = False
    readonly: bool = False
    store: bool = True
    index: bool = False
    copied: bool = True
    manual: bool = False
    relation: str | None = None
    selection: tuple[tuple[str, str], ...] = ()
    default: Any = None

    def stored(self, value: Any, model: str, before: Any = None) -> Any:
        """`value` as it is stored, in place of `before`. Raises what Odoo raises for a value of the wrong kind."""
        if self.type == "many2many":
            return _many2many(value, self, model, before or ())
        return _STORE[self.type](value, self, model)

    def read(self, value: Any) -> Any:
        """A stored value as `read` gives it; references stay numbers here."""
        if value is None:
            return _EMPTY.get(self.type, False)
        return list(value) if self.type == "many2many" else value

    def described(self) -> dict[str, Any]:
        """Its attributes as `fields_get` lists them."""
        facts: dict[str, Any] = {
            "change_default": False,
            "company_dependent": False,
            "default_export_compatible": False,
            "depends": [],
            "exportable": True,
            "groupable": self.store,
            "manual": self.manual,
            "name": self.name,
            "readonly": self.readonly,
            "required": self.required,
            "searchable": True,
            "sortable": self.store,
            "store": self.store,
            "string": self.string,
            "type": self.type,
        }
        if self.type in TEXTS:
            facts |= {"translate": False, "trim": True}
        if self.selection:
            facts["selection"] = [list(pair) for pair in self.selection]
        if self.relation:
            facts |= {"relation": self.relation, "context": {}, "domain": []}
        return facts


def _text(value: Any, _field: Field, _model: str) -> str | None:
    if value is None or value is False:
        return None
    text = value if type(value) is str else str(value)
    if "\0" in text:
        raise bad_value(NUL)
    if not text.isascii():
        text.encode()  # a lone surrogate cannot be stored, and Odoo's driver says so in these very words
    return text


def _html(value: Any, field: Field, model: str) -> str | None:
    text = _text(value, field, model)
    return text if text is None else as_html(text)


def _integer(value: Any, _field: Field, _model: str) -> int:
    try:
        return int(value or 0)
    except ValueError as error:
        raise bad_value(str(error)) from error
    except TypeError as error:
        raise bad_type(str(error)) from error


def _float(value: Any, _field: Field, _model: str) -> float | None:
    try:
        return float(value or 0.0)
    except ValueError as error:
        raise bad_value(str(error)) from error
    except TypeError as error:
        raise bad_type(str(error)) from error


def _boolean(value: Any, _field: Field, _model: str) -> bool:
    return bool(value)


def _datetime(value: Any, _field: Field, _model: str) -> str | None:
    return None if value is None or value is False else str(parse_moment(value, DATETIME))


def _date(value: Any, _field: Field, _model: str) -> str | None:
    return None if value is None or value is False else str(parse_moment(value[:10], DATE).date())


def parse_moment(value: Any, pattern: str) -> datetime:
    """A date, or a date and time, in Odoo's one format; a date alone is midnight. Raises Odoo's own complaint."""
    if not isinstance(value, str):
        raise bad_type(f"object of type '{type(value).__name__}' has no len()")
    try:
        if _EXACT_DATETIME.fullmatch(value):
            return datetime.fromisoformat(value)
        # Odoo cuts its pattern to the length of what it is given, and the complaint shows the cut pattern.
        return datetime.strptime(value, pattern[: max(len(value) - 2, 0)])  # noqa: DTZ007  # Odoo's times carry no zone
    except ValueError as error:
        if _EXACT_DATETIME.fullmatch(value):
            raise bad_value(f"time data {value!r} does not match format {pattern!r}") from error
        raise bad_value(str(error)) from error


def _selection(value: Any, field: Field, model: str) -> str | None:
    if value is None or value is False:
        return None
    if not any(value == key for key, _ in field.selection):
        raise bad_value(f"Wrong value for {model}.{field.name}: {value!r}")
    return str(value)


def _many2one(value: Any, field: Field, _model: str) -> int | None:
    if value is True:
        text = f'column "{field.name}" is of type integer but expression is of type boolean\nLINE 1: ...\n'
        raise OdooError("psycopg2.errors.DatatypeMismatch", text)
    if not value:
        return None
    if isinstance(value, dict):
        raise OdooError("psycopg2.ProgrammingError", "can't adapt type 'dict'")
    if isinstance(value, list):
        raise not_a_number(next((each for each in value if not isinstance(each, int)), value))
    try:
        return int(value)
    except ValueError as error:
        raise not_a_number(value) from error


def _many2many(value: Any, _field: Field, _model: str, before: Sequence[int] = ()) -> tuple[int, ...] | None:
    """What becomes of the references `before`. Plain numbers take their place, commands change them one after the other."""
    ids = [] if not value or any(isinstance(each, int) for each in value) else list(before)
    for command in value or ():
        match command:
            case int():
                ids.append(command)
            case [6, _, list(given)]:
                ids = list(given)
            case [4, int(given), *_]:
                ids.append(given)
            case [3, int(given), *_]:
                ids = [each for each in ids if each != given]
            case [5, *_]:
                ids = []
            case _:
                raise bad_value(f"Wrong value for {_model}.{_field.name}: {value!r}")
    return tuple(dict.fromkeys(ids)) or None


_STORE: dict[str, Callable[[Any, Field, str], Any]] = {
    "char": _text,
    "text": _text,
    "html": _html,
    "integer": _integer,
    "float": _float,
    "monetary": _float,
    "boolean": _boolean,
    "datetime": _datetime,
    "date": _date,
    "selection": _selection,
    "many2one": _many2one,
    "many2many": _many2many,
}
_EMPTY: dict[str, Any] = {"integer": 0, "float": 0.0, "monetary": 0.0, "boolean": False, "many2many": []}
TYPES: Sequence[str] = tuple(_STORE)
