"""The shops' own APIs, as the sandbox stands in for them: codes, tokens, webhooks, and orders that are compared."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.carts import discounts, shopify_api, watch, wishes, woocommerce_api
from functions.carts.tables import Cart
from sandbox.shopify import Shopify
from sandbox.vendor import Call, Reply, Webhook
from sandbox.woocommerce import WooCommerce
from shared import clock
from shared.crm.reconcile import Report
from shared.errors import PermanentError, PuenteError, ThrottledError, UnavailableError
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.vendors import http, rest_client
from tests.functions.carts.conftest import Shop
from tests.support.sandbox import Exchange, wired
from tests.support.shops import checkout, order

SETTINGS = {
    "SHOPIFY_BASE_URL": "https://shops.invalid/shopify",
    "SHOPIFY_CLIENT_ID": "sandbox-shopify-client",
    "SHOPIFY_CLIENT_SECRET": "sandbox-shopify-client-secret",
    "WOOCOMMERCE_BASE_URL": "https://shops.invalid/woocommerce",
    "WOOCOMMERCE_CONSUMER_KEY": "ck_sandbox",
    "WOOCOMMERCE_CONSUMER_SECRET": "cs_sandbox",
    "CARTS_MAKE_DISCOUNTS": "true",
    "ALERT_WEBHOOK_URL": "https://alerts.example/x",
}
IN_A_WEEK = timedelta(days=7)


class Shops:
    """Both stand-ins, and what they were asked."""

    def __init__(self) -> None:
        self.shopify, self.woo = wired(Shopify())[0], wired(WooCommerce())[0]
        self.network = Exchange(self.shopify, self.woo)

    def fail(self, mode: str) -> None:
        """Let Shopify's queries fail in that way."""
        self.shopify._asked = lambda call: self.shopify.fail(mode, call)  # type: ignore[method-assign]


@pytest.fixture
def shops(shop: Shop, environment: pytest.MonkeyPatch) -> Iterator[Shops]:
    """Both set up, with our own clients, unchanged."""
    del shop
    for name, value in SETTINGS.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    made = Shops()
    environment.setattr(http, "HTTPAdapter", lambda **_more: made.network)
    rest_client.drop_connections()
    yield made
    rest_client.drop_connections()


def compared(*, dry_run: bool = False) -> Report:
    """A whole comparison, page by page."""
    report, place = Report(), None
    while (place := watch.with_woocommerce(report, place, dry_run)) is not None:
        pass
    return report


def make(api: Any, code: str = "CART10-ABC", title: str = "Carrito 1", percent: int = 10) -> bool:
    """Make a code for a week."""
    return bool(api.make(code, title, percent, clock.now(), clock.now() + IN_A_WEEK))


