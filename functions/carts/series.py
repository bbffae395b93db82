"""The series of mails about a cart: which cart a person's series is about, and what the journey is told of it.

Level-triggered: what is told follows from the rows of the person, so that the order in which shops report does not matter.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.carts import amounts, covering, persons
from functions.carts.payloads import Item
from functions.carts.settings import CartSettings
from functions.carts.tables import ERASED, OPEN, Cart, CartMessage, ShopOrder
from shared.crm.people import email_name
from shared.journeys import engine
from shared.journeys.enrolment_records import Standing
from shared.people import aliases, kinds
from shared.settings import get_settings, settings_of
from shared.store.journey_models import Enrolment
from shared.store.types import key_of

JOURNEY = "cart_recovery"
UPDATED, CHANGED, EMPTIED, PLACED = "cart.updated", "cart.changed", "cart.emptied", "order.placed"
MOST_CARTS, MOST_SHOWN = 20, 5


def follow(session: Session, emails: Iterable[str | None], at: datetime, event_key: str) -> None:
    """Tell the journey how the carts of these addresses stand now; first of an address that somebody has corrected."""
    session.flush()
    for email in dict.fromkeys(one for one in emails if one):
        _follow_one(session, email, at, event_key)


def _follow_one(session: Session, email: str, at: datetime, event_key: str) -> None:
    query = select(Cart).where(Cart.email == email).order_by(Cart.changed_at.desc(), Cart.id.desc()).limit(MOST_CARTS)
    carts = list(session.scalars(query))
    changed = max((cart.changed_at for cart in carts), default=at)
    bought = max((cart.completed_at for cart in carts if cart.completed_at), default=None)
    left = [cart for cart in carts if cart.state == OPEN and (bought is None or cart.changed_at > bought)]
    if not left:
        reason, moment = (PLACED, bought) if bought is not None else (EMPTIED, max(changed, at))
        key = key_of(reason, email, moment.isoformat(), event_key)
        engine.signal(session, reason, [email_name(email)], {"email": email}, event_key=key, at=moment)
        return
    cart, running = left[0], _running(session, email)
    if running is None and not has_begun(session, cart):
        _begin(session, cart, changed)
    elif running == cart.id:
        change(session, cart, changed)


def _begin(session: Session, cart: Cart, at: datetime) -> None:
    """The pause before the first mail begins anew; a first mail that waits moves, and says what is in the cart now."""
    data = facts_of(cart) | {"abandoned_at": at.isoformat()}
    names = persons.names_of(session, email=cart.email, store=cart.store, customer_id=cart.customer_id)
    engine.signal(session, UPDATED, names, data, event_key=key_of(UPDATED, str(cart.id), at.isoformat(), _digest(data)), at=at)


def change(session: Session, cart: Cart, at: datetime) -> None:
    """The mails that are still to come say what is in the cart now; nothing moves."""
    data = facts_of(cart)
    names = persons.names_of(session, email=cart.email, store=cart.store, customer_id=cart.customer_id)
    engine.signal(session, CHANGED, names, data, event_key=key_of(CHANGED, str(cart.id), at.isoformat(), _digest(data)), at=at)


def end(session: Session, order: ShopOrder, carts: Sequence[Cart]) -> None:
    """End every series of whoever ordered, once under each name by which they may be known.

    Not where they have left another cart since, which is known here before an older order: then the order ends nothing.
    """
    if order.placed_at is None or _has_left_another(session, order, carts):
        return
    emails = list(dict.fromkeys(email for email in (order.email, *(cart.email for cart in carts)) if email))
    names = [name for email in emails for name in persons.names_of(session, email=email)]
    names += persons.names_of(session, email=None, store=order.store, customer_id=order.customer_id)
    names += [name for one in kinds.identities(phone=order.phone) for name in kinds.names_of(one)]
    known = list(order.notified or ())
    new = [name for name in dict.fromkeys(names) if name not in known]
    if not new or ERASED in known:
        return
    order.notified = known + new
    data = {"order_id": order.order_id, "store": order.store, "status": order.status, "email": order.email}
    key = key_of(PLACED, order.store, order.order_id)
    engine.signal(session, PLACED, [*new, *known], data, event_key=key, at=order.placed_at)


def _has_left_another(session: Session, order: ShopOrder, carts: Sequence[Cart]) -> bool:
    emails = {email for email in (order.email, *(cart.email for cart in carts)) if email}
    query = select(Cart.id).where(Cart.email.in_(sorted(emails)), Cart.state == OPEN, Cart.changed_at > order.placed_at)
    return session.scalars(query.limit(1)).first() is not None


def has_begun(session: Session, cart: Cart) -> bool:
    """Whether a message about the cart as it has been since its person's newest order has gone out: it gets one series."""
    orders = [one.placed_at for one in covering.orders_of(session, cart) if one.placed_at and one.placed_at <= cart.changed_at]
    query = select(func.max(CartMessage.sent_at)).where(CartMessage.cart_id == cart.id)
    sent_at = session.scalar(query)
    return sent_at is not None and (not orders or sent_at > max(orders))


