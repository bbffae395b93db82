"""What the places that lock share: a place, and rows that several of them wait for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from shared import clock
from shared.store.models import Contact, Delivery, Opportunity, Target
from tests.lab.races import TARGET

ANA = "ana@example.com"
PHONE = "+525512345678"


@dataclass(frozen=True)
class Wait:
    """One place. `rows`: what there is, of which the other transaction holds that of `model` with the key `held`."""

    model: type[Any]
    rows: Callable[[], Sequence[Any]]
    come_by: Callable[[Session], Any]
    held: int | str = 1


def filled(model: type[Any], **values: Any) -> Any:
    """A row with these values, and with something in each other column that needs a value."""
    fillers: dict[type, Any] = {int: 1, str: "x", bool: False, type(clock.now()): clock.now()}
    for column in inspect(model).columns:
        needs = not column.nullable and column.default is None and column.server_default is None and not column.foreign_keys
        if needs and column.key not in values and not (column.primary_key and column.autoincrement is True):
            values[column.key] = fillers.get(_kind(column), {})
    return model(**{"id": 1} | values if "id" in inspect(model).columns else values)


def _kind(column: Any) -> Any:
    try:
        return column.type.impl.python_type if hasattr(column.type, "impl") else column.type.python_type
    except NotImplementedError:
        return dict


def one(model: type[Any], **values: Any) -> Callable[[], Sequence[Any]]:
    """A single row."""
    return lambda: [filled(model, **values)]


def person() -> Sequence[Any]:
    """A contact."""
    return [filled(Contact, manychat_id="m1")]


def opportunity() -> Sequence[Any]:
    """A contact with an opportunity."""
    return [*person(), filled(Opportunity, manychat_id="m1", contact_id=1)]


def delivery(**values: Any) -> Callable[[], Sequence[Any]]:
    """A delivery to the lab's target."""
    given = {"target": TARGET, "action": "card", "kind": "sync", "subject": "s", "dedupe_key": "k", "state": "pending"}
    return lambda: [filled(Target, name=TARGET), filled(Delivery, **given | values)]
