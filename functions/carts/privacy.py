"""What the carts hold of people. A cart is deleted with its messages; an order stays as a sum, without the person."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from functions.carts.payloads import subject_of
from functions.carts.persons import KIND, value_of
from functions.carts.tables import ERASED, Cart, CartMessage, ShopOrder, ShopWish
from shared.crm.timeline import Source
from shared.people import kinds
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person

CARTS, ORDERS = Cart.__tablename__, ShopOrder.__tablename__


def identify(session: Session, person: Person) -> Person:
    """Their carts and orders: those of their addresses, and of their numbers as customers."""
    person = _with(person, CARTS, "cart", [(row, row.cart_id) for row in _rows(session, Cart, person, CARTS)])
    return _with(person, ORDERS, "order", [(row, row.order_id) for row in _rows(session, ShopOrder, person, ORDERS)])


def _rows(session: Session, model: Any, person: Person, table: str) -> Sequence[Any]:
    return session.scalars(select(model).where(or_(_theirs(model, person), model.id.in_(person.of(table))))).all()


def _with(person: Person, table: str, kind: str, found: Sequence[tuple[Any, str]]) -> Person:
    rows = [row for row, _number in found]
    customers = [kinds.identities(**{KIND: value_of(row.store, row.customer_id)}) for row in rows if row.customer_id]
    names = [name for several in customers for one in several for name in kinds.names_of(one)]
    subjects = [subject_of(kind, row.store, number) for row, number in found]
    subjects += [f"{kind}:{row.id}" for row in rows]
    person = person.with_rows(table, [row.id for row in rows]).with_names([*names, *subjects])
    return person.with_phones(row.phone for row in rows).with_emails(row.email for row in rows)


def _theirs(model: Any, person: Person) -> ColumnElement[bool]:
    customers = [name.removeprefix(f"{KIND}:") for name in person.names if name.startswith(f"{KIND}:")]
    found = (model.store + ":" + model.customer_id).in_(customers)
    return or_(model.email.in_(person.emails), found)


def _order_without(_person: Person) -> dict[str, Any]:
    return {"email": None, "phone": None, "customer_id": None, "cart_ref": None, "other_ref": None, "codes": []} | {
        "items": [],
        "facts": {},
        "notified": [ERASED],
        "recovered_message_id": None,
    }


def _wishes(person: Person) -> ColumnElement[bool]:
    customers = [name.removeprefix(f"{KIND}:") for name in person.names if name.startswith(f"{KIND}:")]
    return or_(ShopWish.email.in_(person.emails), (ShopWish.store + ":" + ShopWish.customer_id).in_(customers))


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(CartMessage, lambda person: CartMessage.cart_id.in_(person.of(CARTS))),
        Holding(Cart, lambda person: Cart.id.in_(person.of(CARTS))),
        Holding(ShopWish, _wishes, lambda _person: {"email": None, "phone": None, "customer_id": None, "orders": []}),
        Holding(ShopOrder, lambda person: ShopOrder.id.in_(person.of(ORDERS)), _order_without),
    ),
    identify=identify,
)


def _carts_shown(_session: Session, rows: Sequence[Cart]) -> Iterator[dict[str, Any]]:
    for row in rows:
        total = {"total": str(row.shown), "currency": row.shown.currency} if row.shown else {}
        details = {"store": row.store, "items": len(row.items or ())} | total
        yield {"what": row.cart_id, "outcome": row.state, "reason": None, "occurred_at": row.changed_at, "details": details}


def _orders_shown(_session: Session, rows: Sequence[ShopOrder]) -> Iterator[dict[str, Any]]:
    for row in rows:
        total = {"net": str(row.net), "currency": row.net.currency} if row.net else {}
        details = {"store": row.store, "recovered": row.recovered_cart_id is not None and row.paid_at is not None} | total
        at = row.placed_at or row.created_at
        yield {"what": row.order_id, "outcome": row.status, "reason": None, "occurred_at": at, "details": details}


CART_TIMELINE = Source("cart", Cart, Cart.created_at, lambda whose: Cart.email.in_(whose.values("email")), _carts_shown)
ORDER_TIMELINE = Source(
    "shop order", ShopOrder, ShopOrder.created_at, lambda whose: ShopOrder.email.in_(whose.values("email")), _orders_shown
)
