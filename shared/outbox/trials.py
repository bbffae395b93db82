"""Deliveries that a test event has caused: messages go to whoever tries, and nothing else is carried out unless chosen.

Each bears the key of the test event, also where it was planned later on: by a step of a journey that the event began, or
because of the outcome of another delivery of the same event. What later events of outside systems cause is not known to be of
a test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select

from shared.errors import PuenteError, RetryableError
from shared.outbox import shadow
from shared.outbox.actions import Action, Claimed, Outcome
from shared.store.flow_models import Trial
from shared.store.session import reading
from shared.store.trial_keys import is_trial


def sorted_out(action: Action, deliveries: Sequence[Claimed]) -> tuple[dict[int, Outcome], Sequence[Claimed]]:
    """The outcomes of those that are not carried out, and the others: as they are, or to whoever tries.

    Ordinary deliveries cost no look at the database.
    """
    keys = {one.event_key for one in deliveries if is_trial(one.event_key)}
    if not keys or action.is_inside:
        return {}, deliveries
    try:
        with reading() as session:
            known = {row.event_key: row for row in session.scalars(select(Trial).where(Trial.event_key.in_(keys)))}
    except PuenteError as error:
        return {one.id: RetryableError(f"whose test it is cannot be read: {error}") for one in deliveries}, ()
    outcomes: dict[int, Outcome] = {}
    left: list[Claimed] = []
    for one in deliveries:
        made = one if not is_trial(one.event_key) else _made(action, one, known)
        if made is None:
            outcomes[one.id] = shadow.outcome(action, one)
        else:
            left.append(made)
    return outcomes, left


def _made(action: Action, delivery: Claimed, known: Mapping[str, Trial]) -> Claimed | None:
    """What is carried out of a test's delivery; None: nothing."""
    trial = known.get(delivery.event_key or "")
    if trial is None:
        return None
    if action.redirected is not None:
        payload = action.redirected(delivery.payload, trial.email, trial.phone)
        return None if payload is None else replace(delivery, payload=payload)
    return delivery if action.target in trial.carried_out.split(",") else None