class TestCodes:
    """Once for each cart, for one use."""

    def test_last_mail_names_the_code_that_shopify_has(self, shop: Shop, shops: Shops) -> None:
        """Made when the first mail has gone out; the links of the mails that follow bring it along."""
        shop.shopify(checkout())
        assert shops.shopify.shelf.rows("discounts") == []
        shop.go_to(hours=48)
        (made,) = shops.shopify.shelf.rows("discounts")
        assert (made["percentage"], made["title"][:9]) == (0.1, "Carrito 1")
        last = shop.post.sent[-1].message.variables
        assert last["discount_code"] == made["code"] == shop.carts[0].discount_code
        assert last["cart_url"].endswith(f"key=k1&discount={made['code']}")
        assert "discount_code" not in shop.post.sent[0].message.variables

    def test_coupon_in_woocommerce(self, shop: Shop, shops: Shops) -> None:
        """Ten, as text, where Shopify wants a tenth; with an end that WooCommerce reads."""
        shop.plain(
            {"cart_id": "w-1", "email": "rosa.mu@example.com", "abandoned_at": "2026-03-02T16:00:00Z", "store_type": "woo"}
        )
        shop.go_to(hours=1)
        (made,) = shops.woo.shelf.rows("coupons")
        assert (made["amount"], made["discount_type"], made["usage_limit"]) == ("10", "percent", 1)
        assert made["date_expires_gmt"] == "2026-03-09T16:30:00"
        assert shop.carts[0].discount_code.lower() == made["code"]

    def test_order_with_the_code_ends_the_series_of_its_cart(self, shop: Shop, shops: Shops) -> None:
        """Somebody else's address, but the code that was made for this cart, in small letters."""
        shop.shopify(checkout())
        shop.go_to(hours=1)
        code = shop.carts[0].discount_code.lower()
        shop.shopify(order(email="luis@example.com", contact_email=None, discount_codes=[{"code": code}]))
        assert (shop.carts[0].state, shop.orders[0].recovered_cart_id) == ("ordered", shop.carts[0].id)

    @pytest.mark.parametrize("api", [shopify_api, woocommerce_api], ids=["shopify", "woocommerce"])
    def test_same_code_again(self, shops: Shops, api: Any) -> None:
        """After a lost answer it is found by its title; somebody else's is not taken for ours."""
        assert [make(api), make(api)] == [True, True]
        assert make(api, title="Carrito 2") is False
        kind = "discounts" if api is shopify_api else "coupons"
        assert len((shops.shopify if api is shopify_api else shops.woo).shelf.rows(kind)) == 1

    def test_taken_codes_are_stepped_over(self, shop: Shop, shops: Shops) -> None:
        """The next of the seed's codes is tried; the same seed ends in the same code."""
        cart = Cart(
            id=9, store="shopify", cart_id="x", variant="a", discount_seed="s" * 32, discount_until=clock.now() + IN_A_WEEK
        )
        assert make(shopify_api, discounts.code_of("s" * 32, 0, 10), "somebody else's")
        assert discounts.in_shopify(cart) == discounts.in_shopify(cart) == {"discount_code": discounts.code_of("s" * 32, 1, 10)}

    def test_code_of_the_settings(self, shop: Shop, shops: Shops, environment: pytest.MonkeyPatch) -> None:
        """None is made then."""
        environment.setenv("DISCOUNT_CODE", "VUELVE10")
        get_settings.cache_clear()
        shop.shopify(checkout())
        shop.go_to(hours=48)
        assert shop.post.sent[-1].message.variables["discount_code"] == "VUELVE10"
        assert shops.shopify.shelf.rows("discounts") == []

    def test_mail_without_a_code_where_none_could_be_made(self, shop: Shop, shops: Shops) -> None:
        """Shopify denies it: the mails go out all the same, and the code waits for somebody to mend that."""
        shops.fail("denied")
        shop.shopify(checkout())
        shop.go_to(hours=49)
        assert [step for step, _to in shop.sent] == ["mail_1", "mail_2", "mail_3"]
        assert "discount_code" not in shop.post.sent[-1].message.variables
        assert shop.carts[0].discount_code is None

    def test_whole_percent_is_refused_by_shopify(self, shops: Shops) -> None:
        """1 would be all of it: our 1 to 100 are divided."""
        for percent in (1, 100):
            assert make(shopify_api, f"CODE{percent}", percent=percent)
        assert [row["percentage"] for row in shops.shopify.shelf.rows("discounts")] == [0.01, 1.0]
        with pytest.raises(PermanentError) as caught:
            make(shopify_api, "CODE1000", percent=1000)
        assert caught.value.reason == "shopify-value-outside-range"


