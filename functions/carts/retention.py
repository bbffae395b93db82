"""How long carts and orders are kept."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, exists, select

from functions.carts.tables import Cart, CartMessage, ShopOrder
from shared.retention_rules import DaysOf, Rule

_DAYS = DaysOf("retention_cart_days")


def _message(before: datetime) -> ColumnElement[bool]:
    return CartMessage.cart_id.in_(select(Cart.id).where(Cart.updated_at < before))


def _cart(before: datetime) -> ColumnElement[bool]:
    return (Cart.updated_at < before) & ~exists().where(CartMessage.cart_id == Cart.id)


def _order(before: datetime) -> ColumnElement[bool]:
    return (ShopOrder.updated_at < before) & ~exists().where(Cart.order_id == ShopOrder.id)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "messages about carts": Rule(CartMessage, CartMessage.created_at, _DAYS, _message),
        "carts": Rule(Cart, Cart.created_at, _DAYS, _cart),
        "orders of shops": Rule(ShopOrder, ShopOrder.created_at, _DAYS, _order),
    }
)
