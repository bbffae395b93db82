"""Whose a cart or an order is: the shop's number of the customer proves a person; what was typed into it proposes one."""

from sqlalchemy.orm import Session

from functions.carts.tables import Cart, ShopOrder
from functions.leads import persons as leads
from shared.people import kinds, observing
from shared.people.backfill import Source
from shared.people.observing import Seen

KIND = "shop"


def value_of(store: str, customer_id: str) -> str:
    """The customer of a shop, as one value."""
    return f"{store}:{customer_id}"


def observe(session: Session, row: Cart | ShopOrder) -> int | None:
    """Note by which identities the buyer is known; the number of the person, None where the shop names no customer."""
    if not row.customer_id:
        return None
    proven = kinds.identities(shop=value_of(row.store, row.customer_id))
    typed = kinds.identities(email=row.email, phone=row.phone)
    at = row.changed_at if isinstance(row, Cart) else row.placed_at or row.created_at
    return observing.observe(session, Seen(source=row.store, at=at, proven=proven, typed=typed)) if proven else None


def names_of(session: Session, *, email: str | None, store: str = "", customer_id: str | None = None) -> list[str]:
    """By which names journeys may know the buyer, the one to enrol under first."""
    names = leads.names_of(session, email=email)
    if customer_id:
        found = kinds.identities(shop=value_of(store, customer_id))
        names += [name for one in found for name in kinds.names_of(one)]
    return names


CARTS = Source("carts", Cart, observe)
ORDERS = Source("shop_orders", ShopOrder, observe)
