"""Any order and repetition of what shops report ends in the same carts, orders and mails."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.carts import facts, shopify, woocommerce
from functions.carts.payloads import CartReport, OrderReport
from functions.carts.recovery import Ordered, Sent, answers
from tests.functions.carts.conftest import Shop
from tests.support.shops import LEFT, at, checkout, line, order, woo

THINGS = checkout()["line_items"]
STORIES: dict[str, list[dict[str, Any]]] = {
    "corrected": [
        checkout(email=None),
        checkout(email="rosa@gmial.example", changed=at(minutes=2)),
        checkout(email="rosa@gmail.example", changed=at(minutes=4), line_items=[line("Florero")]),
    ],
    "ordered": [
        checkout(),
        checkout(changed=at(minutes=3), phone="+525512345678"),
        order(placed=at(minutes=5), financial_status="pending", checkout_token="c-9", line_items=THINGS),
        order(placed=at(minutes=5), updated_at=at(minutes=9), checkout_token="c-9", line_items=THINGS),
        checkout("c-2", changed=at(minutes=7), line_items=THINGS),
    ],
    "emptied": [
        checkout(),
        checkout("c-2", changed=at(minutes=3), line_items=[line("Florero")]),
        checkout("c-2", changed=at(minutes=6), line_items=[]),
    ],
    "ordered and left another": [
        checkout(),
        order(placed=at(minutes=5), line_items=THINGS),
        checkout("c-2", changed=at(minutes=8), line_items=[line("Florero")]),
    ],
}
OWN = frozenset({"id", "created_at", "updated_at", "notified", "order_id", "recovered_message_id", "recovered_cart_id"})


def stored(shop: Shop) -> list[dict[str, Any]]:
    """What carts and orders say, without the numbers and times of our own."""
    return sorted(
        ({one.key: getattr(row, one.key) for one in row.__table__.columns if one.key not in OWN} for row in shop.carts),
        key=lambda row: str(row["cart_id"]),
    ) + [{one.key: getattr(row, one.key) for one in row.__table__.columns if one.key not in OWN} for row in shop.orders]


EXPECTED: dict[str, tuple[list[dict[str, Any]], list[tuple[str, str]]]] = {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("story", STORIES)
def test_story_ends_the_same_in_any_order(shop: Shop, story: str, seed: int) -> None:
    """Through webhook, queue, database and journey: the rows, and which mails go out when."""
    shop.go_to(minutes=15)
    if seed:
        shop.shuffled(STORIES[story], seed)
    else:
        shop.shopify(*STORIES[story])
    rows = stored(shop)
    shop.go_to(days=4)
    mails = [(str(letter.message.due_at), letter.message.to) for letter in shop.post.sent]
    assert EXPECTED.setdefault(story, (rows, mails)) == (rows, mails)


def test_who_gets_what(shop: Shop) -> None:
    """The emptied cart is forgotten; the older one is written about, half an hour after the last change."""
    shop.shopify(*STORIES["emptied"][::-1])
    shop.go_to(minutes=36)
    assert [letter.message.variables["cart_id"] for letter in shop.post.sent] == ["c-1"]


MOMENTS = st.integers(0, 4)
CART_REPORTS = st.builds(
    lambda minute, email, count, done: CartReport.model_validate(
        shopify.checkout_of(
            checkout(
                email=email,
                changed=at(minutes=minute),
                line_items=[line(quantity=count)],
                completed_at=at(minutes=minute) if done else None,
            )
        )
    ),
    MOMENTS,
    st.sampled_from([None, "a@b.example", "c@d.example"]),
    st.integers(0, 2),
    st.booleans(),
)
ORDER_REPORTS = st.builds(
    lambda minute, status, total: OrderReport.model_validate(
        woocommerce.order_of(
            woo(status=status, total=total, date_modified_gmt=at(minutes=minute)[:19], date_paid_gmt=at(minutes=minute)[:19])
        )
    ),
    MOMENTS,
    st.sampled_from(["checkout-draft", "on-hold", "processing", "completed", "cancelled", "refunded"]),
    st.sampled_from(["10.00", "8.00"]),
)


@given(st.lists(CART_REPORTS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_facts_of_a_cart_depend_on_no_order(reports: list[CartReport], dice: Any) -> None:
    """Equal moments and contradictions included."""
    shuffled = [*reports, *dice.sample(reports, k=dice.randint(0, len(reports)))]
    dice.shuffle(shuffled)
    found = []
    for several in (reports, shuffled):
        known: dict[str, Any] = {}
        for each in several:
            known = facts.of_cart(known, each, each.at or LEFT)
        found.append(known)
    assert found[0] == found[1]


@given(st.lists(ORDER_REPORTS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_facts_of_an_order_depend_on_no_order(reports: list[OrderReport], dice: Any) -> None:
    """It has ended a cart once any report says so; its state is that of the newest."""
    shuffled = [*reports, *dice.sample(reports, k=dice.randint(0, len(reports)))]
    dice.shuffle(shuffled)
    found = []
    for several in (reports, shuffled):
        known: dict[str, Any] = {}
        for each in several:
            known = facts.of_order(known, each, each.at or LEFT)
        found.append(known)
    assert found[0] == found[1]
    assert (facts.PLACED in found[0]) == any(each.ends for each in reports)


MOMENT = st.integers(0, 30).map(lambda hour: datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hour))
SENT = st.lists(
    st.builds(Sent, st.integers(1, 99), st.integers(1, 3), st.integers(1, 3), MOMENT), max_size=6, unique_by=lambda one: one.id
)
PLACED = st.lists(st.builds(Ordered, st.integers(1, 99), MOMENT, st.booleans()), max_size=5, unique_by=lambda one: one.id)


@given(SENT, PLACED, st.randoms(use_true_random=False))
def test_recovered_is_paid_and_after_a_mail(sent: list[Sent], orders: list[Ordered], dice: Any) -> None:
    """Each series answers for one order at most, and the order of the arguments does not matter."""
    found = answers(sent, orders, timedelta(hours=12))
    placed = {order.id: order for order in orders}
    assert all(placed[number].paid and message.at < placed[number].at for number, message in found.items())
    assert len({message.series for message in found.values()}) == len(found)
    dice.shuffle(sent)
    dice.shuffle(orders)
    assert answers(sent, orders, timedelta(hours=12)) == found
