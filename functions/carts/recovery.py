"""Which order answers a series of mails. It counts as recovered once it is paid, and only if a mail had gone out before it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.carts import covering
from functions.carts.settings import CartSettings
from functions.carts.tables import Cart, CartMessage, ShopOrder
from shared.settings import settings_of
from shared.store.dialect import locked


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of a series (`series` is its enrolment) about a cart, which has gone out."""

    id: int
    series: int
    cart: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order that has been placed, and whether its money has come."""

    id: int
    at: datetime
    paid: bool


def answers(sent: Iterable[Sent], orders: Sequence[Ordered], within: timedelta) -> dict[int, Sent]:
    """For each order that answers a series, the last message before it.

    A series is answered by the first order that was paid, after its first message and not too long after its last one. An order
    that could answer several answers the newest. Depends on no order of its arguments.
    """
    of: dict[int, list[Sent]] = {}
    for one in sent:
        of.setdefault(one.series, []).append(one)
    found: dict[int, Sent] = {}
    for several in sorted(of.values(), key=lambda each: (min(one.at for one in each), each[0].series)):
        first, last = min(one.at for one in several), max(one.at for one in several)
        paid = [order for order in orders if order.paid and first < order.at <= last + within]
        if paid:
            order = min(paid, key=lambda one: (one.at, one.id))
            found[order.id] = max((one for one in several if one.at < order.at), key=lambda one: (one.at, one.id))
    return found


def attribute(session: Session, carts: Sequence[Cart]) -> None:
    """Note in the orders of whoever has these carts which series each answers; one of a test none. Twice is as once."""
    sent = _sent(session, [cart.id for cart in carts])
    orders = {order.id: order for cart in carts for order in covering.orders_of(session, cart)}
    if not orders:
        return
    rows = session.scalars(locked(select(ShopOrder).where(ShopOrder.id.in_(sorted(orders))).order_by(ShopOrder.id), ShopOrder))
    known = list(rows)
    placed = [
        Ordered(row.id, row.placed_at, row.paid_at is not None)
        for row in known
        if row.placed_at is not None and not row.of_test
    ]
    found = answers(sent, placed, timedelta(days=settings_of(CartSettings).carts_recovery_days))
    _note(known, found, {cart.id for cart in carts})


def _note(orders: Iterable[ShopOrder], found: Mapping[int, Sent], carts: Collection[int]) -> None:
    """An order that answers the series of another cart, which is not asked about here, stays as it is."""
    for row in orders:
        message = found.get(row.id)
        if message is not None or row.recovered_cart_id in carts:
            row.recovered_cart_id = message.cart if message else None
            row.recovered_message_id = message.id if message else None


def _sent(session: Session, carts: Sequence[int]) -> list[Sent]:
    query = select(CartMessage).where(CartMessage.cart_id.in_(carts), CartMessage.sent_at.is_not(None))
    return [Sent(row.id, row.enrolment_id, row.cart_id, row.sent_at) for row in session.scalars(query) if row.sent_at]
