"""The ledger of an automation: it alone decides whether one more message may go out now, and so keeps the rate.

A slot is taken in the transaction that claims a message, for every attempt, under the lock of the automation's one row; so
instances, restarts and retries all count together. In no window of an hour are there more slots than the rate allows. A call
begins at most GOOD_FOR after its slot was taken, and the hour that is counted is longer by that; so it holds for the calls
themselves, whatever a worker does in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from functions.broadcasts import pace
from functions.broadcasts.running_tables import Ledger, Slots
from shared import clock
from shared.store.dialect import insert_if_absent, locked

ONE_SECOND = timedelta(seconds=1)
GOOD_FOR = pace.SPARE - ONE_SECOND
"""So long after its slot was taken a call may begin; whoever comes later gives up and takes another one."""
COUNTED = pace.HOUR + pace.SPARE
"""The time for which a second's slots count: the hour, what a call may be late, and the length of the second itself."""
_HELD = "broadcast_ledgers"


@dataclass
class _Held:
    """A ledger that this transaction has locked, and what is in it; nobody else changes it until the commit."""

    row: Ledger
    seconds: list[Slots]
    refused: int = 0

    @property
    def total(self) -> int:
        return sum(one.taken for one in self.seconds)


def lock(session: Session, automation_id: int) -> Ledger:
    """The ledger's row, made on first use and locked until the transaction ends."""
    query = locked(select(Ledger).where(Ledger.automation_id == automation_id), Ledger)
    row = session.scalars(query).one_or_none()
    if row is None:
        insert_if_absent(session, Ledger, "automation_id", {"automation_id": automation_id})
        row = session.scalars(query).one()
    return row


def hold(session: Session, automation_id: int) -> None:
    """Lock the ledger until the transaction ends, and read what is in it."""
    _held(session, automation_id)


def take(session: Session, automation_id: int, rate_per_hour: int) -> datetime | None:
    """Take a slot now: None where one was free, else when to ask again (later than now).

    Those that are put off are told times one after the other, so that they do not all come back for one place.
    """
    held = _held(session, automation_id)
    now = max(clock.now(), held.row.last_slot_at or clock.now())
    held.seconds = [one for one in held.seconds if one.second > now - COUNTED]
    if held.total < rate_per_hour:
        _note(session, held, automation_id, now)
        return None
    free_at = _frees(held.seconds, held.total - rate_per_hour + 1 + held.refused)
    held.refused += 1
    free_at = max(free_at, (held.row.asked_until or free_at) + pace.spacing(rate_per_hour), now + ONE_SECOND)
    held.row.asked_until = min(free_at, now + 2 * COUNTED)
    return held.row.asked_until


def taken_since(session: Session, automation_id: int, since: datetime) -> int:
    """How many slots were given out since a moment, to the second; at most those of the last hour are known."""
    query = select(Slots.taken).where(Slots.automation_id == automation_id, Slots.second >= _floor(since))
    return sum(session.scalars(query))


def forget(session: Session, automation_id: int) -> None:
    """Delete the seconds that count no more."""
    gone = (Slots.automation_id == automation_id, Slots.second <= clock.now() - 2 * COUNTED)
    session.execute(delete(Slots).where(*gone).execution_options(synchronize_session=False))


def _held(session: Session, automation_id: int) -> _Held:
    """What this transaction holds of the ledger; read once, for a block of messages is claimed in one transaction."""
    known: dict[int, _Held] = session.info.setdefault(_HELD, {})
    if automation_id not in known:
        row = lock(session, automation_id)
        now = max(clock.now(), row.last_slot_at or clock.now())
        query = select(Slots).where(Slots.automation_id == automation_id, Slots.second > now - COUNTED).order_by(Slots.second)
        known[automation_id] = _Held(row, list(session.scalars(query)))
    return known[automation_id]


def _note(session: Session, held: _Held, automation_id: int, now: datetime) -> None:
    second = _floor(now)
    if held.seconds and held.seconds[-1].second == second:
        held.seconds[-1].taken += 1
    else:
        fresh = Slots(automation_id=automation_id, second=second, taken=1)
        session.add(fresh)
        held.seconds.append(fresh)
    held.row.last_slot_at, held.row.asked_until = now, None


def _frees(seconds: Sequence[Slots], needed: int) -> datetime:
    """When so many of the slots given out count no more."""
    freed = 0
    for one in seconds:
        freed += one.taken
        if freed >= needed:
            return one.second + COUNTED
    return seconds[-1].second + COUNTED


def _floor(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
