"""Shops report carts and orders; whoever left a cart is reminded of it.

POST /api/v1/carts/shopify, signed by Shopify: checkouts, orders, wishes about somebody's data
POST /api/v1/carts/woocommerce, signed by WooCommerce: orders
POST /api/v1/carts/events and /api/v1/carts/orders, with an API key: carts and orders of plugins and other shops
POST /api/v1/executions/webhook/{namespace}/abandoned_cart_recovery/{key}, as the replaced flow had it: any of these
  -> events-queue
  -> carts, shop_orders, shop_wishes; the journey cart_recovery
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import azure.functions as func

from functions.carts.flow import SHOPIFY, WOOCOMMERCE
from shared.intake.endpoint import EVENTS_QUEUE, accepting
from shared.intake.inbox import Event, Handler
from shared.intake.webhook import Sender, Webhook, by_key_in_address
from shared.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.carts.payloads import CartReport, OrderReport, PrivacyWish, ShopNotice

bp = func.Blueprint()
SENDER = "carts"
CART_REPORT, ORDER_REPORT = "functions.carts.payloads:CartReport", "functions.carts.payloads:OrderReport"
SHOP_NOTICE, PRIVACY_WISH = "functions.carts.payloads:ShopNotice", "functions.carts.payloads:PrivacyWish"


def apply_cart(session: Session, event: Event[CartReport]) -> str:
    """Take in how a cart stands: "applied", or "stale" where newer reports say it all."""
    from functions.carts import services

    return services.take_cart(session, event.payload, event.payload.at or event.envelope.time, event.key)


def apply_order(session: Session, event: Event[OrderReport]) -> str:
    """Take in how an order stands: "applied", or "stale" where newer reports say it all."""
    from functions.carts import services

    return services.take_order(session, event.payload, event.payload.at or event.envelope.time, event.key)


def apply_wish(session: Session, event: Event[PrivacyWish]) -> str:
    """Take in a wish about somebody's data: "kept" until the engine's job fulfils it, or "asked" where operators answer it."""
    from functions.carts import wishes

    return wishes.take(session, event.payload, event.key)


def apply_notice(session: Session, event: Event[ShopNotice]) -> str:
    """Take in what is neither: "ignored", or "alerted" where the shop could not read its own order."""
    from functions.carts import services

    return services.take_notice(session, event.payload)


def by_key(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """The caller has a key with the scope `webhook:carts`, in the header or in the address. Raises RefusedError."""
    return by_key_in_address(request, raw, settings, sender=SENDER)


def by_kind(_request: func.HttpRequest, data: dict[str, Any]) -> Webhook | None:
    """A shop sends several kinds of events to one address."""
    if "what" in data or "topic" in data:
        return NOTICE if "what" in data else WISH
    return (ORDERS_OF if "order_id" in data else CARTS_OF).get(str(data.get("store")) if data.get("exact") else SENDER)


CART = Webhook(
    name="carts.cart",
    queue=EVENTS_QUEUE,
    payload=CART_REPORT,
    authenticate=by_key,
    read="functions.carts.plain:read_cart",
    variant=by_kind,
)
ORDER = Webhook(
    name="carts.order", queue=EVENTS_QUEUE, payload=ORDER_REPORT, authenticate=by_key, read="functions.carts.plain:read_order"
)
NOTICE = Webhook(name="carts.notice", queue=EVENTS_QUEUE, payload=SHOP_NOTICE, authenticate=by_key)
CHECKOUT = Webhook(
    name="shopify.checkout",
    queue=EVENTS_QUEUE,
    payload=CART_REPORT,
    authenticate="functions.carts.shopify:signed",
    read="functions.carts.shopify:read",
    variant=by_kind,
)
SHOPIFY_ORDER = replace(CHECKOUT, name="shopify.order", payload=ORDER_REPORT)
WISH = replace(CHECKOUT, name="shopify.privacy", payload=PRIVACY_WISH)
WOOCOMMERCE_ORDER = Webhook(
    name="woocommerce.order",
    queue=EVENTS_QUEUE,
    payload=ORDER_REPORT,
    authenticate="functions.carts.woocommerce:signed",
    read="functions.carts.woocommerce:read",
    variant=by_kind,
)
CARTS_OF = {SENDER: CART, SHOPIFY: CHECKOUT}
ORDERS_OF = {SENDER: ORDER, SHOPIFY: SHOPIFY_ORDER, WOOCOMMERCE: WOOCOMMERCE_ORDER}
CARTS: Handler[Any] = Handler(queue=EVENTS_QUEUE, payload=CART_REPORT, apply=apply_cart)
ORDERS: Handler[Any] = Handler(queue=EVENTS_QUEUE, payload=ORDER_REPORT, apply=apply_order)
WISHES: Handler[Any] = Handler(queue=EVENTS_QUEUE, payload=PRIVACY_WISH, apply=apply_wish)
NOTICES: Handler[Any] = Handler(queue=EVENTS_QUEUE, payload=SHOP_NOTICE, apply=apply_notice)


async def accept_woocommerce(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take in what WooCommerce sends; the form by which it tries an address is answered with exactly 200, and not kept."""
    from functions.carts import woocommerce

    if woocommerce.is_ping(req.get_body()):
        return func.HttpResponse("ok", status_code=200, mimetype="text/plain")
    return await WOOCOMMERCE_ORDER.accept(req, message)


async def accept_old(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take in what comes to the replaced flow's address, by whom it says that it is from; each checks its own sender."""
    from functions.carts import woocommerce

    names = {name.lower() for name in req.headers}
    if "x-shopify-hmac-sha256" in names:
        return await CHECKOUT.accept(req, message)
    if "x-wc-webhook-signature" in names or woocommerce.is_ping(req.get_body()):
        return await accept_woocommerce(req, message)
    return await CART.accept(req, message)


OLD_ID = "abandoned_cart_recovery"
OLD_ROUTE = f"api/v1/executions/webhook/{{namespace}}/{OLD_ID}/{{key?}}"
TAKEN = {200: "WooCommerce's form by which it tries the address; it is not kept", 202: "Taken"}
ALL = (ORDER, CHECKOUT, SHOPIFY_ORDER, WISH, WOOCOMMERCE_ORDER)
accepting(bp, "carts_cart_webhook", "api/v1/carts/events", CART, also=(ORDER,))
accepting(bp, "carts_order_webhook", "api/v1/carts/orders", ORDER)
accepting(bp, "carts_shopify_webhook", "api/v1/carts/shopify", CHECKOUT, also=(SHOPIFY_ORDER, WISH, NOTICE))
accepting(
    bp, "carts_woocommerce_webhook", "api/v1/carts/woocommerce", WOOCOMMERCE_ORDER, accept_woocommerce, TAKEN, also=(NOTICE,)
)
accepting(bp, "carts_old_webhook", OLD_ROUTE, CART, accept_old, TAKEN, also=ALL)
BY_HAND = {OLD_ID: CART}
"""A cart may be given by hand as the inputs, and an order, where the inputs have an `order_id`."""
