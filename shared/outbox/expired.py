"""Free what a dead worker held: every drain does, and the timer of every half minute."""

from collections import Counter

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import RetryableError, UncertainError
from shared.outbox import actions, outages, plan, waits
from shared.outbox.actions import Action, AfterUnknown, Kind, State
from shared.outbox.attempts import log_outcome
from shared.outbox.record import notify
from shared.outbox.transitions import OUTCOME_UNKNOWN, age_of, as_claimed, close, has_newer_change
from shared.store.dialect import unclaimed
from shared.store.models import Delivery
from shared.store.types import UtcDateTime

WORKER_DIED = "its worker died, or was silent for longer than the lease"
AT_ONCE = 1000
# Written out, not bound: neither database uses a partial index for a parameter.
IS_SENDING = Delivery.state == literal_column("'sending'")


_FIRST = select(Delivery.id).where(IS_SENDING, Delivery.lease_until <= bindparam("now", type_=UtcDateTime)).limit(1)


def is_any(session: Session) -> bool:
    """Whether a dead worker has left anything."""
    return session.execute(_FIRST, {"now": clock.now()}).first() is not None


def free_expired(session: Session) -> int:
    """Free deliveries whose lease has expired; returns how many. Their targets have work due then (`plan.newly_due`).

    A sync is simply due again. A message may have been sent: it is due again only where its action can make sure that it is
    not sent twice; otherwise it becomes `uncertain`, and a person decides. The lost attempt counts, so that work which kills
    its worker is not begun for ever; and syncs that were held together go on in halves, so that it ends alone.
    """
    query = select(Delivery).where(IS_SENDING, Delivery.lease_until <= clock.now()).limit(AT_ONCE)
    rows = session.scalars(unclaimed(query, Delivery)).all()
    together = Counter(delivery.lease_token for delivery in rows)
    for delivery in rows:
        _free(session, delivery, batch_limit=(together[delivery.lease_token] + 1) // 2)
        plan.mark_due(session, delivery.target, delivery.lane)
    return len(rows)


def _free(session: Session, delivery: Delivery, *, batch_limit: int) -> None:
    found, claimed = actions.find(delivery.target, delivery.action), as_claimed(delivery)
    repeatable = delivery.kind == Kind.SYNC or (
        isinstance(found, Action) and found.after_unknown is not AfterUnknown.ASK_A_PERSON
    )
    delivery.attempts = 0 if has_newer_change(delivery) else delivery.attempts + 1
    if not repeatable:
        close(delivery, State.UNCERTAIN, reason=OUTCOME_UNKNOWN, error=WORKER_DIED)
    elif isinstance(found, Action) and found.retry.exhausted(delivery.attempts, age_of(delivery)):
        state = State.DEAD if found.kind is Kind.SYNC else State.UNCERTAIN
        close(delivery, state, reason="worker-died", error=WORKER_DIED)
    else:
        delivery.state, delivery.due_at, delivery.last_error = State.PENDING, clock.now(), WORKER_DIED
        delivery.lease_token = delivery.lease_until = None
        waits.begin(delivery)
        if delivery.kind == Kind.MESSAGE:
            delivery.reason = OUTCOME_UNKNOWN
        else:
            delivery.reason, delivery.batch_limit = None, batch_limit
    if delivery.state != State.PENDING:
        outages.settle(session, delivery, done=False)
    if isinstance(found, Action):
        outcome = RetryableError(WORKER_DIED) if found.kind is Kind.SYNC else UncertainError(WORKER_DIED)
        notify(session, found, claimed, outcome, final=delivery.state != State.PENDING)
        log_outcome(session, found, claimed, "worker-died", None)
