"""Reads WooCommerce's webhooks. Light: no SQL and no client.

WooCommerce sends each of them once and repeats nothing: only answers of 200 to 302 are good, and the seventh failure in a row
switches the webhook off. What a body is, is decided by the body, for the signature covers nothing else.
"""

import re
from collections.abc import Mapping
from typing import Any

import azure.functions as func

from functions.carts import plain
from functions.carts.flow import WOOCOMMERCE
from functions.carts.payloads import amount, first, mapping, objects, pair, text, without_nothing
from functions.carts.settings import CartSettings
from shared.intake import signatures
from shared.intake.webhook import SIGNED, Sender, by_key_in_address, json_object
from shared.settings import Settings, settings_of

PING = re.compile(rb"webhook_id=[0-9]{1,18}")
LONGEST_PING = 100  # bytes; a longer body is refused or read as an order
COUNTED = frozenset({"processing", "completed"})


def signed(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """WooCommerce has signed the body; where no secret is set, the caller has a key with the scope `webhook:woocommerce`.

    Raises:
        RefusedError: 401, or 403, the key may not.
    """
    secrets = settings_of(CartSettings, settings).woocommerce_webhook_secrets
    if not secrets:
        return by_key_in_address(request, raw, settings, sender=WOOCOMMERCE)
    signatures.woocommerce(request.headers, raw, secrets)
    return SIGNED


def is_ping(raw: bytes) -> bool:
    """Whether this is the form, unsigned, by which WooCommerce tries an address when the webhook is saved."""
    return len(raw) <= LONGEST_PING and PING.fullmatch(raw.strip()) is not None


def read(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The data of an order, or a notice. Raises RefusedError: 415, 400."""
    body = json_object(request, raw)
    if is_order(body):
        return order_of(body)
    if "id" not in body and text(body.get("code")) and "message" in body:
        return {"store": WOOCOMMERCE, "what": "error", "detail": str(first(body, "code"))[:300]}
    topic = {name.lower(): value for name, value in request.headers.items()}.get("x-wc-webhook-topic", "")
    return {"store": WOOCOMMERCE, "what": "ignored", "detail": topic[:300]}


def is_order(body: Mapping[str, Any]) -> bool:
    """Whether a body is an order of WooCommerce's API. One that was deleted is only its number."""
    return all(name in body for name in ("id", "status", "billing", "line_items"))


def order_of(body: dict[str, Any]) -> dict[str, Any]:
    """An order of WooCommerce's API as `OrderReport` takes it.

    Times are those in UTC (`..._gmt`). An order becomes one when it leaves the states in which nobody has ordered yet, which no
    field tells: that is as of when it is said, or when it was paid.
    """
    billing, status = mapping(body.get("billing")), (first(body, "status") or "unknown").lower()
    at = first(body, "date_modified_gmt", "date_created_gmt")
    paid_at, customer = first(body, "date_paid_gmt"), first(body, "customer_id")
    return without_nothing(
        {
            "store": WOOCOMMERCE,
            "exact": True,
            "order_id": first(body, "id"),
            "at": at,
            "placed_at": paid_at or at,
            "cart_names": [found for name in ("cart_hash", "order_key") if (found := first(body, name))],
            "email": first(billing, "email"),
            "phone": first(billing, "phone"),
            "customer": customer if customer != "0" else None,
            "status": status[:40],
            "ends": status not in plain.NOT_ENDING,
            "paid": status in COUNTED and paid_at is not None,
            "paid_at": paid_at,
            "total": pair(body.get("total"), body.get("currency")),
            "refunded": [found for one in objects(body.get("refunds")) if (found := amount(one.get("total")))],
            "codes": [code for one in objects(body.get("coupon_lines")) if (code := first(one, "code"))],
            "items": [plain.item(line, None) for line in objects(body.get("line_items"))],
        }
    )
