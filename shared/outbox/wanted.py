"""Whether a delivery that is claimed is to be carried out now: a message that nobody wants any more is closed, or moved."""

from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared import clock, shadow_mode
from shared.errors import PermanentError, PuenteError, RetryableError, UncertainError
from shared.outbox import outages, waits
from shared.outbox.actions import Action, Kind, Later, Skip, State
from shared.outbox.attempts import log_outcome
from shared.outbox.policy import MESSAGE_POLICY, SYNC_POLICY
from shared.outbox.record import notify, settle
from shared.outbox.transitions import OUTCOME_UNKNOWN, age_of, as_claimed, close
from shared.phrases import phrase
from shared.store.models import Delivery

SHORTEST_MOVE = timedelta(seconds=30)
UNKNOWN_ACTION_WAIT = timedelta(hours=1)


def wait_for_action(session: Session, delivery: Delivery, unknown: PermanentError) -> None:
    """Put off a delivery whose action is not deployed here: in a rolling deployment old code meets deliveries of the new one.

    It is looked at again every hour, and dead after as long as its kind is tried during an outage.
    """
    policy = SYNC_POLICY if delivery.kind == Kind.SYNC else MESSAGE_POLICY
    if age_of(delivery) >= policy.max_age:
        outages.settle(session, delivery, done=False)
        close(delivery, State.DEAD, reason=unknown.reason, error=str(unknown))
        return
    delivery.due_at, delivery.last_error = clock.now() + UNKNOWN_ACTION_WAIT, str(unknown)
    waits.begin(delivery, waits.Reason.NOT_DEPLOYED)
    if delivery.reason is None:  # that a message may have been sent must not be forgotten
        delivery.reason = unknown.reason


def is_wanted(session: Session, action: Action, delivery: Delivery) -> bool:
    """Whether a message is to be sent now; if not, it is closed or moved with the reason, here and now."""
    if action.kind is Kind.SYNC:
        return True
    verdict = _verdict(session, action, delivery)
    if verdict is None:
        return True
    if isinstance(verdict, PuenteError):
        settle(session, action, delivery, as_claimed(delivery), verdict, isolate_errors=True)
        return False
    if isinstance(verdict, Later) and verdict.for_record and shadow_mode.covers(delivery.target):
        return True
    if isinstance(verdict, Later):
        # Never at once again: a verdict that does not move the message would keep its executor going round.
        delivery.due_at = delivery.owed_since = max(verdict.due_at, clock.now() + SHORTEST_MOVE)
        waits.begin(delivery, verdict.reason)
        if delivery.reason != OUTCOME_UNKNOWN:  # that it may have been sent must not be forgotten
            delivery.reason = verdict.reason[:64]
        log_outcome(
            session,
            action,
            as_claimed(delivery),
            "moved",
            phrase("%(reason)s, to %(time)s", reason=verdict.reason, time=delivery.due_at.isoformat()),
        )
        return False
    _close_unwanted(session, action, delivery, verdict)
    return False


def _close_unwanted(session: Session, action: Action, delivery: Delivery, why: str) -> None:
    """Close a message that is not sent: as skipped, or as uncertain where an earlier attempt may have arrived."""
    claimed = as_claimed(delivery)
    outages.settle(session, delivery, done=False)
    if claimed.unknown_before and delivery.attempts:
        outcome: Skip | UncertainError = UncertainError(f"not tried again: {why}")
        close(delivery, State.UNCERTAIN, reason=OUTCOME_UNKNOWN, error=str(outcome))
    else:
        outcome = Skip(why)
        close(delivery, State.SKIPPED, reason=why)
    notify(session, action, claimed, outcome, final=True)
    log_outcome(session, action, claimed, "skipped", why)


def _verdict(session: Session, action: Action, delivery: Delivery) -> str | Later | PuenteError | None:
    """Whether a message is still wanted. A flow that cannot say fails this message alone, and counts as an attempt."""
    if delivery.not_after is not None and delivery.not_after < clock.now():
        return "too-late"
    try:
        return action.unwanted(session, as_claimed(delivery))
    except PermanentError as error:
        return error
    except SQLAlchemyError:
        raise  # the database's own trouble: the whole claim is tried again
    except Exception as error:  # noqa: BLE001  # a mistake in a flow must not hold up the target's other messages
        return RetryableError(f"it could not be found out whether it is still wanted: {type(error).__name__}: {error}")
