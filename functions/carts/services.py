"""Keeps what shops report of carts and orders, and has the series of mails follow. Every order of the reports ends the same."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.carts import amounts, covering, facts, persons, recovery, series
from functions.carts.payloads import CartReport, Item, OrderReport, ShopNotice
from functions.carts.settings import CartSettings
from functions.carts.tables import COMPLETED, EMPTY, OPEN, ORDERED, VARIANTS, Cart, ShopOrder
from shared import clock
from shared.alerts import plan_alert
from shared.crm.people import e164
from shared.outbox import plan
from shared.settings import get_settings, settings_of
from shared.store.dialect import hold_names, insert_if_absent, locked
from shared.store.types import fitting


def take_cart(session: Session, report: CartReport, at: datetime, event_key: str) -> str:
    """Take in how a cart stands: "applied", or "stale" where newer reports say it all. Twice is as once."""
    hold_names(session, sorted(_names(report)))
    cart, is_new = _locked_cart(session, report, at)
    before, known_as = cart.facts, cart.email
    cart.facts = facts.of_cart(before, report, at)
    if cart.facts == before and not is_new:
        return "stale"
    _fill_cart(cart)
    session.flush()
    set_state(cart, covering.orders_of(session, cart))
    persons.observe(session, cart)
    series.follow(session, [known_as, cart.email], at, event_key)
    return "applied"


def take_order(session: Session, report: OrderReport, at: datetime, event_key: str) -> str:
    """Take in how an order stands: "applied", or "stale" where newer reports say it all. Twice is as once.

    It ends the series of whoever ordered, found by address, phone, number of the customer, cart and discount code.
    """
    hold_names(session, sorted(_names(report)))
    order, is_new = _locked_order(session, report)
    before = order.facts
    order.facts = facts.of_order(before, report, at)
    if order.facts == before and not is_new:
        return "stale"
    _fill_order(order)
    session.flush()
    carts = covering.carts_of(session, order)
    for cart in carts:  # by a discount code the order finds the cart, and not the cart the order
        set_state(cart, [*covering.orders_of(session, cart), order])
    session.flush()
    persons.observe(session, order)
    recovery.attribute(session, carts)
    if order.placed_at is not None:
        series.end(session, order, carts)
        series.follow(session, [order.email, *(cart.email for cart in carts)], order.placed_at, event_key)
    return "applied"


def take_notice(session: Session, notice: ShopNotice) -> str:
    """Take in what is no order: "ignored", or "alerted" where WooCommerce could not read its own order."""
    if notice.what == "ignored":
        return "ignored"
    text = (
        f"Puente: {notice.store} sent the error {notice.detail[:80]} in the place of an order. The user who made the webhook "
        "may not read orders, or the order is gone; the nightly comparison brings what is missing."
    )
    plan_alert(session, f"shop-error:{notice.store}:{clock.now():%Y-%m-%d}", text)
    return "alerted"


def set_state(cart: Cart, orders: Iterable[ShopOrder]) -> None:
    """Whether the cart is still one that somebody may come back to, by what is known of it and of its person's orders."""
    order = covering.covering(cart, orders)
    cart.order_id = order.id if order is not None else None
    if order is not None:
        cart.state = ORDERED
    elif cart.completed_at is not None:
        cart.state = COMPLETED
    else:
        cart.state = EMPTY if _is_empty(cart) else OPEN


def variant_of(store: str, cart_id: str) -> str:
    """Which of two subjects the mails about a cart have: half of all carts each, and always the same for one cart."""
    return VARIANTS[hashlib.sha256(f"{store}\n{cart_id}".encode()).digest()[0] % len(VARIANTS)]


def zone() -> ZoneInfo:
    """The zone in which revenue has its day."""
    return ZoneInfo(settings_of(CartSettings).carts_time_zone or get_settings().default_time_zone)


def _is_empty(cart: Cart) -> bool:
    """Nothing is in it, or nothing that costs something. A cart of which nobody has said what is in it is none of these."""
    return cart.items is not None and (
        not any(line.get("quantity", 1) for line in cart.items) or cart.shown_minor == 0 or cart.book_minor == 0
    )


