"""Carts: who is written to, when, about what; what ends it; what counts as recovered."""

from datetime import timedelta
from typing import Any

import pytest

from functions.carts import triggers
from functions.carts.tables import CartMessage
from shared.intake.endpoint import EVENTS_QUEUE
from tests.functions.carts.conftest import Shop
from tests.support import shops
from tests.support.shops import at, checkout, line, order, woo

ROSA = "rosa.mu@example.com"


class TestSeries:
    """Three mails, as long as nothing ends them."""

    def test_three_mails_after_the_last_change(self, shop: Shop) -> None:
        """Half an hour, a day and two days after it; then nothing more."""
        shop.shopify(checkout())
        shop.go_to(minutes=15)
        assert shop.sent == []
        shop.go_to(minutes=30)
        assert shop.sent == [("mail_1", ROSA)]
        shop.go_to(hours=24)
        assert [step for step, _to in shop.sent] == ["mail_1", "mail_2"]
        shop.go_to(hours=48)
        shop.go_to(days=4)
        assert [step for step, _to in shop.sent] == ["mail_1", "mail_2", "mail_3"]
        assert [row.status for row in shop.rows(CartMessage)] == ["sent"] * 3

    def test_a_change_moves_it_until_the_first_mail(self, shop: Shop) -> None:
        """The pause begins anew, and the mail says what is in the cart then; after the first mail nothing moves."""
        shop.shopify(checkout())
        shop.go_to(minutes=15)
        shop.shopify(checkout(changed=at(minutes=15), line_items=[line("Florero", 1, "80.00")]))
        shop.go_to(minutes=30)
        assert shop.sent == []
        shop.go_to(minutes=45)
        assert shop.sent == [("mail_1", ROSA)]
        assert [one["title"] for one in shop.post.sent[0].message.variables["products"]] == ["Florero"]
        shop.shopify(checkout(changed=at(minutes=46), line_items=[line("Plato", 3, "10.00")]))
        shop.go_to(hours=24, minutes=15)
        assert shop.sent[1:] == [("mail_2", ROSA)]
        assert shop.post.sent[1].message.variables["total"] == "MXN 30.00"
        assert len(shop.series) == 1

    def test_a_change_before_the_first_mail_that_waits_for_the_morning(self, shop: Shop) -> None:
        """Somebody is in the journey already, and nothing has gone out: the mail still moves with the cart."""
        shop.go_to(hours=13)
        shop.shopify(checkout(changed=at(hours=13)))
        shop.go_to(hours=14)
        assert (len(shop.series), shop.sent) == (1, [])
        shop.shopify(checkout(changed=at(hours=14), line_items=[line("Florero", 1, "80.00")]))
        shop.go_to(hours=26)
        assert [step for step, _to in shop.sent] == ["mail_1"]
        assert shop.post.sent[0].message.variables["total"] == "MXN 80.00"

    def test_without_an_address_nothing_is_planned(self, shop: Shop) -> None:
        """Two updates without one, a third with, a fourth that corrects it: only the last is written to, once."""
        shop.shopify(checkout(email=None), checkout(email=None, changed=at(minutes=2)))
        shop.shopify(checkout(email="rosa@gmial.example", changed=at(minutes=4)))
        shop.shopify(checkout(email="rosa@gmail.example", changed=at(minutes=6)))
        shop.go_to(hours=1)
        assert shop.sent == [("mail_1", "rosa@gmail.example")]

    def test_one_series_for_one_person(self, shop: Shop) -> None:
        """Another cart of the same person, while mails go out about the first, begins none."""
        shop.shopify(checkout())
        shop.go_to(minutes=45)
        shop.shopify(checkout("c-2", changed=at(minutes=45), line_items=[line("Florero")]))
        shop.go_to(days=5)
        assert [step for step, _to in shop.sent] == ["mail_1", "mail_2", "mail_3"]

    def test_whatsapp_where_it_is_wanted(self, shop: Shop, environment: pytest.MonkeyPatch) -> None:
        """With CARTS_WHATSAPP, and a phone number."""
        environment.setenv("CARTS_WHATSAPP", "true")
        environment.setenv("TWILIO_CONTENT_SIDS", '{"cart_whatsapp": "HX9"}')
        from shared.settings import get_settings

        get_settings.cache_clear()
        shop.shopify(checkout(phone="+525512345678"))
        shop.go_to(days=5)
        assert [step for step, _to in shop.sent] == ["mail_1", "mail_2", "whatsapp", "mail_3"]

    def test_half_of_the_carts_get_the_other_subject(self, shop: Shop) -> None:
        """By a hash of the cart, always the same for one cart."""
        from functions.carts.services import variant_of

        found = [variant_of("shopify", f"c-{number}") for number in range(200)]
        assert 70 < found.count("a") < 130
        assert found == [variant_of("shopify", f"c-{number}") for number in range(200)]
        shop.shopify(checkout())
        shop.go_to(minutes=45)
        assert shop.post.sent[0].message.variables["variant"] == variant_of("shopify", "c-1") == shop.carts[0].variant


