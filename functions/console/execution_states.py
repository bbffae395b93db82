"""How far the deliveries are that an event has caused: a state of its execution, and a filter of the list."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session

from shared.outbox.actions import State
from shared.store.models import Delivery, InboxEvent

_WORST = (State.DEAD, State.UNCERTAIN, State.SENDING, State.PENDING)


def keys(state: str) -> Select[str | None]:
    """The keys of the events that have deliveries in that state; what is open or stopped is few beside all."""
    return select(Delivery.event_key).where(_is(state), Delivery.event_key.is_not(None))


def _is(state: str) -> ColumnElement[bool]:
    if state == "retrying":
        return and_(Delivery.state == State.PENDING, Delivery.attempts > 0)
    if state == "open":
        return Delivery.state.in_((State.PENDING, State.SENDING))
    return Delivery.state == (State.DEAD if state == "failed" else State.UNCERTAIN)


def of(session: Session, events: Sequence[InboxEvent]) -> Mapping[str, Delivery]:
    """For each event, by its key, the delivery that says how far it is: one given up, uncertain, retrying, or the next due.

    None for those of which everything is done.
    """
    shown = [event.key for event in events]
    rows = session.scalars(select(Delivery).where(Delivery.event_key.in_(shown), Delivery.state.in_(_WORST)))
    found: dict[str, Delivery] = {}
    for row in sorted(rows, key=_order):
        found.setdefault(str(row.event_key), row)
    return found


def _order(row: Delivery) -> tuple[int, bool, float, int]:
    return (_WORST.index(State(row.state)), not row.attempts, row.due_at.timestamp(), row.id)
