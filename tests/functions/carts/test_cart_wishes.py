"""Shopify's three privacy topics: what is erased, what stays, and that a captured request erases nobody."""

import json

import pytest
from sqlalchemy import select

from functions.carts import wishes, wishes_api
from functions.carts.tables import CartMessage, ShopWish
from functions.leads.tables import Lead
from shared.journeys import engine
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, JourneyBeginning
from shared.store.models import ActionLog, Delivery, InboxEvent
from shared.store.session import transact
from tests.functions.carts.conftest import Shop
from tests.support.payloads import payload
from tests.support.shops import at, checkout, line, order, woo

ROSA = "rosa.mu@example.com"
REDACT = payload("shopify.privacy", "redact")
DATA_REQUEST = payload("shopify.privacy", "data_request")
SHOP_REDACT = payload("shopify.privacy", "shop_redact")


def become_a_lead(shop: Shop) -> None:
    """She has also asked for a service, which has nothing to do with the shop."""

    def store(session) -> None:
        now = shop.clock.moment
        given = {"name": "Rosa", "phone_original": "1", "company": "", "source": "", "received_at": now, "said_at": now}
        session.add(Lead(id=77, email=ROSA, service="asesoría", **given))
        data = {"first_name": "Rosa", "email": ROSA, "service": "asesoría", "booking_url": "https://x.example"}
        engine.signal(session, "lead.created", ["lead:77"], data, event_key="l", at=now)

    transact(store)


def test_customer_is_erased_within_the_shop(shop: Shop) -> None:
    """Carts, messages, series and events are gone, the order is a bare sum; what she is as a lead stays, and so do others."""
    become_a_lead(shop)
    shop.shopify(checkout(customer={"id": 77}), checkout("c-2", email="luis@example.com"))
    shop.go_to(minutes=45)
    shop.woo(woo(5))
    shop.shopify(REDACT, topic="customers/redact")
    assert (wishes.fulfil(), wishes.fulfil()) == (1, 0)
    assert [row.email for row in shop.carts] == ["luis@example.com"]
    assert {row.person for row in shop.rows(Enrolment)} == {"lead:77", "email:luis@example.com"}
    assert [row.email for row in shop.orders] == [ROSA]  # in another shop
    assert [row.person for row in shop.rows(JourneyBeginning)] == ["email:luis@example.com"]
    assert not [row for row in shop.rows(InboxEvent) if row.type == "shopify.checkout" and "rosa" in json.dumps(row.data)]
    assert not [row for row in shop.rows(ActionLog) if row.subject == f"email:{ROSA}"]
    (wish,) = shop.rows(ShopWish)
    assert (wish.state, wish.email, wish.customer_id, wish.found["carts"]) == ("done", None, None, 1)
    assert [row.action for row in shop.rows(ActionLog)].count("person.erase") == 1
    shop.go_to(days=3)
    assert [to for step, to in shop.sent if step == "mail_3"] == ["luis@example.com"]


def test_customer_without_an_address_is_found_by_number_and_orders(shop: Shop) -> None:
    """Address and phone may be missing in the request."""
    shop.shopify(checkout(customer={"id": 77}), order(820982911, email="rosa@other.example"))
    shop.shopify(REDACT | {"customer": {"id": 77}}, topic="customers/redact")
    assert wishes.fulfil() == 1
    assert (shop.carts, [(row.email, str(row.net)) for row in shop.orders]) == ([], [(None, "1299.00")])


def test_same_request_again_erases_nobody(shop: Shop) -> None:
    """A captured request verifies for ever, under any id: she has come back since, and stays."""
    shop.shopify(checkout())
    shop.shopify(REDACT, topic="customers/redact", number="one")
    assert wishes.fulfil() == 1
    shop.shopify(checkout("c-9", changed=at(minutes=5), line_items=[line("Florero")]))
    shop.shopify(REDACT, topic="customers/redact", number="two")
    assert (wishes.fulfil(), len(shop.carts)) == (0, 1)


@pytest.mark.parametrize(
    "body",
    [
        order(),
        REDACT | {"line_items": []},
        {"shop_id": 1, "customer": {"id": 77}, "orders_to_redact": []},
        SHOP_REDACT,
        DATA_REQUEST,
    ],
    ids=["an order", "more than it has", "no shop", "a whole shop", "a question"],
)
def test_body_must_be_of_its_topic(shop: Shop, body: dict) -> None:
    """The topic is not signed, so that anything else is refused."""
    shop.shopify(body, topic="customers/redact", status=422)
    assert shop.rows(ShopWish) == []


def test_of_another_shop(shop: Shop, environment: pytest.MonkeyPatch) -> None:
    """The shop's domain stands in the body, which is signed."""
    environment.setenv("SHOPIFY_SHOP", "tienda.myshopify.com")
    get_settings.cache_clear()
    shop.shopify(SHOP_REDACT | {"shop_domain": "otra.myshopify.com"}, topic="shop/redact", status=422)
    assert shop.rows(ShopWish) == []


def test_whole_shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part at a time; orders stay as sums, other shops stay."""
    monkeypatch.setattr(wishes, "AT_ONCE", 2)
    shop.shopify(*(checkout(f"c-{number}", email=f"a{number}@example.com") for number in range(3)))
    shop.shopify(*(order(number, email=f"a{number}@example.com") for number in range(3)))
    shop.woo(woo(5))
    shop.shopify(SHOP_REDACT, topic="shop/redact")
    assert [wishes.fulfil() for _ in range(4)].count(1) == 1
    assert shop.carts == []
    assert [(row.store, row.email) for row in shop.orders] == [("shopify", None)] * 3 + [("woocommerce", ROSA)]


def test_waits_while_a_message_is_on_its_way(shop: Shop) -> None:
    """It would be written anew behind our back."""
    shop.shopify(checkout())
    shop.go_to(minutes=45)

    def sending(session) -> None:
        session.scalars(select(Delivery).where(Delivery.state == State.PENDING)).first().state = State.SENDING

    transact(sending)
    shop.shopify(REDACT, topic="customers/redact")
    assert (wishes.fulfil(), len(shop.carts), len(shop.rows(CartMessage))) == (0, 1, 1)


def test_question_is_answered_by_the_merchant(shop: Shop, environment: pytest.MonkeyPatch) -> None:
    """Operators are told, without anything of the person; the API shows what is held."""
    environment.setenv("ALERT_WEBHOOK_URL", "https://alerts.example/x")
    get_settings.cache_clear()
    shop.shopify(checkout(customer={"id": 77}))
    shop.shopify(DATA_REQUEST, DATA_REQUEST, topic="customers/data_request")
    (alert,) = [row.payload["text"] for row in shop.rows(Delivery) if row.target == "alerts"]
    assert "9999" in alert
    assert "rosa" not in alert.lower()
    (shown,) = wishes_api.list_wishes(wishes_api.WishQuery(state="asked")).items
    assert (shown.request_id, [cart["cart_id"] for cart in shown.held["carts"]]) == ("9999", ["c-1"])
    assert (wishes.fulfil(), len(shop.carts)) == (0, 1)
