"""Shopify's three privacy topics: what is held of a customer is shown to operators, or erased; or all that came from the shop.

They concern what came from that shop, and nothing else that is known of the person. The answer to Shopify is that the wish is
kept; the engine's job fulfils it within minutes, and goes on after a crash.
"""

import logging
import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from functions.carts import privacy, series
from functions.carts.flow import SHOPIFY
from functions.carts.payloads import PrivacyWish, subject_of
from functions.carts.shopify import DATA_REQUEST, SHOP_REDACT
from functions.carts.tables import Cart, ShopOrder, ShopWish
from shared import clock
from shared.alerts import plan_alert
from shared.crm.people import e164, email_name
from shared.journeys import engine
from shared.outbox.actions import State
from shared.privacy.erase import erase_only
from shared.privacy.holdings import ENGINE, Holding
from shared.privacy.person import Person
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent, locked
from shared.store.journey_models import (
    Enrolment,
    EnrolmentAddress,
    EnrolmentStep,
    JourneyBeginning,
    JourneyDecision,
    JourneyEvent,
)
from shared.store.models import ActionLog, DeadLetter, Delivery, InboxEvent
from shared.store.session import reading, transact

log = logging.getLogger("puente.carts")

PENDING, DONE, ASKED = "pending", "done", "asked"
DUE = timedelta(days=30)
AT_ONCE = 100
ACTOR = "shopify"
ENROLMENTS = Enrolment.__tablename__
BEGINNINGS = JourneyBeginning.__tablename__
DELIVERIES = Delivery.__tablename__
KNOWN_AS = "known-as:"  # before a name under which events are remembered, and nothing else of the person is touched
_OF_ENROLMENTS = (JourneyDecision, EnrolmentAddress, EnrolmentStep)


def take(session: Session, wish: PrivacyWish, event_key: str) -> str:
    """Keep a wish: "kept" until it is fulfilled, "asked" where operators answer it. The same body again is no new wish."""
    is_request = wish.topic == DATA_REQUEST
    new: dict[str, Any] = {
        "key": event_key[:64],
        "store": SHOPIFY,
        "topic": wish.topic,
        "state": ASKED if is_request else PENDING,
        "request_id": wish.request,
        "customer_id": wish.customer,
        "email": wish.email,
        "phone": e164(wish.phone, get_settings().default_phone_region) if wish.phone else None,
        "orders": list(wish.orders),
        "due_at": clock.now() + DUE,
    }
    insert_if_absent(session, ShopWish, "key", new)
    if is_request:
        text = (
            f"Puente: Shopify asks for the data of a customer (request {wish.request}). Give the merchant what "
            "GET /api/v1/carts/wishes shows of it, within 30 days."
        )
        plan_alert(session, f"shop-wish:{event_key}", text)
    return "asked" if is_request else "kept"


def fulfil() -> int:
    """Erase what is to be erased; how many wishes were fulfilled. One that cannot be yet stays, and stops no other."""
    with reading() as session:
        ids = list(session.scalars(select(ShopWish.id).where(ShopWish.state == PENDING).order_by(ShopWish.id).limit(AT_ONCE)))
    return sum(transact(partial(_fulfilled, number=number)) for number in ids)


def _fulfilled(session: Session, number: int) -> bool:
    """Whether it is done: a part of a large shop at a time, and nothing while a message to the person is on its way."""
    wish = session.scalars(locked(select(ShopWish).where(ShopWish.id == number), ShopWish)).one()
    if wish.state != PENDING:
        return False
    carts, orders = rows_of(session, wish, AT_ONCE)
    who = _who(session, carts, orders)
    if _is_under_way(session, who):
        return False
    for enrolment in sorted(who.of(ENROLMENTS)):
        engine.exit(session, enrolment, "erased")
    session.flush()
    session.expunge_all()
    found = erase_only(session, who, HOLDINGS, ACTOR)
    wish = session.get_one(ShopWish, number)
    wish.found = {name: found.get(name, 0) + (wish.found or {}).get(name, 0) for name in found}
    if len(carts) < AT_ONCE and len(orders) < AT_ONCE:
        wish.state, wish.done_at = DONE, clock.now()
        wish.email, wish.phone, wish.customer_id, wish.orders = None, None, None, []
    return wish.state == DONE


def rows_of(session: Session, wish: ShopWish, limit: int) -> tuple[Sequence[Cart], Sequence[ShopOrder]]:
    """The carts and orders that a wish is about, as many as `limit`; orders that are a bare sum already are left out."""
    cart = select(Cart).where(Cart.store == wish.store, _theirs(Cart, wish))
    order = select(ShopOrder).where(ShopOrder.store == wish.store, _theirs(ShopOrder, wish))
    carts = session.scalars(cart.order_by(Cart.id).limit(limit)).all()
    orders = session.scalars(order.order_by(ShopOrder.id).limit(limit)).all()
    return carts, orders