class TestAnswers:
    """What each system's refusal means."""

    @pytest.mark.parametrize(("mode", "error"), [("throttled", ThrottledError), ("denied", UnavailableError)])
    def test_errors_that_come_with_200(self, shops: Shops, mode: str, error: type[PuenteError]) -> None:
        """Later, with the wait that the points need; or a matter of the account."""
        shops.fail(mode)
        with pytest.raises(error) as caught:
            make(shopify_api)
        assert mode != "throttled" or caught.value.after_seconds == pytest.approx(0.1)

    def test_token_is_fetched_and_renewed(self, shops: Shops, test_clock: clock.TestClock) -> None:
        """Once for many calls; anew after a day, and after somebody has revoked it."""
        assert make(shopify_api, "A") and make(shopify_api, "B")  # noqa: PT018  # two calls
        assert len(shops.shopify.shelf.rows("tokens")) == 1
        test_clock.advance(hours=24)
        assert make(shopify_api, "C")
        assert len(shops.shopify.shelf.rows("tokens")) == 2
        shops.shopify.act("revoke", {})
        assert make(shopify_api, "D")
        assert len(shops.shopify.shelf.rows("tokens")) == 1

    def test_health_report_asks_both(self, shops: Shops) -> None:
        """Each says what it is."""
        assert shopify_api.SHOPIFY_API.ping() == "Tienda de prueba"
        assert "10.4.0" in woocommerce_api.WOOCOMMERCE_API.ping()

    def test_wrong_key_of_woocommerce(self, shops: Shops, environment: pytest.MonkeyPatch) -> None:
        """A matter of the account; the secret is not in the text."""
        environment.setenv("WOOCOMMERCE_CONSUMER_SECRET", "cs_wrong")
        get_settings.cache_clear()
        with pytest.raises(UnavailableError) as caught:
            make(woocommerce_api)
        assert caught.value.account
        assert "cs_wrong" not in str(caught.value)

    def test_firewall_is_not_the_shop(self, shops: Shops) -> None:
        """A page of HTML in the place of an answer."""
        shops.woo.answer = lambda call: shops.woo.fail("firewall", call)  # type: ignore[method-assign]
        with pytest.raises(PuenteError):
            woocommerce_api.webhooks()


