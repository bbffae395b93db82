"""Reads Shopify's webhooks. Light: no SQL and no client.

The signature covers the body alone: topic, shop and ids are headers that anybody may write who has once seen a signed body.
So the body itself must be what the topic says.
"""

from collections.abc import Mapping
from typing import Any

import azure.functions as func

from functions.carts import plain
from functions.carts.flow import SHOPIFY
from functions.carts.payloads import Pair, first, lines_of, link, mapping, objects, pair, text, without_nothing
from functions.carts.settings import CartSettings
from shared.errors import RefusedError
from shared.intake import signatures
from shared.intake.webhook import SIGNED, Sender, by_key_in_address, json_object
from shared.settings import Settings, settings_of

CHECKOUT, ORDER, OTHER = "checkout", "order", "other"
DATA_REQUEST, REDACT, SHOP_REDACT = "customers/data_request", "customers/redact", "shop/redact"
PRIVACY = frozenset({DATA_REQUEST, REDACT, SHOP_REDACT})
COUNTED = frozenset({"paid", "partially_refunded"})


def signed(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """Shopify has signed the body; where no secret is set, the caller has a key with the scope `webhook:shopify`.

    Raises:
        RefusedError: 401, or 403, the key may not.
    """
    secrets = settings_of(CartSettings, settings).shopify_webhook_secrets
    if not secrets:
        return by_key_in_address(request, raw, settings, sender=SHOPIFY)
    signatures.shopify(request.headers, raw, secrets)
    return SIGNED


def read(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The data of a checkout, an order, or a wish about somebody's data. Raises RefusedError: 415, 400, 422."""
    body, headers = json_object(request, raw), {name.lower(): value for name, value in request.headers.items()}
    topic = headers.get("x-shopify-topic", "").strip().lower()
    shape = shape_of(body)
    _same_shop(headers, body)
    if topic and _wanted(topic) != shape:
        if _wanted(topic) == OTHER:
            return {"store": SHOPIFY, "what": "ignored", "detail": topic[:300]}
        raise RefusedError(422, "wrong-topic", "The body is not what its topic says.")
    if shape == OTHER:
        return {"store": SHOPIFY, "what": "ignored", "detail": topic[:300]}
    if shape in PRIVACY:
        return wish_of(body, shape)
    data = checkout_of(body) if shape == CHECKOUT else order_of(body)
    data.setdefault("at", headers.get("x-shopify-triggered-at"))
    number = headers.get("x-shopify-webhook-id", "").strip()
    return without_nothing(data | {"delivery": f"shopify:{topic}:{number}"[:128] if topic and number else None})


def shape_of(body: Mapping[str, Any]) -> str:
    """What a body is, by its own members."""
    if "line_items" in body and "financial_status" in body:
        return ORDER
    if "line_items" in body and "token" in body and "abandoned_checkout_url" in body:
        return CHECKOUT
    if text(body.get("shop_domain")) is None or text(body.get("shop_id")) is None:
        return OTHER
    names = set(body) - {"shop_id", "shop_domain"}
    if names == {"customer", "orders_requested", "data_request"}:
        return DATA_REQUEST
    if names == {"customer", "orders_to_redact"}:
        return REDACT
    return SHOP_REDACT if not names else OTHER


def _wanted(topic: str) -> str:
    if topic in PRIVACY:
        return topic
    if topic in ("checkouts/create", "checkouts/update"):
        return CHECKOUT
    return ORDER if topic.startswith("orders/") and topic not in ("orders/delete", "orders/edited") else OTHER


def _same_shop(headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
    ours = settings_of(CartSettings).shopify_shop
    named = {headers.get("x-shopify-shop-domain"), text(body.get("shop_domain"))} - {None, ""}
    if ours and any(str(name).lower() != ours for name in named):
        raise RefusedError(422, "other-shop", "This is about another shop than SHOPIFY_SHOP.")


def checkout_of(body: dict[str, Any]) -> dict[str, Any]:
    """A checkout's body as `CartReport` takes it. The key is its token, which the order will name."""
    customer, address = mapping(body.get("customer")), mapping(body.get("shipping_address") or body.get("billing_address"))
    lines = lines_of(body.get("line_items"))
    currency = plain.one_currency(body.get("currency"), body.get("presentment_currency"))
    return without_nothing(
        {
            "store": SHOPIFY,
            "exact": True,
            "cart_id": first(body, "token", "id"),
            "alias": first(body, "cart_token"),
            "at": first(body, "updated_at", "created_at"),
            "email": first(body, "email") or first(customer, "email"),
            "phone": first(body, "phone") or first(customer, "phone") or first(address, "phone"),
            "first_name": first(customer, "first_name") or first(address, "first_name"),
            "last_name": first(customer, "last_name") or first(address, "last_name"),
            "customer": first(customer, "id"),
            "items": None if lines is None else [plain.item(line, currency) for line in lines],
            "total": pair(body.get("total_price"), currency),
            "url": link(first(body, "abandoned_checkout_url")),
            "completed_at": first(body, "completed_at"),
        }
    )


def order_of(body: dict[str, Any]) -> dict[str, Any]:
    """An order's body as `OrderReport` takes it. Every one ends the reminders; only what was paid, and no test, is revenue."""
    customer, status = mapping(body.get("customer")), (first(body, "financial_status") or "unknown").lower()
    addresses = [mapping(body.get(name)) for name in ("billing_address", "shipping_address")]
    phones = [first(one, "phone") for one in (body, customer, *addresses)]
    placed = first(body, "created_at", "processed_at")
    return without_nothing(
        {
            "store": SHOPIFY,
            "exact": True,
            "order_id": first(body, "id"),
            "at": first(body, "updated_at") or placed,
            "placed_at": placed,
            "cart_names": [found for name in ("checkout_token", "cart_token") if (found := first(body, name))],
            "email": first(body, "email", "contact_email") or first(customer, "email"),
            "phone": next((phone for phone in phones if phone), None),
            "customer": first(customer, "id"),
            "status": status[:40],
            "ends": True,
            "paid": status in COUNTED,
            "counts": body.get("test") is not True,
            "total": _total(body),
            "codes": [code for one in objects(body.get("discount_codes")) if (code := first(one, "code"))],
            "items": [plain.item(line, None) for line in objects(body.get("line_items"))],
        }
    )


def _total(body: Mapping[str, Any]) -> Pair | None:
    """What the order amounts to now, in the shop's own currency, in which Shopify's plain totals are."""
    for name in ("current_total_price", "total_price"):
        of_set = plain.of_money_set(body.get(f"{name}_set"))
        if of_set is not None and of_set[1] is not None:
            return of_set[1]
        if (found := pair(body.get(name), body.get("currency"))) is not None:
            return found
    return None


def wish_of(body: dict[str, Any], topic: str) -> dict[str, Any]:
    """A privacy topic's body as `PrivacyWish` takes it. Whoever has the same body again has the same wish."""
    customer = mapping(body.get("customer"))
    return without_nothing(
        {
            "topic": topic,
            "shop_id": text(body.get("shop_id")),
            "shop_domain": str(body.get("shop_domain")).lower(),
            "customer": first(customer, "id"),
            "email": first(customer, "email"),
            "phone": first(customer, "phone"),
            "orders": [found for one in _list(body, topic) if (found := text(one))],
            "request": first(mapping(body.get("data_request")), "id"),
        }
    )


def _list(body: Mapping[str, Any], topic: str) -> list[Any]:
    given = body.get("orders_requested" if topic == DATA_REQUEST else "orders_to_redact")
    return given[:1000] if isinstance(given, list) else []