class TestEnd:
    """The end is looked up by the person."""

    @pytest.mark.parametrize(
        "found",
        [
            order(email="Rosa.Mu@Example.com", checkout_token="c-2"),
            order(email=None, contact_email=None, checkout_token="c-1"),
            order(email="other@example.com", contact_email=None, customer={"id": 77, "email": "other@example.com"}),
        ],
        ids=["by address, from another checkout", "by the checkout alone", "by the number of the customer"],
    )
    def test_order_ends_it_before_the_first_mail(self, shop: Shop, found: dict[str, Any]) -> None:
        """Under whichever name the order comes."""
        shop.shopify(checkout(customer={"id": 77}))
        shop.go_to(minutes=15)
        shop.shopify(found | {"created_at": at(minutes=20), "updated_at": at(minutes=20)})
        shop.go_to(days=3)
        assert shop.sent == []
        assert [row.state for row in shop.carts] == ["ordered"]
        assert shop.orders[0].recovered_cart_id is None

    @pytest.mark.share(2)
    @pytest.mark.parametrize("status", ["on-hold", "processing", "completed", "preparando"])
    def test_woocommerce_order_that_ends_it(self, shop: Shop, status: str) -> None:
        """A transfer that is waited for ends it, and so does a state that we do not know."""
        shop.plain({"cart_id": "w-1", "email": ROSA, "abandoned_at": at(), "store_type": "woocommerce"})
        shop.go_to(minutes=45)
        shop.woo(woo(status=status))
        shop.go_to(days=3)
        assert [step for step, _to in shop.sent] == ["mail_1"]
        assert shop.series[0][1:] == ("exited", "order.placed")

    @pytest.mark.share(2)
    @pytest.mark.parametrize("status", ["checkout-draft", "pending", "failed", "cancelled", "trash"])
    def test_woocommerce_order_that_is_none_yet(self, shop: Shop, status: str) -> None:
        """The block checkout saves an order while somebody is still typing."""
        shop.plain({"cart_id": "w-1", "email": ROSA, "abandoned_at": at(), "store_type": "woocommerce"})
        shop.woo(woo(status=status))
        shop.go_to(days=3)
        assert len(shop.sent) == 3

    def test_cancelling_does_not_bring_it_back(self, shop: Shop) -> None:
        """An order that has ended it and is cancelled later."""
        shop.plain({"cart_id": "w-1", "email": ROSA, "abandoned_at": at(), "store_type": "woocommerce"})
        shop.go_to(minutes=45)
        shop.woo(woo(status="on-hold"), woo(status="cancelled", date_modified_gmt=at(hours=2)[:19]))
        shop.go_to(days=3)
        assert len(shop.sent) == 1
        assert (shop.orders[0].status, shop.orders[0].paid_at) == ("cancelled", None)

    def test_empty_cart(self, shop: Shop) -> None:
        """Nothing in it any more, or nothing that costs something."""
        shop.shopify(checkout(), checkout(changed=at(minutes=5), line_items=[]))
        shop.go_to(days=3)
        assert (shop.sent, shop.carts[0].state) == ([], "empty")

    def test_shop_says_that_it_was_bought(self, shop: Shop) -> None:
        """`completed_at`, though no order ever comes."""
        shop.shopify(checkout(), checkout(changed=at(minutes=5), completed_at=at(minutes=5)))
        shop.go_to(days=3)
        assert (shop.sent, shop.carts[0].state) == ([], "completed")

    def test_unsubscription_ends_it(self, shop: Shop) -> None:
        """Nothing more goes out after it."""
        from shared.messages import statuses
        from shared.messages.digests import digests_of_address
        from shared.store.session import transact

        shop.shopify(checkout())
        shop.go_to(minutes=45)
        delivery = shop.rows(CartMessage)[0].delivery_id
        transact(lambda session: statuses.unsubscribed(session, delivery, digests_of_address(ROSA), shop.clock.moment))
        shop.go_to(days=3)
        assert len(shop.sent) == 1
        assert shop.series[0][1] == "exited"

    def test_cart_that_comes_back_after_the_order(self, shop: Shop) -> None:
        """The checkout's last update by retry, the same things under a new number: nothing. A new cart: a series of its own."""
        shop.shopify(checkout())
        shop.go_to(minutes=45)
        things = checkout()["line_items"]
        shop.shopify(order(placed=at(minutes=44), line_items=things))
        copy = {"cart_id": "p-9", "store_type": "plugin", "abandoned_at": at(minutes=51), "currency": "MXN", "items": things}
        shop.plain(copy, copy | {"email": ROSA, "abandoned_at": at(minutes=52)})
        shop.shopify(checkout(changed=at(minutes=43), note="late"))
        shop.go_to(hours=5)
        assert len(shop.sent) == 1
        assert [row.state for row in shop.carts] == ["ordered", "ordered"]
        shop.shopify(checkout("c-3", changed=at(hours=5), line_items=[line("Florero")]))
        shop.go_to(hours=6)
        assert [step for step, _to in shop.sent] == ["mail_1", "mail_1"]
        assert [state for _person, state, _reason in shop.series] == ["exited", "active"]
        assert shop.orders[0].recovered_cart_id == shop.carts[0].id

    def test_copy_that_comes_before_the_order_is_known(self, shop: Shop) -> None:
        """The order is reported last: the copy's series ends before it has begun."""
        things = checkout()["line_items"]
        shop.shopify(checkout())
        shop.plain({"cart_id": "p-9", "email": ROSA, "abandoned_at": at(minutes=20), "currency": "MXN", "items": things})
        shop.go_to(minutes=21)
        shop.shopify(order(placed=at(minutes=14), line_items=things))
        shop.go_to(days=3)
        assert shop.sent == []

    def test_undated_cart_in_the_second_of_the_order(self, shop: Shop) -> None:
        """A plugin reports it without a time; the order is dated to the second, and so a moment earlier."""
        shop.clock.advance(seconds=0.7)
        shop.plain({"cart_id": "w-1", "email": ROSA, "store_type": "woocommerce", "items": [{"name": "Taza", "price": "9.00"}]})
        shop.woo(woo(date_modified_gmt=at()[:19], date_paid_gmt=at()[:19]))
        shop.go_to(hours=3)
        assert ([row.state for row in shop.carts], shop.sent) == (["ordered"], [])

    def test_older_order_that_is_found_late_ends_nothing_newer(self, shop: Shop) -> None:
        """An order of yesterday, which the nightly comparison brings, while mails go out about today's cart."""
        shop.shopify(checkout())
        shop.go_to(minutes=45)
        shop.woo(woo(date_paid_gmt=at(hours=-20)[:19], date_modified_gmt=at(hours=-20)[:19], line_items=[]))
        shop.go_to(days=3)
        assert len(shop.sent) == 3


