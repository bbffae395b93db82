"""What is shown of carts; what is erased and removed of them; what counts as opened."""

import json
from datetime import timedelta
from typing import Any

import pytest

from functions.carts import api, results
from functions.carts.tables import Cart, CartMessage, ShopOrder
from shared import retention
from shared.crm import timeline
from shared.errors import RefusedError
from shared.messages import statuses
from shared.messages.events import ProviderEvent
from shared.privacy.erase import erase, look, person
from shared.settings import get_settings
from shared.store.journey_models import JourneyBeginning
from shared.store.models import InboxEvent
from shared.store.session import reading, transact
from tests.functions.carts.conftest import Shop
from tests.support import shops
from tests.support.shops import at, checkout, order

ROSA = "rosa.mu@example.com"


def reported(shop: Shop, delivery: int, **events: float) -> None:
    """The provider reports these of a message, so many seconds after it was sent."""
    sent_at = shop.rows(CartMessage)[0].sent_at
    for status, seconds in events.items():
        news: dict[str, Any] = {"provider": "brevo", "vendor_id": f"V{delivery}", "status": status, "delivery_id": delivery}
        event = ProviderEvent(**news, at=sent_at + timedelta(seconds=seconds))
        transact(lambda session, event=event: statuses.status(session, event))


def test_cart_is_shown_with_its_messages(shop: Shop) -> None:
    """Recovered once the order is paid."""
    shop.shopify(checkout())
    shop.go_to(minutes=45)
    shop.shopify(order(financial_status="pending"))
    (found,) = api.list_carts(api.CartQuery(email="ROSA.MU@example.com")).items
    assert (found.state, found.total, found.currency, found.order_id, found.recovered) == (
        "ordered",
        "1299.00",
        "MXN",
        "1",
        False,
    )
    shop.shopify(order(updated_at=at(days=1)))
    found = api.get_cart(found.id)
    assert (found.recovered, found.recovered_at, [one.step for one in found.messages]) == (
        True,
        shops.LEFT + timedelta(days=1),
        ["mail_1"],
    )
    with pytest.raises(RefusedError):
        api.get_cart(99)


def test_recovered_revenue_by_day_and_currency(shop: Shop) -> None:
    """Only what was paid after a mail; currencies are never added up."""
    for number, currency in enumerate(("MXN", "MXN", "USD"), start=1):
        shop.shopify(checkout(f"c-{number}", email=f"a{number}@example.com"))
        shop.go_to(minutes=30 + number)
        shop.shopify(order(number, email=f"a{number}@example.com", currency=currency, placed=at(hours=number)))
    shop.shopify(order(9, email="nobody@example.com"))
    found = api.get_recovered(shops.LEFT.date(), shops.LEFT.date())
    assert [(day.currency, day.orders, day.net) for day in found.days] == [("MXN", 2, "2598.00"), ("USD", 1, "1299.00")]
    with pytest.raises(RefusedError):
        api.get_recovered(shops.LEFT.date(), shops.LEFT.date() - timedelta(days=1))


def test_result_of_the_two_subjects(shop: Shop) -> None:
    """What people have opened and clicked, and the order after the last message."""
    shop.shopify(checkout())
    shop.go_to(hours=24)
    first, _second = shop.rows(CartMessage)
    reported(shop, first.delivery_id, delivered=1, opened=3, clicked=400)
    shop.shopify(order(placed=at(hours=25)))
    shown = api.get_subjects(shops.LEFT.date(), shops.LEFT.date() + timedelta(days=1)).messages
    assert [(one.step, one.sent, one.opened, one.clicked, one.orders, one.revenue) for one in shown] == [
        ("mail_1", 1, 1, 1, 0, {}),
        ("mail_2", 1, 0, 0, 1, {"MXN": "1299.00"}),
    ]
    assert shown[0].variant == shop.carts[0].variant


