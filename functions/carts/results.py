"""What the series brings: recovered revenue of each day and currency, and how each mail and each of its subjects does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import batched

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from functions.carts.tables import CartMessage, ShopOrder
from shared import comparison
from shared.comparison import Compared, Side
from shared.messages.looks import CLICKED, OPENED, by_a_person
from shared.store.journey_models import Enrolment
from shared.store.message_models import MessageStatus
from shared.store.trial_keys import TRIAL

AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class RecoveredDay:
    """What was recovered on one day in one currency; the sum in its smallest unit."""

    day: date
    currency: str
    orders: int
    minor: int


@dataclass(kw_only=True)
class Result:
    """What one message of the series has done with one of its subjects. `revenue` is by currency, in the smallest unit."""

    step: str
    channel: str
    variant: str
    sent: int = 0
    opened: int = 0
    clicked: int = 0
    orders: int = 0
    revenue: dict[str, int] = field(default_factory=dict)


def recovered(session: Session, since: date, until: date) -> list[RecoveredDay]:
    """The revenue of orders that answered a series and were paid, by the day on which the money came and by currency."""
    query = select(ShopOrder.paid_on, ShopOrder.currency, func.count(), func.sum(ShopOrder.net_minor))
    query = query.where(ShopOrder.paid_on.between(since, until), ShopOrder.recovered_cart_id.is_not(None))
    rows = session.execute(query.group_by(ShopOrder.paid_on, ShopOrder.currency)).all()
    found = [
        RecoveredDay(day=day, currency=currency, orders=count, minor=int(total))
        for day, currency, count, total in rows
        if day is not None and currency is not None and total is not None
    ]
    return sorted(found, key=lambda one: (one.day, one.currency))


def of_no_test() -> ColumnElement[bool]:
    """Whether a message, in a statement, is of a series that no test event has begun."""
    return ~exists().where(Enrolment.id == CartMessage.enrolment_id, Enrolment.event_key.like(f"{TRIAL}%"))


def results(session: Session, since: datetime, until: datetime) -> list[Result]:
    """For each message and subject: how many went out in that time, were opened and clicked by people, and brought an order.

    An order counts for the last message before it.
    """
    found: dict[tuple[str, str, str], Result] = {}
    of_time = (CartMessage.sent_at >= since, CartMessage.sent_at < until, of_no_test())
    query = select(CartMessage).where(*of_time).order_by(CartMessage.id)
    for several in batched(session.scalars(query).all(), AT_ONCE, strict=False):
        _count(session, found, several)
    return [found[key] for key in sorted(found)]


def compared(found: Sequence[Result]) -> list[tuple[str, str, Compared]]:
    """For each message, by step and channel, whether its subjects are opened equally often."""
    sides = {(one.step, one.channel, one.variant): Side(one.opened, one.sent) for one in found}
    ways = dict.fromkeys((one.step, one.channel) for one in found)
    return [(step, channel, _opened(sides, step, channel)) for step, channel in ways]


def _opened(sides: Mapping[tuple[str, str, str], Side], step: str, channel: str) -> Compared:
    a, b = (sides.get((step, channel, variant), Side(0, 0)) for variant in ("a", "b"))
    return comparison.compared("opened", "sent", a, b)


def _count(session: Session, found: dict[tuple[str, str, str], Result], rows: Sequence[CartMessage]) -> None:
    looked, orders = _histories(session, rows), _orders(session, rows)
    for row in rows:
        key = (row.step, row.channel, row.variant)
        one = found.setdefault(key, Result(step=row.step, channel=row.channel, variant=row.variant))
        history = looked.get(row.delivery_id, ())
        one.sent += 1
        one.opened += bool(row.opened_at or row.clicked_at or by_a_person(history, OPENED, row.channel))
        one.clicked += bool(row.clicked_at or by_a_person(history, CLICKED, row.channel))
        for order in orders.get(row.id, ()):
            one.orders += 1
            if order.net is not None:
                one.revenue[order.net.currency] = one.revenue.get(order.net.currency, 0) + order.net.minor


def _histories(session: Session, rows: Sequence[CartMessage]) -> Mapping[int, Iterable[Mapping[str, str]]]:
    """What providers have reported of these, as long as that is kept: an opening after a machine's is announced to nobody."""
    ids = [row.delivery_id for row in rows]
    query = select(MessageStatus.delivery_id, MessageStatus.history).where(MessageStatus.delivery_id.in_(ids))
    return {number: history for number, history in session.execute(query) if number is not None}


def _orders(session: Session, rows: Sequence[CartMessage]) -> Mapping[int, list[ShopOrder]]:
    found: dict[int, list[ShopOrder]] = {}
    query = select(ShopOrder).where(
        ShopOrder.recovered_message_id.in_([row.id for row in rows]), ShopOrder.paid_at.is_not(None)
    )
    for order in session.scalars(query):
        found.setdefault(order.recovered_message_id or 0, []).append(order)
    return found
