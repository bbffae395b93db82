"""What shops send, under which address, and whom the addresses let in."""

import asyncio
import json
from typing import Any

import azure.functions as func
import pytest

from functions.carts import shopify, woocommerce
from shared.errors import RefusedError
from shared.intake import signatures
from shared.settings import get_settings
from shared.store.models import DeadLetter, Delivery, InboxEvent
from tests.functions.carts.conftest import Shop
from tests.support import shops
from tests.support.functions import named
from tests.support.payloads import payload
from tests.support.shops import at, checkout, order, woo
from tests.support.world import Out

OLD = "carts_old_webhook"
PING = {"content_type": "application/x-www-form-urlencoded"}


def asked(name: str, raw: bytes, route: dict[str, str] | None = None, **headers: str) -> tuple[int, Any]:
    """The status of the answer, and the type of the event that went on the queue."""
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = func.HttpRequest("POST", "http://127.0.0.1/x", headers=sent, body=raw, route_params=route or {})
    out = Out()
    answer: func.HttpResponse = asyncio.run(named(name)(request, out))
    return answer.status_code, json.loads(out.value)["type"] if out.value is not None else None


def from_shopify(given: Any, topic: str, name: str = "carts_shopify_webhook", **headers: str) -> tuple[int, Any]:
    """A request that Shopify has signed."""
    raw = shops.body(given)
    signed = {"x_shopify_topic": topic, "x_shopify_hmac_sha256": shops.signature(raw, shops.SHOPIFY_SECRET)}
    return asked(name, raw, **signed | headers)


class TestShopify:
    """Signed over the body alone."""

    @pytest.mark.parametrize("name", ["carts_shopify_webhook", OLD])
    def test_signed_under_both_addresses(self, shop: Shop, name: str) -> None:
        """A checkout and an order; by any one of several secrets."""
        assert from_shopify(checkout(), "checkouts/update", name) == (202, "shopify.checkout")
        assert from_shopify(order(), "orders/create", name) == (202, "shopify.order")

    def test_signature_of_known_bytes(self, shop: Shop) -> None:
        """By an implementation that is not ours: `printf '{"a":1}' | openssl dgst -sha256 -hmac key -binary | base64`."""
        by_openssl = "iKZ/JLvNrtDmyZdAS7eadDuvRMa6svTCcyjjAJ0i40I="
        signatures.shopify({"X-Shopify-Hmac-Sha256": by_openssl}, b'{"a":1}', ["another", "key"])
        signatures.woocommerce({"X-WC-Webhook-Signature": by_openssl}, b'{"a":1}', ["key"])
        with pytest.raises(RefusedError):
            signatures.shopify({"X-Shopify-Hmac-Sha256": by_openssl}, b'{"a":2}', ["key"])

    def test_unsigned_is_refused_whatever_the_key(self, shop: Shop) -> None:
        """Where a secret is set, an API key is none."""
        raw = shops.body(checkout())
        assert asked("carts_shopify_webhook", raw, x_api_key="local-dev-key") == (401, None)

    @pytest.mark.parametrize("topic", ["customers/redact", "shop/redact", "customers/data_request", "checkouts/update"])
    def test_captured_order_is_nothing_else(self, shop: Shop, topic: str) -> None:
        """The topic is not signed: an order's body under another topic is refused."""
        assert from_shopify(order(), topic) == (422, None)

    def test_other_topics_are_taken_and_ignored(self, shop: Shop) -> None:
        """What is subscribed by mistake costs nothing, and is not sent again."""
        assert from_shopify({"id": 1, "title": "Taza"}, "products/update") == (202, "carts.notice")
        shop.shopify({"id": 1, "title": "Taza"}, topic="products/update")
        assert [row.outcome for row in shop.rows(InboxEvent)] == ["ignored"]

    def test_of_another_shop(self, shop: Shop, environment: pytest.MonkeyPatch) -> None:
        """With SHOPIFY_SHOP, what another shop says is refused."""
        environment.setenv("SHOPIFY_SHOP", "tienda.myshopify.com")
        get_settings.cache_clear()
        good = from_shopify(checkout(), "checkouts/update", x_shopify_shop_domain="Tienda.myshopify.com")
        bad = from_shopify(checkout(), "checkouts/update", x_shopify_shop_domain="otra.myshopify.com")
        assert (good[0], bad[0]) == (202, 422)

    def test_same_delivery_is_taken_once(self, shop: Shop) -> None:
        """Shopify repeats with the same id and the old body."""
        for _ in range(3):
            shop.shopify(checkout(), number="b54557e4")
        assert len(shop.rows(InboxEvent)) == 1

    def test_triggered_at_stands_for_a_missing_time(self, shop: Shop) -> None:
        """A body without `updated_at`."""
        raw = shops.body(checkout() | {"updated_at": None, "created_at": None})
        headers = {"content-type": "application/json", "x-shopify-triggered-at": at(minutes=3)}
        data = shopify.read(func.HttpRequest("POST", "http://x", headers=headers, body=raw), raw)
        assert data["at"] == at(minutes=3)


