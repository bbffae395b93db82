"""The amounts of carts and orders: exact, and never the number of one currency beside the sign of another."""

from collections.abc import Sequence
from decimal import Decimal

from functions.carts.payloads import Item, Pair
from shared.money import LARGEST, Money
from shared.readers import UnreadableError


def read(written: Pair | None, *, exact: bool) -> Money | None:
    """The amount; None where there is none, or where it cannot be read in one way. `exact`: a program has written it."""
    if written is None:
        return None
    try:
        return Money.read(written[0], written[1], source="json" if exact else None)
    except UnreadableError:
        return None


def of_line(item: Item, written: Pair | None, *, exact: bool) -> Money | None:
    """What a line amounts to. `129.00/3` is the price of one out of three, whose line costs 129.00."""
    if written is None:
        return None
    whole, _slash, parts = written[0].partition("/")
    found = read((whole, written[1]), exact=exact)
    if found is None:
        return None
    times = Decimal(item.quantity) / Decimal(parts) if parts else Decimal(item.quantity)
    try:
        return Money.of(found.amount * times, found.currency)
    except UnreadableError:
        return None


def total(items: Sequence[Item], given: Pair | None, *, of_shown: bool, exact: bool) -> Money | None:
    """What a cart amounts to, out of its lines; what it says itself where the lines say nothing.

    None where a line cannot be read, or where lines are in several currencies.
    """
    written = [item.shown if of_shown else item.book for item in items if item.quantity]
    if not any(written):
        return read(given, exact=exact)
    found = [of_line(item, item.shown if of_shown else item.book, exact=exact) for item in items if item.quantity]
    if None in found:
        return None
    known = [one for one in found if one is not None]
    if len({one.currency for one in known}) != 1:
        return None
    try:
        return Money.of(sum((one.amount for one in known), Decimal(0)), known[0].currency)
    except UnreadableError:
        return None


def net(whole: Money | None, refunded: Sequence[str]) -> Money | None:
    """What is left of an order's total once what went back is taken off; WooCommerce writes that below zero."""
    if whole is None:
        return None
    back = sum((_size(text) for text in refunded), Decimal(0))
    try:
        return Money.of(max(whole.amount - back, Decimal(0)), whole.currency)
    except UnreadableError:
        return None


def _size(text: str) -> Decimal:
    try:
        found = abs(Decimal(text))
    except ArithmeticError:
        return Decimal(0)
    return found if found.is_finite() and found < LARGEST else Decimal(0)


def shown(money: Money) -> str:
    """An amount as mails say it: EUR 1,184.00."""
    digits = max(-int(money.amount.as_tuple().exponent), 0)
    return f"{money.currency} {money.amount:,.{digits}f}"