def _running(session: Session, email: str) -> int | None:
    """The cart that the person's series is about, of which a message has gone out; None where none has."""
    names = aliases.of(session, persons.names_of(session, email=email)).certain_names
    standing = (Standing.ACTIVE.value, Standing.SUSPENDED.value)
    mine = select(Enrolment).where(Enrolment.journey == JOURNEY, Enrolment.person.in_(names), Enrolment.state.in_(standing))
    for row in session.scalars(mine.order_by(Enrolment.id.desc())):
        query = select(CartMessage.id).where(CartMessage.enrolment_id == row.id, CartMessage.sent_at.is_not(None))
        if session.scalars(query.limit(1)).first() is not None:
            return int(row.data.get("cart") or 0)
    return None


def facts_of(cart: Cart) -> dict[str, Any]:
    """What the journey and its texts may know of a cart; what is unknown is left out.

    `total` is an amount with its currency, and only there where both are of the same pair. Where no first name is
    known, the text says the word that stands for one.
    """
    settings, lines = settings_of(CartSettings), [Item.model_validate(line) for line in cart.items or ()]
    exact = bool((cart.facts.get("items") or [None, {}])[1].get("exact"))
    known = {
        "cart": cart.id,
        "cart_id": cart.cart_id,
        "store": cart.store,
        "email": cart.email,
        "phone": cart.phone,
        "first_name": cart.first_name or "",
        "whatsapp": settings.carts_whatsapp and cart.phone is not None and bool(cart.url or settings.store_url),
        "variant": cart.variant,
        "products": [_product(line, cart, exact=exact) for line in lines if line.quantity][:MOST_SHOWN],
        "more_products": max(sum(1 for line in lines if line.quantity) - MOST_SHOWN, 0),
        "total": amounts.shown(cart.shown) if cart.shown else None,
        "cart_url": with_code(cart.url or settings.store_url, cart),
        "store_name": settings.store_name,
        "discount_code": code_of(cart),
        "locale": get_settings().default_locale,
    }
    return {name: value for name, value in known.items() if value is not None}


def _product(line: Item, cart: Cart, *, exact: bool) -> dict[str, Any]:
    amount = amounts.of_line(line, line.shown, exact=exact)
    known = {
        "title": line.title,
        "quantity": line.quantity,
        "amount": amounts.shown(amount) if amount is not None and cart.shown is not None else None,
        "image": line.image,
        "url": with_code(line.url, cart),
    }
    return {name: value for name, value in known.items() if value is not None}


def code_of(cart: Cart) -> str | None:
    """The discount code that the mails name: that of the settings, else the one that was made for the cart."""
    return settings_of(CartSettings).discount_code or cart.discount_code


def with_code(url: str | None, cart: Cart) -> str | None:
    """The address with the cart's discount code behind it, where there is one."""
    code = code_of(cart)
    if url is None or code is None:
        return url
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode({"discount": code}))))
    return parts._replace(query=query).geturl()


def _digest(data: Mapping[str, Any]) -> str:
    return key_of(repr(sorted(data.items())))
