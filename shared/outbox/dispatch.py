"""The timer's half of the outbox: wake executors for due deliveries, and free deliveries of dead workers."""

from sqlalchemy.orm import Session

from shared import flows
from shared.outbox import actions, claims, expired, lanes, plan
from shared.store.models import Target
from shared.store.session import reading, transact


def dispatch_due() -> set[str]:
    """Nudge every target that has something due and may be called; returns whom. Costs an index seek for each, in one query.

    Running it twice, or on two instances at once, only sends a nudge too many: the claim decides. A target that the deployed
    code no longer knows is woken too: what still waits for it is parked then, where people see it.
    """
    with reading() as session:
        waiting = lanes.targets_waited_for(session, actions.targets())
        ready = {wake for target in waiting for wake in claims.wakes(session, target)}
    plan.nudge(ready)
    return ready


def is_target(name: str) -> bool:
    """Whether a nudge may name this: a target of the deployed code, or one that was called before. A forged one is neither."""
    if name in actions.targets():
        return True
    with reading() as session:
        return session.get(Target, name) is not None


def requeue_lost() -> int:
    """Request again each row whose sync has no open delivery any more; returns how many. One transaction for each sync."""
    return sum(transact(sync.requeue_lost) for sync in flows.parts("syncs") if sync.is_used())


def free_expired() -> int:
    """Free the deliveries of dead workers, and wake their targets; how many. Safe to run at any time and anywhere.

    Almost always one query that finds nothing: it seeks in an index that holds only what is under way.
    """
    with reading() as session:
        if not expired.is_any(session):
            return 0

    def work(session: Session) -> tuple[int, set[str]]:
        return expired.free_expired(session), plan.newly_due(session)

    freed, targets = transact(work)
    plan.nudge(targets)
    return freed