class TestWooCommerce:
    """It repeats nothing, and counts what is not good."""

    @pytest.mark.parametrize("name", ["carts_woocommerce_webhook", OLD])
    def test_ping_is_answered_with_exactly_200(self, shop: Shop, name: str) -> None:
        """It is unsigned, and nothing is kept of it."""
        assert asked(name, b"webhook_id=12", **PING) == (200, None)

    @pytest.mark.parametrize("raw", [b"webhook_id=12&id=1", b"webhook_id=", b"webhook_id=12a", b"webhook_id=" + b"1" * 40])
    def test_only_the_ping_is_let_through(self, shop: Shop, raw: bytes) -> None:
        """Anything else must be signed."""
        assert asked("carts_woocommerce_webhook", raw, **PING)[0] == 401

    @pytest.mark.parametrize("name", ["carts_woocommerce_webhook", OLD])
    def test_signed(self, shop: Shop, name: str) -> None:
        """As PHP writes it: escaped."""
        raw = shops.php_body(woo(billing={"email": "josé@example.com", "first_name": "José"}))
        assert asked(name, raw, x_wc_webhook_signature=shops.signature(raw, shops.WOO_SECRET)) == (202, "woocommerce.order")
        assert asked(name, raw, x_wc_webhook_signature=shops.signature(raw, "another")) == (401, None)

    def test_error_in_the_place_of_an_order(self, shop: Shop, environment: pytest.MonkeyPatch) -> None:
        """Correctly signed, without an id: it is answered well, and somebody is told."""
        environment.setenv("ALERT_WEBHOOK_URL", "https://alerts.example/x")
        get_settings.cache_clear()
        shop.woo({"code": "woocommerce_rest_cannot_view", "message": "Sorry", "data": {"status": 401}})
        assert [row.outcome for row in shop.rows(InboxEvent)] == ["alerted"]
        assert [row.target for row in shop.rows(Delivery)] == ["alerts"]

    def test_deleted_order_is_ignored(self, shop: Shop) -> None:
        """Its body is its number."""
        shop.woo({"id": 7}, topic="order.deleted")
        assert (shop.orders, shop.rows(DeadLetter)) == ([], [])

    def test_status_decides(self) -> None:
        """Paid is what has a date of payment and is not on hold."""
        found = {status: woocommerce.order_of(woo(status=status)) for status in ("processing", "on-hold", "refunded")}
        assert {status: (one["ends"], one["paid"]) for status, one in found.items()} == {
            "processing": (True, True),
            "on-hold": (True, False),
            "refunded": (True, False),
        }


class TestPlain:
    """Plugins and other shops, with a key."""

    def test_key_in_the_old_address(self, shop: Shop, environment: pytest.MonkeyPatch) -> None:
        """With the scope `webhook:carts`; one that opens more is refused there, and a bare name opens nothing."""
        keys = [{"name": "admin", "key": "an-admin-key", "scopes": ["admin"]}]
        keys += [{"name": "old", "key": "a-webhook-key", "scopes": ["webhook:carts"]}]
        environment.setenv("API_KEYS", json.dumps(keys))
        get_settings.cache_clear()
        raw = shops.body(payload("carts.cart", "cart"))
        found = {
            key: asked(OLD, raw, {"namespace": "ventas", "key": key})[0]
            for key in ("a-webhook-key", "an-admin-key", "cart_abandonment")
        }
        assert found == {"a-webhook-key": 202, "an-admin-key": 403, "cart_abandonment": 401}

    def test_order_at_the_address_of_carts(self, shop: Shop) -> None:
        """A body with an `order_id` is an order."""
        shop.plain(payload("carts.cart", "cart"), payload("carts.order", "order"))
        assert ([row.state for row in shop.carts], [row.status for row in shop.orders]) == (["ordered"], ["paid"])
        assert shop.orders[0].paid_at is not None

    @pytest.mark.parametrize("given", [{"email": "a@b.example"}, {"cart_id": "1", "email": "no address"}])
    def test_without_a_number_or_with_a_bad_address(self, shop: Shop, given: dict[str, Any]) -> None:
        """Refused, with what is wrong."""
        assert asked("carts_cart_webhook", shops.body(given), x_api_key="local-dev-key")[0] == 422

    def test_names_of_the_replaced_flow(self, shop: Shop) -> None:
        """`token`, `customer.email`, `line_items`; without a currency it is USD."""
        lines = [{"id": 1, "name": "Taza", "quantity": 2, "price": "9.50"}]
        shop.plain({"token": "t-1", "customer": {"email": "Rosa@Example.com", "first_name": "Rosa"}, "line_items": lines})
        (cart,) = shop.carts
        assert (cart.store, cart.cart_id, cart.email, cart.first_name) == ("shopify", "t-1", "rosa@example.com", "Rosa")
        assert (str(cart.shown), cart.shown_currency) == ("19.00", "USD")

    @pytest.mark.parametrize(
        "odd",
        [
            {"items": "none"},
            {"items": {"a": 1}},
            {"currency": "pesos mexicanos"},
            {"items": [{"price": "100/0", "name": "Taza"}, 7, None]},
            {"items": [{"price": True, "quantity": "NaN", "line_price": "1e999999"}]},
            {"checkout_url": "javascript:alert(1)"},
            {"abandoned_at": "ayer"},
        ],
    )
    def test_what_cannot_be_read_is_left_out(self, shop: Shop, odd: dict[str, Any]) -> None:
        """The cart is kept, is not taken for an empty one, and says no amount that nobody has written."""
        shop.plain({"cart_id": "odd", "email": "rosa@example.com"} | odd)
        (cart,) = shop.carts
        assert (cart.state, cart.shown, cart.url) == ("open", None, None)
        assert shop.rows(DeadLetter) == []

    def test_refunds_that_are_none(self, shop: Shop) -> None:
        """Nothing is taken off for them."""
        shop.woo(woo(refunds=[{"total": "-1e999999"}, {"total": "x"}, {"total": None}, {"total": "-1.00"}]))
        assert str(shop.orders[0].net) == "1298.00"

    def test_started_by_hand(self) -> None:
        """A cart as inputs, under the id of the replaced flow."""
        from functions.carts import triggers

        assert list(triggers.BY_HAND) == ["abandoned_cart_recovery"]
