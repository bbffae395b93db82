"""What a ticket says, and what of it is doubtful: numbers and dates are proven by sums and plausibility, else asked. Pure.

The same reading with the same answers is judged the same, so it may be judged anew after each answer of the sender.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from functions.tickets import figures
from functions.tickets.reading import Line, Reading
from shared.readers import UnreadableError, dates, money
from shared.readers.nothing import FieldKind, is_nothing

type About = Literal["supplier", "day", "currency", "total", "tickets"]
NEEDED: tuple[About, ...] = ("currency", "total", "day", "supplier")  # in the order in which they are asked
MOST_TAX = Decimal("0.5")  # of the total


@dataclass(frozen=True, kw_only=True)
class Rules:
    """By what tickets are judged. `today` is the company's day; `order` that of day and month where it is."""

    today: date
    currency: str
    order: dates.Order = "DMY"
    plausible_up_to: Mapping[str, Decimal] = field(default_factory=dict)
    oldest: timedelta = timedelta(days=365)
    asks_unproven: bool = True


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """What has to be asked, with the readings to choose from in plain notation; none where nothing could be read."""

    about: About
    readings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the row."""
        return {"about": self.about, "readings": list(self.readings)}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What is known of a ticket. `notes` are codes of what is odd and need not be asked; `proofs` say why each is believed."""

    supplier: str | None = None
    day: date | None = None
    currency: str | None = None
    total: Decimal | None = None
    subtotal: Decimal | None = None
    tax: Decimal | None = None
    tip: Decimal | None = None
    items: tuple[dict[str, Any], ...] = ()
    doubts: tuple[Doubt, ...] = ()
    notes: tuple[str, ...] = ()
    proofs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Found[T]:
    """A value with why it is believed, or a doubt in its place."""

    value: T | None = None
    proof: str = ""
    doubt: Doubt | None = None


def judge(reading: Reading, answers: Mapping[str, str], rules: Rules) -> Judgement:
    """What the ticket says. `answers` are a person's, in plain notation, by what they are about: they need no proof."""
    currency = _currency(reading, answers, rules)
    numbers = figures.read(reading, currency.value) if currency.value else figures.Figures()
    total = _total(reading, answers, numbers, currency.value, rules)
    day, supplier = _day(reading, answers, currency.value, rules), _supplier(reading, answers)
    several = Doubt(about="tickets") if reading.tickets > 1 and "tickets" not in answers else None
    found: dict[About, _Found[Any]] = {"currency": currency, "total": total, "day": day, "supplier": supplier}
    doubts = [doubt for name in NEEDED if (doubt := found[name].doubt) is not None]
    more = _more(numbers, total.value, currency.value) if currency.value else {}
    return Judgement(
        supplier=supplier.value,
        day=day.value,
        currency=currency.value,
        total=total.value,
        **more,
        items=tuple(_item(number, line, currency.value) for number, line in enumerate(reading.lines, 1)),
        doubts=tuple(doubts) if several is None else (several, *doubts),
        notes=_notes(numbers, total, currency.value, more.get("tax")),
        proofs={name: each.proof for name, each in found.items() if each.proof},
    )


def _currency(reading: Reading, answers: Mapping[str, str], rules: Rules) -> _Found[str]:
    """The one currency that all signs may stand for. `$` and "pesos" are the company's own where that is one of them."""
    if "currency" in answers:
        return _Found(answers["currency"], "answered")
    printed = [reading.currency, *(sign for text in (reading.total, reading.subtotal) for sign in money.signs_of(text or ""))]
    sets = [found for text in printed if text and (found := money.currencies_of(text))]
    if not sets:
        unknown = reading.currency is not None and not is_nothing(reading.currency, FieldKind.LABEL)
        return _Found(doubt=Doubt(about="currency")) if unknown else _Found(rules.currency, "company")
    possible = frozenset.intersection(*sets)
    chosen = next(iter(possible)) if len(possible) == 1 else rules.currency if rules.currency in possible else None
    if chosen is None:
        return _Found(doubt=Doubt(about="currency", readings=tuple(sorted(possible)[:4])))
    return _Found(chosen, "printed" if len(possible) == 1 else "company")


