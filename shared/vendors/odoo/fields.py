"""What fields a model of Odoo has, and how a value of ours becomes a cell of Odoo's `load`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from shared import clock
from shared.errors import PermanentError
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.values import Cell, refuse_unstorable, to_date, to_datetime, to_html

KEPT_FOR = timedelta(hours=1)

type Value = str | int | float | bool | datetime | date | None


@dataclass(frozen=True)
class OdooField:
    """One field: `type` as Odoo calls it (char, text, html, many2one, datetime, ...), `relation` the model it points to."""

    name: str
    type: str
    relation: str | None = None


@dataclass(frozen=True)
class ModelFields:
    """The fields of one model."""

    model: str
    fields: Mapping[str, OdooField]
    read_at: datetime = field(default_factory=clock.now)

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def __getitem__(self, name: str) -> OdooField:
        """The field of this name.

        Raises:
            PermanentError: `odoo-unknown-field`; what to do is in its message.
        """
        try:
            return self.fields[name]
        except KeyError:
            raise PermanentError(
                "odoo-unknown-field", f"Odoo's {self.model} has no field {name}: run make odoo-setup"
            ) from None

    def column(self, name: str) -> str:
        """The column of `load` for the field `name`: a many2one takes the other record's database id."""
        return f"{name}/.id" if self[name].type == "many2one" else name

    def cell(self, name: str, value: Value) -> Cell:
        """`value` as `load` wants it in `column(name)`; `False` and the empty text clear the field.

        Text for an html field is taken to be plain text. Zero is a value, except as the id of a many2one, where it clears.

        Raises:
            PermanentError: `odoo-unknown-field`, `odoo-wrong-value` or `odoo-unstorable-text`.
        """
        kind = self[name]
        if value is False or value == "" or value is None:
            return False
        refuse_unstorable(value)
        try:
            return _CELLS[kind.type](value)
        except (KeyError, TypeError):
            given = type(value).__name__
            message = f"{self.model}.{name} is of type {kind.type}: we cannot write a {given} there"
            raise PermanentError("odoo-wrong-value", message) from None


def model_fields(client: OdooClient, model: str) -> ModelFields:
    """The fields of `model`, asked of Odoo at most once an hour per process."""
    known: ModelFields | None = client.memory.get(("fields", model))
    if known is None or clock.now() - known.read_at >= KEPT_FOR:
        answer = client.fields_get(model, ("type", "relation"))
        known = ModelFields(
            model,
            {name: OdooField(name, facts["type"], facts.get("relation")) for name, facts in answer.items()},
        )
        client.memory["fields", model] = known
    return known


def forget_fields(client: OdooClient, model: str) -> None:
    """Ask Odoo again next time: a field has come or gone."""
    client.memory.pop(("fields", model), None)


def _text(value: Value) -> Cell:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    return str(value)


def _html(value: Value) -> Cell:
    return to_html(str(_text(value)))


def _datetime(value: Value) -> Cell:
    if not isinstance(value, datetime):
        raise TypeError
    return to_datetime(value)


def _date(value: Value) -> Cell:
    if not isinstance(value, date):
        raise TypeError
    return to_date(value)


def _reference(value: Value) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError
    return str(value) if value else False  # text, not a number: older versions of Odoo call text methods on it


def _integer(value: Value) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return str(value)


def _float(value: Value) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return str(value)


def _boolean(value: Value) -> Cell:
    if not isinstance(value, bool):
        raise TypeError
    return "1"  # False has been taken as "clear" before it comes here, which for a boolean is the same


def _plain(value: Value) -> Cell:
    if not isinstance(value, str):
        raise TypeError
    return value


_CELLS: Mapping[str, Callable[[Value], Cell]] = {
    "char": _text,
    "text": _text,
    "html": _html,
    "datetime": _datetime,
    "date": _date,
    "many2one": _reference,
    "integer": _integer,
    "float": _float,
    "monetary": _float,
    "boolean": _boolean,
    "selection": _plain,
}
