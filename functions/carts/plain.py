"""Reads the plain payload of a cart or an order: of plugins and of shops that are neither Shopify nor WooCommerce. Light.

The fields may be named as Shopify, WooCommerce or the replaced flow named them.
"""

from typing import Any

import azure.functions as func

from functions.carts.flow import SHOPIFY, WOOCOMMERCE
from functions.carts.payloads import (
    MOST_ITEMS,
    Pair,
    amount,
    first,
    lines_of,
    link,
    mapping,
    objects,
    pair,
    quantity,
    text,
    without_nothing,
)
from shared.errors import FieldError, RefusedError
from shared.intake.webhook import json_object
from shared.readers import UnreadableError, email
from shared.readers.nothing import FieldKind, is_nothing

NOT_ENDING = frozenset({"checkout-draft", "auto-draft", "draft", "pending", "failed", "cancelled", "canceled", "trash"})
"""States of an order in which it is none yet, or no more. All others end the reminders: an unknown one as well."""
PAID = frozenset({"paid", "partially_refunded", "processing", "completed"})
CART_IDS = ("cart_id", "id", "token", "key")
DEFAULT_CURRENCY = "USD"  # as the replaced flow had it


def read_cart(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The data of a cart, or of an order where the body has an `order_id`. Raises RefusedError: 415, 400, 422."""
    body = json_object(request, raw)
    return order_of(body) if is_order(body) else cart_of(body)


def read_order(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The data of an order. Raises RefusedError: 415, 400, 422."""
    return order_of(json_object(request, raw))


def is_order(body: dict[str, Any]) -> bool:
    """Whether a body is about an order."""
    return text(body.get("order_id")) is not None


def cart_of(body: dict[str, Any]) -> dict[str, Any]:
    """A cart's body as `CartReport` takes it. Raises RefusedError 422: an address that is none."""
    customer = mapping(body.get("customer"))
    own = _currency(body)
    lines = lines_of(body["line_items"] if body.get("line_items") is not None else body.get("items"))
    return without_nothing(
        {
            "store": _store(body),
            "cart_id": first(body, *CART_IDS),
            "alias": first(body, "cart_token", "checkout_token"),
            "at": first(body, "abandoned_at", "updated_at"),
            "email": _email(body, customer),
            "phone": first(body, "phone") or first(customer, "phone"),
            "first_name": first(body, "first_name") or first(customer, "first_name"),
            "last_name": first(body, "last_name") or first(customer, "last_name"),
            "customer": first(body, "customer_id") or first(customer, "id"),
            "items": None if lines is None else [item(line, own) for line in lines],
            "total": None if own is None else pair(first(body, "total_price", "total"), own),
            "url": link(first(body, "abandoned_checkout_url", "checkout_url", "cart_url", "recovery_url")),
            "completed_at": first(body, "completed_at"),
        }
    )


def order_of(body: dict[str, Any]) -> dict[str, Any]:
    """An order's body as `OrderReport` takes it. Raises RefusedError 422: an address that is none."""
    customer = mapping(body.get("customer")) or mapping(body.get("billing"))
    status = (first(body, "financial_status", "status") or "placed").lower()
    tokens = [found for name in ("checkout_token", "cart_id", "cart_token", "token") if (found := first(body, name))]
    paid_at = first(body, "paid_at", "date_paid_gmt")
    return without_nothing(
        {
            "store": _store(body),
            "order_id": first(body, "order_id", "id"),
            "at": first(body, "updated_at", "placed_at", "created_at"),
            "placed_at": first(body, "placed_at", "created_at"),
            "cart_names": tokens[:2],
            "email": _email(body, customer),
            "phone": first(body, "phone") or first(customer, "phone"),
            "customer": first(body, "customer_id") or first(customer, "id"),
            "status": status[:40],
            "ends": status not in NOT_ENDING,
            "paid": status in PAID or (body.get("paid") is True) or (status == "placed" and paid_at is not None),
            "paid_at": paid_at,
            "counts": body.get("test") is not True,
            "total": pair(body.get("total_price", body.get("total")), _currency(body)),
            "codes": _codes(body),
            "items": [item(line, None) for line in objects(body.get("line_items") or body.get("items"))],
        }
    )


def item(line: dict[str, Any], currency: str | None) -> dict[str, Any]:
    """One line; its amounts in the money that they name themselves, else in the cart's."""
    count = quantity(line.get("quantity", 1))
    shown, book = of_money_set(line.get("price_set")) or (_price(line, count, currency),) * 2
    return without_nothing(
        {
            "product": first(line, "product_id", "id"),
            "variant": first(line, "variant_id", "variation_id") if first(line, "variation_id") != "0" else None,
            "title": (first(line, "title", "name") or "")[:300],
            "quantity": count,
            "shown": shown,
            "book": book,
            "image": link(first(line, "image", "image_url") or first(mapping(line.get("image")), "src")),
            "url": link(first(line, "url", "product_url", "permalink")),
        }
    )


def of_money_set(value: Any) -> tuple[Pair | None, Pair | None] | None:
    """What the buyer sees and what the shop books, out of Shopify's `..._set`; None where there is none."""
    found = mapping(value)
    if not found:
        return None
    pairs = [mapping(found.get(name)) for name in ("presentment_money", "shop_money")]
    shown, book = (pair(one.get("amount"), one.get("currency_code")) for one in pairs)
    return shown or None, book or None


def one_currency(own: Any, presented: Any) -> str | None:
    """The currency of an amount beside which two may stand: where they differ nobody knows which is meant."""
    codes = {code.upper() for code in (text(own), text(presented)) if code}
    return codes.pop() if len(codes) == 1 else None


def _currency(body: dict[str, Any]) -> str | None:
    own, presented = body.get("currency"), body.get("presentment_currency")
    return DEFAULT_CURRENCY if text(own) is None and text(presented) is None else one_currency(own, presented)


def _price(line: dict[str, Any], count: int, currency: str | None) -> Pair | None:
    for name in ("price", "unit_price"):
        if amount(line.get(name)) is not None:
            return pair(line.get(name), currency)
    return divided(pair(line.get("line_price"), currency), count)


def divided(whole: Pair | None, count: int) -> Pair | None:
    """The price of one out of that of the line; it is written as a fraction, since it may not come out even."""
    return None if whole is None or count == 0 else (whole[0] if count == 1 else f"{whole[0]}/{count}", whole[1])


def _store(body: dict[str, Any]) -> str:
    given = (first(body, "store_type", "store") or SHOPIFY).lower()
    return WOOCOMMERCE if given in ("woo", "woocommerce") else given


def _email(body: dict[str, Any], customer: dict[str, Any]) -> str | None:
    """The address; a cart may have none yet, but one that is none is a mistake of the sender's."""
    given = first(body, "email") or first(customer, "email")
    if given is None or is_nothing(given, FieldKind.ADDRESS):
        return None
    try:
        return email.read(given).key
    except UnreadableError as error:
        wrong = FieldError("email", f"must be an e-mail address such as ana@example.com ({error.reason})")
        raise RefusedError(
            422, "invalid-fields", "The body has fields that are not as they must be.", errors=[wrong]
        ) from error


def _codes(body: dict[str, Any]) -> list[str]:
    found = [*objects(body.get("discount_codes")), *objects(body.get("coupon_lines"))]
    return [code for one in found if (code := first(one, "code"))][:MOST_ITEMS]
