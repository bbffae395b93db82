"""Record a batch in one transaction: each delivery's next state, our own rows, the target's circuit and the action log."""

import logging
import traceback
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.errors import NotBegunError, PuenteError, ThrottledError
from shared.outbox import outages, plan
from shared.outbox.actions import Action, Claimed, Done, Kind, Outcome, Shadowed, State
from shared.outbox.attempts import LATE, log_outcome, result_code
from shared.outbox.target_state import judge
from shared.outbox.transitions import NO_ANSWER, OUTCOME_UNKNOWN, close, give_back, is_silence, move
from shared.store.dialect import held, locked
from shared.store.models import Delivery, Target

log = logging.getLogger("puente.outbox")

# Marks a session whose transaction is run again with `isolate_errors` after a flow's mistake: nobody in it needs a savepoint.
ERRORS_NOT_ISOLATED = "puente_errors_not_isolated"


def record(
    session: Session,
    target: Target,
    action: Action,
    token: str,
    claimed: tuple[Claimed, ...],
    outcomes: Mapping[int, Outcome],
    *,
    isolate_errors: bool = False,
) -> set[str]:
    """Write the outcomes of a batch, and what they say of the target; who has new work because of them.

    The target's row is locked. Where it is not to be held for so long, `write` and `judge` do it in two transactions.
    """
    due, charge = write(session, target.failures, action, token, claimed, outcomes, isolate_errors=isolate_errors)
    judge(session, target, action, outcomes, charge=charge)
    return due


def write(
    session: Session,
    failures: int,
    action: Action,
    token: str,
    claimed: tuple[Claimed, ...],
    outcomes: Mapping[int, Outcome],
    *,
    isolate_errors: bool = False,
) -> tuple[set[str], bool]:
    """Write the outcomes of a batch; who has new work because of them, and whether a silence was charged to its record.

    `failures`: how many calls of the target were without an answer just before.

    A delivery whose lease was lost meanwhile is not touched by what we know of an older state: a sync is asked for once more,
    which settles whatever order the two calls had; a message that is now known to be sent is marked so.

    `isolate_errors`: a mistake in `after` is logged, and costs no delivery its outcome (see `notify`).
    """
    session.info[ERRORS_NOT_ISOLATED] = not isolate_errors
    action.hold(session, [delivery.subject for delivery in claimed])
    ids = [delivery.id for delivery in claimed]
    rows = {row.id: row for row in session.scalars(held(select(Delivery).where(Delivery.id.in_(ids)), Delivery))}
    charge = _charges_attempt(failures, action, [(rows.get(delivery.id), outcomes[delivery.id]) for delivery in claimed])
    moved: list[tuple[Claimed, bool]] = []
    for delivery in claimed:
        outcome = outcomes[delivery.id]
        row = rows.get(delivery.id)
        if row is None:
            log.warning("delivery %d was removed while it was under way", delivery.id)
        elif isinstance(outcome, NotBegunError):
            give_back(row, token)
        elif row.lease_token == token and row.state == State.SENDING:
            moved.append((delivery, _moved(session, action, row, delivery, outcome, charge=charge)))
        else:
            _settle_late(session, action, row, delivery, outcome)
    outages.settle(session, *(rows[one.id] for one, _final in moved if _took_effect(outcomes[one.id])), done=True)
    outages.settle(session, *(rows[one.id] for one, final in moved if final), done=False)
    pending = [(rows[one.id], outcomes[one.id]) for one, final in moved if not final]
    _limit_next_batch(action, pending, together=len(claimed))
    # Only now, so that the rows of the batch are written together, and not each before the next one's `after`.
    for delivery, final in moved:
        notify(session, action, delivery, outcomes[delivery.id], final=final, isolate_errors=isolate_errors)
    return plan.newly_due(session), charge


def _took_effect(outcome: Outcome) -> bool:
    return isinstance(outcome, Done) and not isinstance(outcome, Shadowed)


