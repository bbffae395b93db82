"""What becomes of the messages of the series: sent, opened, clicked; by people, not by the machines that open every link."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.carts import discounts, recovery
from functions.carts.tables import Cart, CartMessage
from shared.messages import MessageOutcome
from shared.messages.looks import CLICKED, OPENED, by_a_person
from shared.store.dialect import insert_if_absent, locked
from shared.store.journey_models import Enrolment
from shared.store.message_models import MessageStatus

SENT = frozenset({"sent", "delivered", "opened", "clicked", "complained", "unsubscribed", "answered", "no-answer", "machine"})


def note(session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Note a message's outcome beside its cart; the cart is the one that the series is about at that moment."""
    enrolment = session.get(Enrolment, int(context["enrolment"]))
    number = int(enrolment.data.get("cart") or 0) if enrolment is not None else 0
    cart = session.get(Cart, number) if number else None
    if enrolment is None or cart is None:
        return
    new = {
        "cart_id": cart.id,
        "enrolment_id": enrolment.id,
        "step": str(context.get("step") or "")[:50],
        "channel": outcome.channel,
        "variant": cart.variant,
        "status": outcome.word,
    }
    insert_if_absent(session, CartMessage, "delivery_id", new | {"delivery_id": outcome.delivery_id})
    row = session.scalars(locked(select(CartMessage).where(CartMessage.delivery_id == outcome.delivery_id), CartMessage)).one()
    is_first = row.sent_at is None and outcome.word in SENT
    row.status, row.reason = outcome.word, (outcome.reason or "")[:200] or None
    if is_first:
        row.sent_at = outcome.at
    row.opened_at, row.clicked_at = looked_at(session, row)
    session.flush()
    if is_first:
        recovery.attribute(session, [cart])
        discounts.request(session, cart)


def looked_at(session: Session, row: CartMessage) -> tuple[datetime | None, datetime | None]:
    """When a person opened the message and clicked in it first, by all that the provider has reported of it."""
    found = session.scalars(select(MessageStatus.history).where(MessageStatus.delivery_id == row.delivery_id)).all()
    history = [entry for several in found for entry in several]
    opened, clicked = (by_a_person(history, words, row.channel) for words in (OPENED, CLICKED))
    return _earlier(row.opened_at, opened), _earlier(row.clicked_at, clicked)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)