def _names(report: CartReport | OrderReport) -> set[str]:
    """What is locked, so that two reports about one person are taken in one after the other."""
    phone = _phone(report.phone)
    names = {f"shop-email:{report.email}" if report.email else "", f"shop-phone:{phone}" if phone else ""}
    if report.customer:
        names.add(f"shop-customer:{persons.value_of(report.store, report.customer)}")
    refs = [report.cart_id, report.alias] if isinstance(report, CartReport) else report.cart_names
    return (names | {f"shop-cart:{report.store}:{ref}" for ref in refs if ref}) - {""}


def _locked_cart(session: Session, report: CartReport, at: datetime) -> tuple[Cart, bool]:
    same = {"store": report.store, "cart_id": report.cart_id}
    new = same | {"changed_at": at, "variant": variant_of(report.store, report.cart_id), "facts": {}}
    is_new = insert_if_absent(session, Cart, ("store", "cart_id"), new)
    return session.scalars(locked(select(Cart).filter_by(**same), Cart)).one(), is_new


def _locked_order(session: Session, report: OrderReport) -> tuple[ShopOrder, bool]:
    same, is_of_test = {"store": report.store, "order_id": report.order_id}, plan.is_of_test(session)
    is_new = insert_if_absent(session, ShopOrder, ("store", "order_id"), same | {"facts": {}, "of_test": is_of_test})
    order = session.scalars(locked(select(ShopOrder).filter_by(**same), ShopOrder)).one()
    order.of_test = order.of_test and is_of_test
    return order, is_new


def _fill_cart(cart: Cart) -> None:
    """The columns, out of the facts."""
    for column, name in (("token", "alias"), ("email", "email"), ("customer_id", "customer"), ("url", "url")):
        setattr(cart, column, facts.value(cart.facts, name))
    cart.first_name, cart.last_name = (_short(facts.value(cart.facts, name)) for name in ("first_name", "last_name"))
    cart.phone = _phone(facts.value(cart.facts, "phone"))
    cart.changed_at = facts.moment(cart.facts, facts.CHANGED) or cart.changed_at
    cart.completed_at = facts.moment(cart.facts, facts.COMPLETED)
    held: Mapping[str, Any] | None = facts.value(cart.facts, "items")
    cart.items = held["lines"] if held is not None else None
    _fill_totals(cart, held)


def _fill_totals(cart: Cart, held: Mapping[str, Any] | None) -> None:
    items = [Item.model_validate(line) for line in (held or {}).get("lines", ())]
    given, is_exact = (held or {}).get("total"), bool((held or {}).get("exact"))
    shown, book = (
        amounts.total(items, tuple(given) if given else None, of_shown=of_shown, exact=is_exact) for of_shown in (True, False)
    )
    cart.shown_minor, cart.shown_currency = (shown.minor, shown.currency) if shown else (None, None)
    cart.book_minor, cart.book_currency = (book.minor, book.currency) if book else (None, None)


def _fill_order(order: ShopOrder) -> None:
    """The columns, out of the facts."""
    for column, name in (("email", "email"), ("customer_id", "customer"), ("codes", "codes"), ("items", "items")):
        setattr(order, column, facts.value(order.facts, name) or ([] if column in ("codes", "items") else None))
    order.phone = _phone(facts.value(order.facts, "phone"))
    refs = [*(facts.value(order.facts, "cart_names") or ()), None, None]
    order.cart_ref, order.other_ref = refs[0], refs[1]
    state: Mapping[str, Any] = facts.value(order.facts, facts.STATE)
    order.status, order.placed_at = state["status"], facts.moment(order.facts, facts.PLACED)
    is_revenue = state["paid"] and state["counts"]
    order.paid_at = facts.moment(order.facts, facts.PAID) if is_revenue else None
    order.paid_on = order.paid_at.astimezone(zone()).date() if order.paid_at else None
    total = amounts.read(tuple(state["total"]) if state["total"] else None, exact=state["exact"])
    net = amounts.net(total, state["refunded"])
    order.net_minor, order.currency = (net.minor, net.currency) if net else (None, None)


def _phone(given: str | None) -> str | None:
    return e164(given, get_settings().default_phone_region) if given else None


def _short(name: str | None) -> str | None:
    return fitting(name, 100) if name else None