def _charges_attempt(failures: int, action: Action, batch: Sequence[tuple[Delivery | None, Outcome]]) -> bool:
    """Whether a call without an answer costs the record an attempt, because this record causes it and not an outage.

    That is so where the record was sent in a batch of one, got no answer in a batch of one before, and the target's call before
    this one was answered. During an outage no call is answered, so the outage costs its first record one attempt at most, and
    only if that record got no answer alone before; it costs all others none.
    """
    row, outcome = batch[0]
    was_silent = len(batch) == 1 and row is not None and row.reason == NO_ANSWER
    return was_silent and failures == 0 and is_silence(action, outcome)


def _limit_next_batch(action: Action, pending: Sequence[tuple[Delivery, Outcome]], *, together: int) -> None:
    """Halve the next batch of the records that got no answer, apart from all others, until the record that causes it is alone.

    `together`: the size of the batch. One record thus delays its neighbours by one unanswered call for each halving; from then
    on it is claimed in a batch of one and delays them by no more than the time of its own calls.
    """
    silent = [row for row, outcome in pending if is_silence(action, outcome)]
    for row, outcome in pending:
        if not isinstance(outcome, ThrottledError):
            row.batch_limit = None  # it was answered
    for row in silent:
        if together == 1:
            if row.reason != OUTCOME_UNKNOWN:  # that a message may have been sent must not be forgotten
                row.reason = NO_ANSWER
        else:
            row.batch_limit = (len(silent) + 1) // 2


def settle(
    session: Session, action: Action, row: Delivery, delivery: Claimed, outcome: Outcome, *, isolate_errors: bool = False
) -> None:
    """Move a delivery to the state of its outcome, call the flow's `after`, and write the action log."""
    final = _moved(session, action, row, delivery, outcome)
    if final:
        outages.settle(session, row, done=_took_effect(outcome))
    notify(session, action, delivery, outcome, final=final, isolate_errors=isolate_errors)


def _moved(
    session: Session, action: Action, row: Delivery, delivery: Claimed, outcome: Outcome, *, charge: bool = False
) -> bool:
    """Move the delivery to its next state, and log the attempt; whether it is finished."""
    final = move(action, row, outcome, charge=charge)
    detail = str(outcome) if isinstance(outcome, PuenteError) else None
    log_outcome(session, action, delivery, result_code(outcome), detail)
    return final


def notify(
    session: Session, action: Action, delivery: Claimed, outcome: Outcome, *, final: bool, isolate_errors: bool = True
) -> None:
    """Call the flow's `after`. With `isolate_errors` a call that raises is rolled back alone and logged.

    That costs a savepoint, so a batch is first recorded without it.
    """
    if not isolate_errors:
        with plan.caused_by(session, delivery.event_key):
            action.after(session, delivery, outcome, final)
        return
    try:
        with session.begin_nested(), plan.caused_by(session, delivery.event_key):
            action.after(session, delivery, outcome, final)
    except SQLAlchemyError:
        raise  # the database's own trouble: the whole transaction is tried again
    except Exception as error:  # noqa: BLE001  # a mistake in a flow must not undo what is known of a call
        trace = "".join(traceback.format_exception(error))
        log.error("what follows on delivery %d could not be kept:\n%s", delivery.id, trace)  # noqa: TRY400


def _settle_late(session: Session, action: Action, row: Delivery, delivery: Claimed, outcome: Outcome) -> None:
    log.warning("delivery %d outlived its lease", row.id)
    log_outcome(session, action, delivery, f"{LATE}{result_code(outcome)}"[:32], None)
    if action.kind is Kind.SYNC:
        plan.sync(session, action, row.subject)
    elif _took_effect(outcome) and isinstance(outcome, Done) and row.state in (State.UNCERTAIN, State.PENDING):
        row.result = dict(outcome.result) or None
        outages.settle(session, row, done=True)
        close(row, State.DONE)
        notify(session, action, delivery, outcome, final=True)
        _take_back_retry(session, row.id)


def _take_back_retry(session: Session, delivery_id: int) -> None:
    """Cancel the pending retry of a message that is now known to be sent, so that the person does not get it twice."""
    query = select(Delivery).where(Delivery.retry_of == delivery_id, Delivery.state == State.PENDING)
    for retry in session.scalars(locked(query, Delivery)):
        outages.settle(session, retry, done=False)
        close(retry, State.CANCELLED, reason="already-sent")
