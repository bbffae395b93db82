"""Outages of outside systems as records: from when to when, how many deliveries waited, and what became of them.

An outage begins when a target's circuit opens. It ends with the first call that is answered; where the circuit opens again
before it has closed, the same outage goes on. Changed under the lock of the target's row.
"""

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import update
from sqlalchemy.orm import Session

from shared import clock
from shared.outbox import circuit
from shared.store.models import Delivery, Target
from shared.store.wait_models import Outage


def follow(session: Session, target: Target) -> None:
    """Begin, continue or end the target's outage, after its circuit was told how a call went."""
    if target.circuit == circuit.OPEN:
        _begin(session, target)
    elif target.outage_id is not None:
        ended = update(Outage).where(Outage.id == target.outage_id, Outage.ended_at.is_(None))
        session.execute(ended.values(ended_at=clock.now()))
        if target.circuit == circuit.CLOSED:
            target.outage_id = None


def _begin(session: Session, target: Target) -> None:
    if target.outage_id is not None:
        session.execute(update(Outage).where(Outage.id == target.outage_id).values(ended_at=None))
        return
    outage = Outage(target=target.name, error=target.last_error)
    session.add(outage)
    session.flush()
    target.outage_id = outage.id


def hold_up(session: Session, waited: Iterable[tuple[Delivery, int]]) -> None:
    """Count deliveries that have waited for an outage, each with the outage's id; each is counted once in each."""
    held_up: Counter[int] = Counter()
    for row, outage_id in waited:
        if row.outage_id != outage_id:
            held_up[outage_id] += 1
            row.outage_id = outage_id
    for outage_id, more in sorted(held_up.items()):
        session.execute(update(Outage).where(Outage.id == outage_id).values(held_up=Outage.held_up + more))


def settle(session: Session, *rows: Delivery, done: bool) -> None:
    """Count what became of deliveries that had waited for an outage, once; nothing for all others."""
    became = Counter(row.outage_id for row in rows if row.outage_id is not None)
    for row in rows:
        row.outage_id = None
    for outage_id, more in sorted(became.items()):
        values = {"done": Outage.done + more} if done else {"not_done": Outage.not_done + more}
        session.execute(update(Outage).where(Outage.id == outage_id).values(values))
