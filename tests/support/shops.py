"""What Shopify and WooCommerce send: bodies of their shape, signed with the standard library over the bytes that are sent."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.payloads import payload

SHOPIFY_SECRET, WOO_SECRET = "shpss-of-the-tests", "woosecretofthetests"  # of the tests alone
LEFT = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
"""Ten in the morning in Mexico City, on a Monday."""


def at(**later: float) -> str:
    """A moment after the cart was left, as Shopify writes it."""
    return (LEFT + timedelta(**later)).isoformat()


def checkout(
    cart: str = "c-1", email: str | None = "rosa.mu@example.com", changed: str | None = None, **more: Any
) -> dict[str, Any]:
    """A checkout of Shopify's."""
    known = {"token": cart, "cart_token": f"cart-of-{cart}", "email": email, "updated_at": changed or at(), "customer": None}
    return payload("shopify.checkout", "update") | known | more


def order(number: int = 1, email: str | None = "rosa.mu@example.com", placed: str | None = None, **more: Any) -> dict[str, Any]:
    """An order of Shopify's, paid."""
    when = placed or at(hours=1)
    known = {"id": number, "email": email, "contact_email": email, "created_at": when, "updated_at": when}
    known |= {"checkout_token": None, "cart_token": None, "customer": None}
    return payload("shopify.order", "create") | known | more


def woo(number: int = 1, status: str = "processing", email: str = "rosa.mu@example.com", **more: Any) -> dict[str, Any]:
    """An order of WooCommerce's."""
    when = (LEFT + timedelta(hours=1)).replace(tzinfo=None).isoformat()
    paid = when if status in ("processing", "completed") else None
    known = {"id": number, "status": status, "date_created_gmt": when, "date_modified_gmt": when, "date_paid_gmt": paid}
    found = payload("woocommerce.order", "processing")
    return found | known | {"billing": found["billing"] | {"email": email}} | more


def line(title: str = "Taza azul", quantity: int = 1, price: str = "100.00", **more: Any) -> dict[str, Any]:
    """A line of a checkout."""
    number = int(hashlib.sha256(title.encode()).hexdigest()[:6], 16)
    return {"product_id": number, "variant_id": number, "title": title, "quantity": quantity, "price": price} | more


def body(given: Any) -> bytes:
    """As Shopify writes it: UTF-8, not escaped."""
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()


def php_body(given: Any) -> bytes:
    """As WooCommerce writes it: what is not ASCII is escaped, and so are slashes."""
    return json.dumps(given, separators=(",", ":")).replace("/", "\\/").encode()


def signature(raw: bytes, secret: str) -> str:
    """Base64 HMAC-SHA256 of the body."""
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