def _theirs(model: Any, wish: ShopWish) -> ColumnElement[bool]:
    has_person = or_(model.email.is_not(None), model.customer_id.is_not(None), model.phone.is_not(None))
    if wish.topic == SHOP_REDACT:
        return has_person if model is ShopOrder else model.id > 0
    given = {model.email: wish.email, model.customer_id: wish.customer_id, model.phone: wish.phone}
    ways = [column == value for column, value in given.items() if value]
    if model is ShopOrder and wish.orders:
        ways.append(model.order_id.in_(list(wish.orders)) & has_person)
    return or_(*ways) if ways else model.id < 0


def _who(session: Session, carts: Sequence[Cart], orders: Sequence[ShopOrder]) -> Person:
    """Exactly these rows, with what the journey and the queues hold of them."""
    emails = sorted({row.email for rows in (carts, orders) for row in rows if row.email})
    people = [email_name(email) for email in emails]
    names = {subject_of("cart", row.store, row.cart_id) for row in carts}
    names |= {f"cart:{row.id}" for row in carts}
    names |= {subject_of("order", row.store, row.order_id) for row in orders}
    ids = {row.id for row in carts}
    mine = select(Enrolment).where(Enrolment.journey == series.JOURNEY, Enrolment.person.in_(people))
    enrolments = [row.id for row in session.scalars(mine) if row.data.get("cart") in ids]
    known = JourneyBeginning.person.in_(people)
    waiting = select(JourneyBeginning).where(JourneyBeginning.journey == series.JOURNEY, known)
    beginnings = [row.id for row in session.scalars(waiting) if row.data.get("cart") in ids]
    steps = select(EnrolmentStep.delivery_id).where(EnrolmentStep.enrolment_id.in_(enrolments))
    deliveries = [number for number in session.scalars(steps) if number is not None]
    codes = select(Delivery.id).where(Delivery.subject.in_([f"cart:{row.id}" for row in carts]))
    deliveries += session.scalars(codes).all()
    who = Person(pseudonym=f"erased:{uuid.uuid4().hex[:16]}", names=frozenset(names | {f"{KNOWN_AS}{name}" for name in people}))
    who = who.with_rows(privacy.CARTS, ids).with_rows(privacy.ORDERS, [row.id for row in orders])
    who = who.with_rows(BEGINNINGS, beginnings)
    return who.with_rows(ENROLMENTS, enrolments).with_rows(DELIVERIES, deliveries)


def _is_under_way(session: Session, who: Person) -> bool:
    query = select(Delivery.id).where(Delivery.id.in_(who.of(DELIVERIES)), Delivery.state == State.SENDING)
    return session.scalars(query.limit(1)).first() is not None


def _events(person: Person) -> ColumnElement[bool]:
    names = (series.UPDATED, series.CHANGED, series.EMPTIED, series.PLACED)
    return JourneyEvent.event.in_(names) & JourneyEvent.person.in_(_people(person))


def _people(person: Person) -> Collection[str]:
    return [name.removeprefix(KNOWN_AS) for name in person.names if name.startswith(KNOWN_AS)]


def _in_journey(model: Any) -> Holding:
    return Holding(model, lambda person: model.enrolment_id.in_(person.of(ENROLMENTS)))


def _instead(model: Any) -> Any:
    return next(holding.instead for holding in ENGINE.holdings if holding.table is model)


HOLDINGS: tuple[Holding, ...] = (
    *(_in_journey(model) for model in _OF_ENROLMENTS),
    Holding(Enrolment, lambda person: Enrolment.id.in_(person.of(ENROLMENTS))),
    Holding(JourneyBeginning, lambda person: JourneyBeginning.id.in_(person.of(BEGINNINGS))),
    Holding(JourneyEvent, _events),
    Holding(Delivery, lambda person: Delivery.id.in_(person.of(DELIVERIES)), _instead(Delivery)),
    Holding(ActionLog, lambda person: ActionLog.delivery_id.in_(person.of(DELIVERIES)), _instead(ActionLog)),
    Holding(InboxEvent, lambda person: InboxEvent.subject.in_(sorted(person.names)), _instead(InboxEvent)),
    Holding(DeadLetter, lambda person: DeadLetter.subject.in_(sorted(person.names)), _instead(DeadLetter)),
    *(holding for holding in privacy.PERSONAL_DATA.holdings if holding.table is not ShopWish),
)
