"""Which of our rows the outbox still cares for: asked by the flows that keep outside systems in step, before they re-arm."""

from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import aliased

from shared.outbox.actions import Action, State
from shared.store.models import Delivery

# Open: the outbox has it. Dead or taken back: a person has the word, or the next change.
SETTLED = (State.PENDING, State.SENDING, State.DEAD, State.CANCELLED)


def cared_for(action: Action, model: type[Any], subject: Any) -> ColumnElement[bool]:
    """That the newest delivery of `action` for a row of `model` is open, or a person's business.

    `subject` is the delivery's subject as an expression over the row. A condition and no loop, so that a query may be limited
    to rows that nobody cares for: counted before, parked rows would fill the limit and hide the others.
    """
    own = aliased(Delivery)
    mine = (own.target == action.target, own.action == action.name, own.subject == subject)
    newest = select(func.max(own.id)).where(*mine).correlate(model).scalar_subquery()
    return exists().where(Delivery.id == newest, Delivery.state.in_(SETTLED))