class TestAmounts:
    """The number of one currency never stands beside the sign of another."""

    def test_two_currencies_in_one_line(self, shop: Shop) -> None:
        """The buyer reads euros, the books say pounds."""
        money = {
            "shop_money": {"amount": "158.20", "currency_code": "GBP"},
            "presentment_money": {"amount": "184.00", "currency_code": "EUR"},
        }
        shop.shopify(
            checkout(currency="GBP", presentment_currency="EUR", line_items=[line(quantity=1, price="184.00", price_set=money)])
        )
        (cart,) = shop.carts
        assert (str(cart.shown), cart.shown_currency, str(cart.book), cart.book_currency) == ("184.00", "EUR", "158.20", "GBP")

    def test_no_pair_no_total(self, shop: Shop) -> None:
        """Two currencies and one number: nobody knows whose it is, and the mail says none."""
        shop.shopify(checkout(currency="GBP", presentment_currency="EUR"))
        shop.go_to(minutes=45)
        assert (shop.carts[0].shown, "total" in shop.post.sent[0].message.variables) == (None, False)

    @pytest.mark.parametrize(
        ("price", "currency", "minor"),
        [
            ("1.299,00", "MXN", 129_900),
            ("1299.00", "MXN", 129_900),
            (1299.1, "MXN", 129_910),
            ("18.600", "KWD", None),
            ("5000", "CLP", 5000),
        ],
    )
    def test_prices_as_plugins_write_them(self, shop: Shop, price: Any, currency: str, minor: int | None) -> None:
        """Exact in the currency's smallest unit; what has two readings is none."""
        shop.plain(
            {"cart_id": "p-1", "email": ROSA, "currency": currency, "items": [{"id": 1, "name": "Taza", "price": price}]}
        )
        assert shop.carts[0].shown_minor == minor

    def test_price_of_a_line(self, shop: Shop) -> None:
        """Of three for 100.00 the line is 100.00, though no third of it is exact."""
        items = [{"id": 1, "name": "Taza", "quantity": 3, "line_price": "100.00"}]
        shop.plain({"cart_id": "p-1", "email": ROSA, "currency": "MXN", "items": items})
        assert str(shop.carts[0].shown) == "100.00"


