"""Figures of a day: the carts whose first reminder went out on it, and how many of these were bought and paid for after one."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from functions.carts import results
from functions.carts.tables import CartMessage, ShopOrder
from shared.watch.day_figures import Figure

REMINDED, RECOVERED = "cart-reminded", "cart-recovered"


def of_carts(session: Session, since: datetime, until: datetime) -> Iterator[Figure]:
    """Both of the same carts, so that one is a share of the other, whenever the order came. Carts are counted, not messages."""
    of_day = (CartMessage.sent_at >= since, CartMessage.sent_at < until, results.of_no_test())
    begun = select(CartMessage.cart_id).where(*of_day).distinct().subquery()
    before = exists().where(CartMessage.cart_id == begun.c.cart_id, CartMessage.sent_at < since, results.of_no_test())
    first = select(begun.c.cart_id).where(~before)
    paid = exists().where(ShopOrder.recovered_cart_id == begun.c.cart_id, ShopOrder.paid_at.is_not(None))
    for name, query in ((REMINDED, first), (RECOVERED, first.where(paid))):
        yield Figure(name=name, number=session.scalar(select(func.count()).select_from(query.subquery())) or 0)
