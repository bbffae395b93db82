"""The arithmetic of a ticket: which reading of its numbers adds up. Pure.

A printed `1.250` may be a thousand and more, or one and a quarter. Nobody's habit decides that, but the ticket's own sums:

    the lines' amounts, with or without tax and tip, without the discount     = total
    subtotal + tax, with or without tip, without the discount                 = total
    paid - change                                                             = total
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from functions.tickets.reading import Line, Reading
from shared.readers import UnreadableError, money

MOST_SUMS = 5000  # with more than so many possible sums of the lines, they prove nothing


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Each number of a ticket with all that it may mean; no value where it is not printed or cannot be read.

    `lines` is None where the amount of a line is missing: then the lines prove nothing. `unread` names what is printed and no
    number.
    """

    total: Sequence[Decimal] = ()
    subtotal: Sequence[Decimal] = ()
    tax: Sequence[Decimal] = ()
    tip: Sequence[Decimal] = ()
    discount: Sequence[Decimal] = ()
    paid: Sequence[Decimal] = ()
    change: Sequence[Decimal] = ()
    lines: Sequence[Sequence[Decimal]] | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the sums say of a total: the readings that they prove, and whether there was anything to prove it by."""

    totals: tuple[Decimal, ...]
    was_checked: bool


@dataclass(frozen=True, kw_only=True)
class LineAmounts:
    """A line in numbers; None is what is not printed, or stays open."""

    quantity: Decimal | None
    price: Decimal | None
    amount: Decimal | None


def read(reading: Reading, currency: str) -> Figures:
    """The numbers of a ticket in that currency."""
    found, unread = {}, []
    for name in ("total", "subtotal", "tax", "tip", "discount", "paid", "change"):
        text = getattr(reading, name)
        found[name] = _readings(text, currency)
        if text is not None and not found[name]:
            unread.append(name)
    lines = [amounts_of(line, currency) for line in reading.lines]
    known = lines if lines and all(lines) else None
    return Figures(**found, lines=known, unread=tuple(unread))


def _readings(text: str | None, currency: str, *, per_unit: bool = False) -> tuple[Decimal, ...]:
    if text is None:
        return ()
    try:
        return tuple(dict.fromkeys(money.readings(text, currency, per_unit=per_unit)))
    except UnreadableError:
        return ()


def amounts_of(line: Line, currency: str) -> tuple[Decimal, ...]:
    """What the amount of a line may be. Where quantity and price are printed too, those that are their product come alone."""
    printed, products = _readings(line.amount, currency), _products(line, currency)
    if printed:
        return tuple(one for one in printed if _is_near(one, products, currency)) or printed
    return products or (_readings(line.price, currency) if line.quantity is None else ())


def _products(line: Line, currency: str) -> tuple[Decimal, ...]:
    unit = Decimal(1).scaleb(-money.decimals(currency))
    quantities, prices = _quantities(line.quantity, currency), _readings(line.price, currency, per_unit=True)
    return tuple(dict.fromkeys((quantity * price).quantize(unit) for quantity, price in product(quantities, prices)))


def _quantities(text: str | None, currency: str) -> tuple[Decimal, ...]:
    """What a quantity may be ("3 pzas", "3,499"), which may be a part of a unit."""
    found = _readings(text, currency, per_unit=True)
    if found or text is None:
        return found
    try:
        return (money.read_count(text, whole=False),)
    except UnreadableError:
        return ()


def _is_near(amount: Decimal, others: Iterable[Decimal], currency: str) -> bool:
    tolerance = Decimal(1).scaleb(-money.decimals(currency))
    return any(abs(amount - other) <= tolerance for other in others)


def line_amounts(line: Line, currency: str) -> LineAmounts:
    """The one reading of a line that its own product proves; else what of it has one reading."""
    amounts, quantities = amounts_of(line, currency), _quantities(line.quantity, currency)
    prices = _readings(line.price, currency, per_unit=True)
    fits = [
        (quantity, price, amount)
        for quantity, price, amount in product(quantities, prices, amounts)
        if _is_near(quantity * price, (amount,), currency)
    ]
    if len(fits) == 1:
        quantity, price, amount = fits[0]
        return LineAmounts(quantity=quantity, price=price, amount=amount)
    return LineAmounts(quantity=single(quantities), price=single(prices), amount=single(amounts))


def single(readings: Sequence[Decimal]) -> Decimal | None:
    """The one reading; None where there is none or several."""
    return readings[0] if len(readings) == 1 else None


def prove(figures: Figures, currency: str) -> Proof:
    """Which readings of the total the ticket's sums prove. Off by the currency's smallest unit is as good: sums are rounded."""
    sums = [*_of_lines(figures), *_of_subtotal(figures), *_of_payment(figures)]
    proven = tuple(total for total in figures.total if _is_near(total, sums, currency))
    return Proof(totals=proven, was_checked=bool(sums))


def _of_lines(figures: Figures) -> set[Decimal]:
    lines = sums_of(figures.lines or ())
    if not lines:
        return set()
    return _with(lines, (figures.tax, figures.tip), figures.discount)


def _of_subtotal(figures: Figures) -> set[Decimal]:
    """A subtotal alone proves nothing: without tax it would be the total over again."""
    if not figures.subtotal or not (figures.tax or figures.tip or figures.discount):
        return set()
    bases = {subtotal + tax for subtotal, tax in product(figures.subtotal, figures.tax or (Decimal(),))}
    return _with(bases, (figures.tip,), figures.discount)


def _of_payment(figures: Figures) -> set[Decimal]:
    return {paid - change for paid, change in product(figures.paid, figures.change)}


def _with(bases: Iterable[Decimal], added: Sequence[Sequence[Decimal]], discount: Sequence[Decimal]) -> set[Decimal]:
    """The bases with and without each of these; a discount is printed with a minus or without."""
    parts = [(Decimal(), *some) for some in added] + [(Decimal(), *(-abs(one) for one in discount))]
    return {base + sum(choice) for base in bases for choice in product(*parts)}


def sums_of(lines: Sequence[Sequence[Decimal]]) -> set[Decimal]:
    """Everything that the lines may add up to; nothing where that is too much to prove anything."""
    sums = {Decimal()} if lines else set()
    for readings in lines:
        sums = {before + one for before in sums for one in readings}
        if len(sums) > MOST_SUMS:
            return set()
    return sums


def settled(readings: Sequence[Decimal], total: Decimal, figures: Figures, currency: str, name: str) -> Decimal | None:
    """Which reading of a further number (`tax`, `subtotal`, `tip`) goes with that total; None where that stays open."""
    if len(readings) <= 1:
        return single(readings)
    fits = [one for one in readings if total in prove(_only(figures, name, one, total), currency).totals]
    return single(fits)


def _only(figures: Figures, name: str, value: Decimal, total: Decimal) -> Figures:
    kept = {each: getattr(figures, each) for each in ("subtotal", "tax", "tip", "discount")}
    return Figures(**kept | {name: (value,), "total": (total,)})
