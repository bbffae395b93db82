"""Which order has ended which cart. The end is looked up by the person; the number of the cart is only one way to find them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from functions.carts.settings import CartSettings
from functions.carts.tables import Cart, ShopOrder
from shared.settings import settings_of
from shared.store.dialect import locked

COPY_WITHIN = timedelta(hours=24)
"""So long after an order a cart with nothing else in it is that order again: plugins send it under a new number."""
CLOCKS_DIFFER = timedelta(minutes=1)
"""A shop dates orders to the second, a plugin by its own clock or not at all: what comes so soon after is no newer cart."""
MOST = 200


def carts_of(session: Session, order: ShopOrder) -> list[Cart]:
    """The newest carts of whoever made this order, locked."""
    refs = [ref for ref in (order.cart_ref, order.other_ref) if ref]
    codes = sorted({code.upper() for code in order.codes or ()})
    ways = _same_person(Cart, order)
    ways += [and_(Cart.store == order.store, or_(Cart.cart_id.in_(refs), Cart.token.in_(refs)))] if refs else []
    ways += [Cart.discount_code.in_(codes), Cart.order_id == order.id] if codes else [Cart.order_id == order.id]
    query = select(Cart).where(or_(*ways)).order_by(Cart.changed_at.desc(), Cart.id.desc()).limit(MOST)
    return sorted(session.scalars(locked(query, Cart)), key=lambda cart: cart.id)


def orders_of(session: Session, cart: Cart) -> list[ShopOrder]:
    """The newest orders of whoever has this cart; those that are none yet are left out."""
    refs = [ref for ref in (cart.cart_id, cart.token) if ref]
    ways = _same_person(ShopOrder, cart)
    ways.append(and_(ShopOrder.store == cart.store, or_(ShopOrder.cart_ref.in_(refs), ShopOrder.other_ref.in_(refs))))
    ways += [ShopOrder.id == cart.order_id] if cart.order_id else []
    query = select(ShopOrder).where(or_(*ways), ShopOrder.placed_at.is_not(None))
    return list(session.scalars(query.order_by(ShopOrder.placed_at.desc(), ShopOrder.id.desc()).limit(MOST)))


def _same_person(model: Any, other: Cart | ShopOrder) -> list[ColumnElement[bool]]:
    ways: list[ColumnElement[bool]] = []
    if other.email:
        ways.append(model.email == other.email)
    if other.phone:
        ways.append(model.phone == other.phone)
    if other.customer_id:
        ways.append(and_(model.store == other.store, model.customer_id == other.customer_id))
    return ways


def covering(cart: Cart, orders: Iterable[ShopOrder]) -> ShopOrder | None:
    """The order by which a cart has ended as it stands: the first that was paid, else the first; None where none has."""
    days = timedelta(days=settings_of(CartSettings).carts_recovery_days)
    found = [order for order in orders if order.placed_at is not None and _covers(cart, order, order.placed_at, days)]
    return min(found, key=lambda order: (order.paid_at is None, order.placed_at, order.id), default=None)


def _covers(cart: Cart, order: ShopOrder, placed_at: datetime, days: timedelta) -> bool:
    """An order that names the cart covers it however old it is; one of the same person only if the cart is not too old."""
    if cart.changed_at > placed_at + CLOCKS_DIFFER:
        return _is_copy(cart, order, placed_at)
    is_named = order.store == cart.store and {cart.cart_id, cart.token} & ({order.cart_ref, order.other_ref} - {None})
    return bool(is_named) or placed_at - cart.changed_at <= days


def _is_copy(cart: Cart, order: ShopOrder, placed_at: datetime) -> bool:
    """Whether a cart that was changed after the order holds nothing but what was ordered."""
    lines = cart.items or []
    is_soon = cart.changed_at - placed_at <= COPY_WITHIN
    return bool(lines) and is_soon and all(_is_among(line, order.items or []) for line in lines)


def _is_among(line: Mapping[str, Any], ordered: Sequence[Mapping[str, Any]]) -> bool:
    return any(_same(line, other) and line.get("quantity", 1) <= other.get("quantity", 1) for other in ordered)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """By the variant where both name one, else by the product, else by the title."""
    for name in ("variant", "product"):
        if one.get(name) and other.get(name):
            return bool(one[name] == other[name])
    titles = [" ".join(str(line.get("title") or "").casefold().split()) for line in (one, other)]
    return bool(titles[0]) and titles[0] == titles[1]