def test_subjects_are_compared() -> None:
    """By openings of what was sent, for each message; a subject that has not gone out is compared with nothing."""
    found = [
        results.Result(step="mail_1", channel="email", variant="a", sent=400, opened=120),
        results.Result(step="mail_1", channel="email", variant="b", sent=400, opened=170),
        results.Result(step="mail_2", channel="email", variant="b", sent=10, opened=5),
    ]
    compared = results.compared(found)
    assert [(step, one.verdict) for step, _channel, one in compared] == [("mail_1", "b"), ("mail_2", "none-sent")]


def test_gateway_that_opens_every_link_does_not_count(shop: Shop) -> None:
    """Seconds after the delivery a machine has opened and clicked; a day later the person opens it."""
    shop.shopify(checkout())
    shop.go_to(minutes=45)
    (message,) = shop.rows(CartMessage)
    reported(shop, message.delivery_id, delivered=1, opened=3, clicked=5)
    (row,) = shop.rows(CartMessage)
    assert (row.status, row.opened_at, row.clicked_at) == ("delivered", None, None)
    reported(shop, message.delivery_id, opened=90_000)
    (row,) = shop.rows(CartMessage)
    assert (row.status, row.opened_at is not None, row.clicked_at) == ("opened", True, None)
    (one,) = api.get_subjects(shops.LEFT.date(), shops.LEFT.date()).messages
    assert (one.opened, one.clicked) == (1, 0)


def test_erasure_takes_the_cart_and_leaves_the_sum(shop: Shop) -> None:
    """The order stays as a sum without its person; the rest is gone, and another erasure finds nothing."""
    shop.shopify(checkout(customer={"id": 77, "first_name": "Rosa"}, phone="+525512345678"))
    shop.go_to(minutes=45)
    shop.shopify(order(customer={"id": 77}))
    found = look(person(email=ROSA), ask_odoo=False)
    assert (found.rows["carts"], found.rows["cart_messages"], found.rows["shop_orders"], found.rows["enrolments"]) == (
        1,
        1,
        1,
        1,
    )
    erase(person(email=ROSA), way="skip", actor="dpo")
    assert (shop.carts, shop.rows(CartMessage), shop.rows(JourneyBeginning)) == ([], [], [])
    (kept,) = shop.orders
    assert (str(kept.net), kept.email, kept.phone, kept.customer_id, kept.facts, kept.items) == (
        "1299.00",
        None,
        None,
        None,
        {},
        [],
    )
    assert "rosa" not in json.dumps([row.data for row in shop.rows(InboxEvent)]).lower()
    assert not any(look(person(email=ROSA), ask_odoo=False).rows.values())


def test_customer_number_leads_to_every_address(shop: Shop) -> None:
    """Whoever typed another address the second time is found by the shop's number of the customer."""
    shop.shopify(checkout(customer={"id": 77}), checkout("c-2", email="rosa@work.example", customer={"id": 77}))
    assert look(person(email=ROSA), ask_odoo=False).rows["carts"] == 2


def test_timeline_shows_carts_and_orders(shop: Shop) -> None:
    """Of whoever has the address."""
    shop.shopify(checkout(), order())
    sources = {source.kind: source for source in timeline.sources()}
    with reading() as session:
        carts = list(sources["cart"].details(session, shop.carts))
        orders = list(sources["shop order"].details(session, shop.orders))
    assert (carts[0]["what"], carts[0]["outcome"], carts[0]["details"]["total"]) == ("c-1", "ordered", "1299.00")
    assert (orders[0]["what"], orders[0]["details"]["recovered"]) == ("1", False)


def test_kept_for_as_long_as_is_wanted(shop: Shop, environment: pytest.MonkeyPatch) -> None:
    """By default for ever; else what nothing was reported of for so long, with its messages."""
    shop.shopify(checkout())
    shop.go_to(minutes=45)
    shop.shopify(order())
    shop.clock.advance(days=366)
    retention.forget()
    assert (len(shop.carts), len(shop.orders)) == (1, 1)
    environment.setenv("RETENTION_CART_DAYS", "365")
    get_settings.cache_clear()
    for _ in range(3):
        retention.forget()
    assert (shop.rows(Cart), shop.rows(CartMessage), shop.rows(ShopOrder)) == ([], [], [])
