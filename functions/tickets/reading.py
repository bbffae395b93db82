"""What a reader has seen on a ticket: texts as they are printed. No reader decides what an amount or a date means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from shared.readers.signs import one_line

LONGEST = 300
MOST_LINES = 200
_TEXTS = (
    *("supplier", "address", "number", "day", "currency", "total", "subtotal", "tax", "tip", "discount"),
    *("paid", "change", "method"),
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a ticket; `amount` is that of the whole line, `price` that of one unit."""

    description: str | None = None
    quantity: str | None = None
    price: str | None = None
    amount: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What stands on a ticket, as printed; None is what was not seen.

    `tickets` is how many tickets the picture shows. `understood` holds what the reader itself made of a text (`total` and
    `day` in plain notation, `currency` as a code) and `unsure` the names of what it was not sure of: neither is proof, but a
    difference from our own reading is a doubt.
    """

    supplier: str | None = None
    address: str | None = None
    number: str | None = None
    day: str | None = None
    currency: str | None = None
    total: str | None = None
    subtotal: str | None = None
    tax: str | None = None
    tip: str | None = None
    discount: str | None = None
    paid: str | None = None
    change: str | None = None
    method: str | None = None
    lines: tuple[Line, ...] = ()
    tickets: int = 1
    understood: Mapping[str, str] = field(default_factory=dict)
    unsure: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as JSON; `from_json` makes the same reading of it."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A reading out of JSON, whoever wrote it: what is no text is left out, and texts are of one line and not endless."""
        texts = {name: text_of(value.get(name)) for name in _TEXTS}
        given = value.get("lines")
        lines = [_line(one) for one in given[:MOST_LINES] if isinstance(one, Mapping)] if isinstance(given, Sequence) else []
        understood, unsure, tickets = value.get("understood"), value.get("unsure"), value.get("tickets")
        return cls(
            **texts,
            lines=tuple(line for line in lines if line != Line()),
            tickets=tickets if isinstance(tickets, int) and not isinstance(tickets, bool) else 1,
            understood={str(key): str(one) for key, one in understood.items()} if isinstance(understood, Mapping) else {},
            unsure=tuple(map(str, unsure)) if isinstance(unsure, list | tuple) else (),
        )


def _line(value: Mapping[str, Any]) -> Line:
    return Line(**{name: text_of(value.get(name)) for name in ("description", "quantity", "price", "amount")})


def text_of(value: Any) -> str | None:
    """A text of one line, or a number as its text; None for nothing and for what is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return one_line(str(value))[:LONGEST].strip() or None
