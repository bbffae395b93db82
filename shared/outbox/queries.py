"""Conditions on rows of ours that depend on their deliveries."""

from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import aliased

from shared.outbox.actions import Action, State
from shared.store.models import Delivery

# Open: the outbox will deliver it. Dead or cancelled: it is parked until a person retries it, or until the next change.
OPEN_OR_PARKED = (State.PENDING, State.SENDING, State.DEAD, State.CANCELLED)


def has_open_or_parked_delivery(action: Action, model: type[Any], subject: Any) -> ColumnElement[bool]:
    """That the newest delivery of `action` for a row of `model` is open (pending, sending) or parked (dead, cancelled).

    `subject` is the delivery's subject as an expression over the row. This is a condition of the query and not a check after
    it, so that a LIMIT counts only the rows that are looked for: parked rows would fill the limit and hide the others.
    """
    own = aliased(Delivery)
    mine = (own.target == action.target, own.action == action.name, own.subject == subject)
    newest = select(func.max(own.id)).where(*mine).correlate(model).scalar_subquery()
    return exists().where(Delivery.id == newest, Delivery.state.in_(OPEN_OR_PARKED))