def _total(
    reading: Reading, answers: Mapping[str, str], numbers: figures.Figures, currency: str | None, rules: Rules
) -> _Found[Decimal]:
    if currency is None:
        return _Found()  # the currency is asked first, and decides how its amounts are written
    if "total" in answers:
        return _Found(Decimal(answers["total"]), "answered")
    proof = figures.prove(numbers, currency)
    found = proof.totals or tuple(numbers.total)
    if len(found) == 1 and _is_sound(found[0], reading, currency, rules):
        if proof.totals:
            return _Found(found[0], "sums")
        if not (proof.was_checked or rules.asks_unproven):
            return _Found(found[0], "form")
    return _Found(doubt=Doubt(about="total", readings=tuple(money.text(one) for one in found)))


def _is_sound(total: Decimal, reading: Reading, currency: str, rules: Rules) -> bool:
    """Whether nothing beside the sums speaks against a total."""
    is_sure = "total" not in reading.unsure and not _differs(reading, "total", money.text(total))
    return is_sure and total >= 0 and _is_plausible(total, currency, rules)


def _is_plausible(total: Decimal, currency: str, rules: Rules) -> bool:
    most = rules.plausible_up_to.get(currency)
    return most is None or total <= most


def _differs(reading: Reading, name: str, ours: str) -> bool:
    """Whether the reader understood something else than we do."""
    theirs = reading.understood.get(name)
    if theirs is None:
        return False
    if name != "total":
        return theirs != ours
    try:
        return Decimal(theirs) != Decimal(ours)
    except ArithmeticError:
        return True


def _day(reading: Reading, answers: Mapping[str, str], currency: str | None, rules: Rules) -> _Found[date]:
    """The day. What lies in the future or far back loses; the local order decides where the ticket is in local money."""
    if "day" in answers:
        return _Found(date.fromisoformat(answers["day"]), "answered")
    try:
        found = dates.day_readings(reading.day, order=rules.order)
    except UnreadableError:
        return _Found(doubt=Doubt(about="day"))
    possible = [day for day in found if rules.today - rules.oldest <= day <= rules.today + timedelta(days=1)]
    doubt = Doubt(about="day", readings=tuple(day.isoformat() for day in possible or found))
    if not possible or _differs(reading, "day", possible[0].isoformat()) or "day" in reading.unsure:
        return _Found(doubt=doubt)
    if len(possible) > 1 and (currency != rules.currency or possible[0] != found[0]):
        return _Found(doubt=doubt)
    return _Found(possible[0], "form" if len(found) == 1 else "plausible" if len(possible) == 1 else "order")


def _supplier(reading: Reading, answers: Mapping[str, str]) -> _Found[str]:
    if "supplier" in answers:
        return _Found(answers["supplier"], "answered")
    if reading.supplier is None or is_nothing(reading.supplier, FieldKind.LABEL):
        return _Found(doubt=Doubt(about="supplier"))
    if "supplier" in reading.unsure:
        return _Found(doubt=Doubt(about="supplier", readings=(reading.supplier,)))
    return _Found(reading.supplier, "printed")


def _more(numbers: figures.Figures, total: Decimal | None, currency: str | None) -> dict[str, Decimal | None]:
    """What need not be known: where it stays open it is left out. A tax of more than half the total is none."""
    if total is None or currency is None:
        return {}
    names = ("subtotal", "tax", "tip")
    found = {name: figures.settled(getattr(numbers, name), total, numbers, currency, name) for name in names}
    tax = found["tax"]
    return found | {"tax": tax if tax is not None and 0 <= tax <= total * MOST_TAX else None}


def _notes(numbers: figures.Figures, total: _Found[Decimal], currency: str | None, tax: Decimal | None) -> tuple[str, ...]:
    notes = [f"{name}-unreadable" for name in numbers.unread if name != "total"]
    if numbers.tax and tax is None and total.value is not None:
        notes.append("tax-left-out")
    if currency is not None and total.value is not None and numbers.lines:
        alone = figures.Figures(
            total=(total.value,), tax=numbers.tax, tip=numbers.tip, discount=numbers.discount, lines=numbers.lines
        )
        if not figures.prove(alone, currency).totals:
            notes.append("items-do-not-add-up")
    return tuple(notes)


def _item(number: int, line: Line, currency: str | None) -> dict[str, Any]:
    """A line for the document: without a description it is "Item n", without a quantity it is one."""
    amounts = figures.line_amounts(line, currency) if currency else figures.LineAmounts(quantity=None, price=None, amount=None)
    quantity = amounts.quantity if amounts.quantity is not None else Decimal(1) if line.quantity is None else None
    price = amounts.price if amounts.price is not None or line.price is not None else amounts.amount
    return {
        "description": line.description or f"Item {number}",
        "quantity": _text(quantity),
        "price": _text(price),
        "amount": _text(amounts.amount),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else money.text(value)