class TestWatch:
    """WooCommerce repeats nothing, and switches off."""

    def failed(self, shops: Shops, times: int) -> None:
        """So many deliveries in a row fail."""
        for _ in range(times):
            shops.woo.on_reply(Webhook(what="order.updated", url="/"), Reply(status=500))

    def test_what_is_switched_off_is_switched_on_again(self, shop: Shop, shops: Shops) -> None:
        """After the seventh failure; and somebody is told, once a day."""
        self.failed(shops, 6)
        assert watch.watch_webhooks() == 0
        self.failed(shops, 1)
        assert shops.woo.shelf.rows("webhooks")[0]["status"] == "disabled"
        assert (watch.watch_webhooks(), watch.watch_webhooks()) == (1, 0)
        assert shops.woo.shelf.rows("webhooks")[0]["status"] == "active"
        (alert,) = [row.payload["text"] for row in shop.rows(Delivery) if row.target == "alerts"]
        assert "switched its webhook 1 off" in alert

    def test_paused_by_somebody_stays_so(self, shops: Shops) -> None:
        """That is a wish."""
        shops.woo.shelf.rows("webhooks")[0]["status"] = "paused"
        assert watch.watch_webhooks() == 0

    def test_no_webhook_at_all(self, shop: Shop, shops: Shops) -> None:
        """Somebody is told where to read how it is made."""
        shops.woo.shelf.drop("webhooks", "1")
        assert (watch.watch_webhooks(), watch.watch_webhooks()) == (0, 0)
        assert len([row for row in shop.rows(Delivery) if row.target == "alerts"]) == 1

    def test_nothing_is_asked_without_an_api(self, shop: Shop) -> None:
        """Where WooCommerce is not used."""
        assert (watch.watch_webhooks(), watch.ask_nightly()) == (0, 0)

    def test_orders_that_never_came_are_filled_in(self, shop: Shop, shops: Shops) -> None:
        """While the webhook was off: missing, in another state, with a refund; twice is as once."""
        shop.clock.advance(hours=1)
        first = dict(shops.woo.act("order", {"email": "rosa.mu@example.com", "status": "on-hold"}))
        assert [compared(dry_run=True).counts, shop.orders] == [{"missing": 1}, []]
        compared()
        compared()
        shop.world.run()
        assert [(row.order_id, row.status) for row in shop.orders] == [(str(first["id"]), "on-hold")]
        shop.clock.advance(hours=1)
        shops.woo.act("set", {"id": str(first["id"]), "status": "processing", "refund": "99"})
        assert compared().counts == {"status": 1}
        shop.world.run()
        assert str(shop.orders[0].net) == "1200.00"
        shop.clock.advance(minutes=1)
        shops.woo.act("set", {"id": str(first["id"]), "refund": "1"})
        assert compared().counts == {"amount": 1}
        shop.world.run()
        assert compared().counts == {}

    def test_every_page_is_read(self, shop: Shop, shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
        """As many as there are."""
        monkeypatch.setattr(woocommerce_api, "PAGE_SIZE", 2)
        for _ in range(5):
            shops.woo.act("order", {})
        assert compared(dry_run=True).compared == 5

    def test_nightly(self, shop: Shop, shops: Shops) -> None:
        """Asked for by the engine's job, and filled."""
        shops.woo.act("order", {"email": "rosa.mu@example.com"})
        assert watch.ask_nightly() == 1
        shop.world.run()
        assert len(shop.orders) == 1


class TestStandIns:
    """Their webhooks are what our doors take, and they refuse what the shops refuse."""

    def test_shopify_tells_of_a_cart_from_the_beginning_to_its_end(self, shop: Shop) -> None:
        """Signed with another program's signature, each with its topic."""
        vendor, _adapter, wire = wired(Shopify())
        left = vendor.act("leave", {"email": "rosa.mu@example.com", "price": 649.5, "quantity": 2})
        for action in ("change", "order", "redact"):
            shop.clock.advance(minutes=1)
            vendor.act(action, {"id": left["id"], "title": "Florero"})
        shop.take_secret("SHOPIFY_WEBHOOK_SECRETS", vendor.secret)
        kept = []
        for webhook in wire.sent:
            shop.posted("shopify", webhook.body, {name.lower(): value for name, value in wire.headers(webhook).items()}, 202)
            kept.append([(row.state, str(row.shown)) for row in shop.carts])
        wishes.fulfil()
        assert kept == [[("open", "1299.00")], [("open", "649.50")], *[[("ordered", "649.50")]] * 3]
        assert (shop.carts, [row.email for row in shop.orders]) == ([], [None])

    def test_woocommerce_tells_of_an_order(self, shop: Shop) -> None:
        """The ping, an order as PHP writes it, and an error in the place of one; what is switched off sends nothing."""
        vendor, _adapter, wire = wired(WooCommerce())
        shop.take_secret("WOOCOMMERCE_WEBHOOK_SECRETS", vendor.secret)
        vendor.act("save", {})
        ping = wire.sent.pop()
        assert (ping.body, vendor.signature(ping)) == (b"webhook_id=1", {})
        vendor.act("order", {"name": "José Ñu", "email": "rosa.mu@example.com"})
        vendor.act("broken", {})
        for webhook in wire.sent:
            shop.posted("woo", webhook.body, {name.lower(): value for name, value in wire.headers(webhook).items()}, 202)
        assert [(row.status, str(row.net)) for row in shop.orders] == [("processing", "1299.00")]
        vendor.shelf.rows("webhooks")[0]["status"] = "disabled"
        vendor.act("order", {})
        assert len(wire.sent) == 2

    def test_unknown_calls(self) -> None:
        """As the vendors answer them."""
        assert Shopify().answer(Call(method="GET", path="/x")).status == 404
        assert WooCommerce().answer(Call(method="GET", path="/wp-json/wc/v3/orders")).status == 401
