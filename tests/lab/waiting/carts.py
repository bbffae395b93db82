"""The places of functions/carts that lock rows, and how somebody comes by them."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy.orm import Session

from functions.carts import covering, recovery, wishes
from functions.carts import outcomes as cart_outcomes
from functions.carts import services as cart_services
from functions.carts.payloads import CartReport, OrderReport
from functions.carts.tables import Cart, CartMessage, ShopOrder, ShopWish
from shared import clock
from shared.store.journey_models import Enrolment, JourneyVersion
from tests.lab.rows import ANA, Wait, filled, one

ORDER: Any = SimpleNamespace(
    id=1, store="shop", cart_ref=None, other_ref=None, codes=[], email=ANA, phone=None, customer_id=None
)


ORDER_REPORT = OrderReport(store="shop", order_id="1", status="paid", ends=True)


def cart_and_order() -> Sequence[Any]:
    """A cart, and an order of the same address."""
    order = filled(ShopOrder, store="shop", order_id="1", email=ANA, placed_at=clock.now())
    return [order, filled(Cart, store="shop", cart_id="c-1", email=ANA, order_id=None)]


def message_about_a_cart() -> Sequence[Any]:
    """A message of a series, and the series."""
    series = [filled(JourneyVersion, journey="j"), filled(Enrolment, journey="j", version_id=1, person="p", data={"cart": 1})]
    return [*series, filled(Cart, order_id=None), filled(CartMessage, cart_id=1, delivery_id=5, enrolment_id=1)]


def note_about_a_cart(session: Session) -> None:
    """The message is reported as delivered."""
    outcome: Any = SimpleNamespace(word="delivered", channel="email", delivery_id=5, at=clock.now(), reason=None)
    cart_outcomes.note(session, {"enrolment": 1, "step": "mail_1"}, outcome)


WAITS = {
    "functions.carts.covering:carts_of": Wait(
        Cart,
        one(Cart, store="shop", cart_id="c-1", email=ANA, order_id=None),
        lambda session: covering.carts_of(session, ORDER),
    ),
    "functions.carts.outcomes:note": Wait(CartMessage, message_about_a_cart, note_about_a_cart),
    "functions.carts.recovery:attribute": Wait(
        ShopOrder, cart_and_order, lambda session: recovery.attribute(session, [session.get_one(Cart, 1)])
    ),
    "functions.carts.services:_locked_cart": Wait(
        Cart,
        one(Cart, store="shop", cart_id="c-1", order_id=None),
        lambda session: cart_services._locked_cart(session, CartReport(store="shop", cart_id="c-1"), clock.now()),
    ),
    "functions.carts.services:_locked_order": Wait(
        ShopOrder,
        one(ShopOrder, store="shop", order_id="1"),
        lambda session: cart_services._locked_order(session, ORDER_REPORT),
    ),
    "functions.carts.wishes:_fulfilled": Wait(
        ShopWish,
        one(ShopWish, store="shopify", topic="customers/redact", state="done"),
        lambda session: wishes._fulfilled(session, 1),
    ),
}
