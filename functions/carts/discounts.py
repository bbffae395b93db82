"""A discount code for a cart: made in its shop, once, when the first mail has gone out; or one that the settings give.

A mail names no code rather than one that does not exist.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from functions.carts import shopify_api, woocommerce_api
from functions.carts.flow import SHOPIFY, WOOCOMMERCE
from functions.carts.settings import CartSettings
from shared import clock
from shared.errors import PermanentError
from shared.outbox.one_time_effect import OneTimeEffect
from shared.settings import settings_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.carts.tables import Cart

SIGNS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that reads as another
TRIES = 5


def request(session: Session, cart: Cart) -> None:
    """Have a code made for the cart, once; nothing where none is wanted, or the shop's API is not set up."""
    settings, effect = settings_of(CartSettings), EFFECTS.get(cart.store)
    if effect is None or not settings.carts_make_discounts or settings.discount_code or cart.discount_seed is not None:
        return
    if effect.is_used():
        cart.discount_seed = secrets.token_hex(16)
        cart.discount_until = clock.now() + timedelta(days=settings.carts_discount_days)
        session.flush()
        effect.request(session, cart)


def code_of(seed: str, number: int, percent: int) -> str:
    """The code that is tried as the `number`-th for this seed: `CART10-K7Q2XM`. The same seed gives the same codes."""
    digest = hashlib.sha256(f"{seed}:{number}".encode()).digest()
    return f"CART{percent}-" + "".join(SIGNS[byte % len(SIGNS)] for byte in digest[:6])


def _made(cart: Cart, make: Callable[..., bool]) -> Mapping[str, Any]:
    """Make the first code that nobody else has. Again after a lost answer, it finds the one that it has made."""
    if cart.discount_seed is None or cart.discount_until is None:
        raise PermanentError("no-seed", "nobody has asked for a code for this cart")
    percent = settings_of(CartSettings).discount_percent
    title = f"Carrito {cart.id} {cart.discount_seed[:8]}"
    for number in range(TRIES):
        code = code_of(cart.discount_seed, number, percent)
        if make(code, title, percent, clock.now(), cart.discount_until):
            return {"discount_code": code}
    raise PermanentError("codes-taken", f"{TRIES} codes in a row were taken")


def in_shopify(cart: Cart) -> Mapping[str, Any]:
    """Make a code in Shopify. Raises PuenteError."""
    return _made(cart, shopify_api.make)


def in_woocommerce(cart: Cart) -> Mapping[str, Any]:
    """Make a coupon in WooCommerce. Raises PuenteError."""
    return _made(cart, woocommerce_api.make)


def notify_journey(session: Session, subject: str) -> None:
    """The mails that are still to come name the code."""
    from functions.carts import series

    cart = IN_SHOPIFY.model()
    row = session.get(cart, IN_SHOPIFY.key_of(subject))
    if row is not None and row.email:
        session.refresh(row)
        series.change(session, row, clock.now())


IN_SHOPIFY = OneTimeEffect(
    target=shopify_api.TARGET,
    name="discount",
    table="functions.carts.tables:Cart",
    subject_prefix="cart:",
    do=in_shopify,
    keep=("discount_code",),
    then=notify_journey,
    harmless_to_repeat=True,
    is_used=shopify_api.SHOPIFY_API.is_used,
)
IN_WOOCOMMERCE = replace(
    IN_SHOPIFY, target=woocommerce_api.TARGET, do=in_woocommerce, is_used=woocommerce_api.WOOCOMMERCE_API.is_used
)
EFFECTS = {SHOPIFY: IN_SHOPIFY, WOOCOMMERCE: IN_WOOCOMMERCE}