class TestRecovered:
    """Revenue counts when it is paid, and only if a mail had gone out before."""

    def test_paid_after_a_mail(self, shop: Shop) -> None:
        """An order that waits for its money counts once that has come, on that day, net of what went back."""
        shop.shopify(checkout())
        shop.go_to(minutes=45)
        shop.shopify(order(financial_status="pending"))
        assert (shop.orders[0].paid_at, shop.orders[0].recovered_cart_id) == (None, None)
        shop.shopify(order(financial_status="paid", updated_at=at(days=2)))
        (found,) = shop.orders
        assert (str(found.net), found.recovered_cart_id) == ("1299.00", shop.carts[0].id)
        assert found.paid_on == (shops.LEFT + timedelta(days=2)).date()
        shop.shopify(order(financial_status="partially_refunded", current_total_price="999.00", updated_at=at(days=3)))
        assert (str(shop.orders[0].net), shop.orders[0].paid_on) == ("999.00", found.paid_on)

    @pytest.mark.parametrize("found", [order(test=True), order(financial_status="refunded"), order(financial_status="voided")])
    def test_what_is_no_revenue(self, shop: Shop, found: dict[str, Any]) -> None:
        """Tests of the shop, and what went back as a whole; they end the series all the same."""
        shop.shopify(checkout())
        shop.go_to(minutes=45)
        shop.shopify(found)
        shop.go_to(days=3)
        assert (len(shop.sent), shop.orders[0].paid_at) == (1, None)

    @pytest.mark.parametrize("shop_reports", [False, True])
    def test_order_that_somebody_tries_recovers_nothing(self, shop: Shop, *, shop_reports: bool) -> None:
        """Of which only a test event has told; once the shop tells of it, it counts."""
        shop.shopify(checkout())
        shop.go_to(hours=1)
        body = order(placed=at(minutes=45))
        envelope, _payload = triggers.SHOPIFY_ORDER.test_event(body, "olga")
        shop.world.storage.send(EVENTS_QUEUE, envelope.to_bytes())
        shop.world.run()
        assert (shop.orders[0].of_test, shop.orders[0].recovered_cart_id) == (True, None)
        if shop_reports:
            shop.shopify(body | {"updated_at": at(minutes=50)})
            assert (shop.orders[0].of_test, shop.orders[0].recovered_cart_id) == (False, shop.carts[0].id)

    def test_second_order_is_not_recovered(self, shop: Shop) -> None:
        """The series was answered by the first."""
        shop.shopify(checkout())
        shop.go_to(minutes=45)
        shop.shopify(order(1, placed=at(hours=1)), order(2, placed=at(hours=2)))
        assert [row.recovered_cart_id for row in shop.orders] == [shop.carts[0].id, None]

    def test_woocommerce_refunds_are_taken_off(self, shop: Shop) -> None:
        """They are written below zero."""
        shop.woo(woo(refunds=[{"id": 1, "total": "-299.50"}]))
        assert str(shop.orders[0].net) == "999.50"
