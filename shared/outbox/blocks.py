"""Blocks: messages that are called side by side, claimed together, with a turn for each in the target's pace.

The rows and their verdicts are claimed without the target's lock, by any number of workers at once. Only handing out the turns
takes it, for one UPDATE: a turn is a moment, at least `spacing` after the one before, and whoever misses it has to get another.
So the pace holds whatever the workers do.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from shared import clock
from shared.outbox import actions, claims, lanes, parts
from shared.outbox.claims import Batch, Permit

LATE = timedelta(milliseconds=50)
"""So late a call may begin after its turn."""


def spacing(per_second: float) -> timedelta:
    """Least time between two turns: so that in no second more calls than the pace allows begin, late ones included."""
    return timedelta(seconds=(1 + LATE.total_seconds()) / per_second)


def take(session: Session, permit: Permit, token: str, *, again: bool = False) -> Batch | None:
    """Claim the deliveries of a permit, each with its turn; None where other transactions hold locks on all of them.

    `again`: the result of this token's last claim was lost (see `claims.claim`).
    """
    batch = claims.taken_before(session, permit.target, token) if again else None
    batch = batch or claims.batch(session, permit, token)
    if batch is None or not batch.deliveries:
        return batch
    handed_out = turns(session, permit.target, len(batch.deliveries), batch.part)
    if permit.shares:
        lanes.charge(session, permit.target, permit.lane, len(batch.deliveries))
    return replace(batch, turns=handed_out)


def turns(session: Session, target: str, count: int, part: str = "") -> tuple[datetime, ...]:
    """Hand out the next turns of a target's pace, or of that of one of its parts; a wait of the target is every part's."""
    row, space = claims.lock_target(session, target), spacing(actions.policy(target).batches_per_second)
    paced = parts.next_turn(session, target, part) if part else row
    first = max(clock.now(), row.next_call_at or clock.now(), paced.next_call_at or clock.now())
    paced.next_call_at = first + space * count
    return tuple(first + space * number for number in range(count))
