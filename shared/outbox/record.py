"""Record a batch in one transaction: each delivery's next state, our own rows, the target's circuit and the action log."""

import logging
import traceback
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import (
    DeferredError,
    NoAnswerError,
    NotBegunError,
    PermanentError,
    PuenteError,
    RetryableError,
    ThrottledError,
    UnavailableError,
    UncertainError,
)
from shared.outbox import actions, circuit, outages, plan, waits
from shared.outbox.actions import Action, AfterUnknown, Claimed, Done, Kind, Outcome, Shadowed, Skip, State
from shared.outbox.circuit import CLOSED
from shared.store.dialect import held, locked
from shared.store.models import ERROR_LENGTH, ActionLog, Delivery, Target

log = logging.getLogger("puente.outbox")

OUTCOME_UNKNOWN = "outcome-unknown"
NO_ANSWER = "no-answer"  # of a pending delivery: it was sent in a batch of one, and the system did not answer
SYSTEM = "system"
# Marks a session whose transaction is run again with `isolate_errors` after a flow's mistake: nobody in it needs a savepoint.
ERRORS_NOT_ISOLATED = "puente_errors_not_isolated"


LATE = "late "  # an outcome that came when somebody else held the delivery already
NO_FAILURE = frozenset(("done", "shadowed", "skipped", "moved"))
"""The results in the action log that say of an attempt that nothing went wrong; every other one is the reason of a failure."""


def is_failure(result: str) -> bool:
    """Whether a line of the action log tells of an attempt that failed."""
    return result.removeprefix(LATE) not in NO_FAILURE


def close(delivery: Delivery, state: State, *, reason: str | None = None, error: str | None = None) -> None:
    """Finish a delivery. A finished sync lets go of its key, so that the next change opens a new one."""
    delivery.state, delivery.finished_at = state, clock.now()
    delivery.reason = reason[:64] if reason else None
    delivery.lease_token = delivery.lease_until = None
    delivery.last_error = error[:ERROR_LENGTH] if error else None
    if delivery.kind == Kind.SYNC:
        delivery.dedupe_key = None


def log_outcome(session: Session, action: Action, delivery: Claimed, result: str, detail: str | None) -> None:
    """One line of the action log for one attempt."""
    session.add(
        ActionLog(
            actor=SYSTEM,
            action=f"{action.target}.{action.name}",
            subject=delivery.subject,
            delivery_id=delivery.id,
            started_at=delivery.claimed_at,
            attempt=delivery.attempt,
            result=result,
            detail=detail[:ERROR_LENGTH] if detail else None,
        )
    )


def as_claimed(delivery: Delivery) -> Claimed:
    """What an executor may know of a delivery."""
    payload: Any = delivery.payload
    return Claimed(
        id=delivery.id,
        subject=delivery.subject,
        payload=payload,
        attempt=delivery.attempts + 1,
        key=delivery.dedupe_key or f"delivery-{delivery.id}",
        unknown_before=delivery.reason == OUTCOME_UNKNOWN,
        created_at=delivery.created_at,
        claimed_at=delivery.waiting_since if delivery.state == State.SENDING else None,
        traceparent=delivery.traceparent,
        event_key=delivery.event_key,
    )


def age_of(row: Delivery) -> timedelta:
    """How long a delivery has been due: one that was planned for next week is not old next week."""
    return clock.now() - (row.owed_since or row.created_at)


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
            _give_back(row, token)
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


def judge(session: Session, target: Target, action: Action, outcomes: Mapping[int, Outcome], *, charge: bool) -> None:
    """Note in the target's row, which is locked, what the outcomes of a batch say of the whole system."""
    if charge:
        target.failures += 1  # until another call is answered, no further silence is charged to a record
    else:
        # What was not called says nothing of the system.
        _judge(session, target, action, [one for one in outcomes.values() if not isinstance(one, DeferredError | Shadowed)])
    _report_refused_account(session, target, outcomes.values())


def says_nothing_new(target: Target | None, outcomes: Iterable[Outcome]) -> bool:
    """Whether a batch was answered as ever, so that there is nothing to note in the target's row."""
    is_well = target is not None and not (target.failures or target.last_error or target.outage_id) and target.circuit == CLOSED
    return is_well and all(isinstance(one, Done | Skip | PermanentError | DeferredError) for one in outcomes)


def _report_refused_account(session: Session, target: Target, outcomes: Iterable[Outcome]) -> None:
    """Notify the listeners of `account.refused` where the system refuses our account, which only a person can mend."""
    refused = next((one for one in outcomes if isinstance(one, UnavailableError) and one.account), None)
    if refused is not None:
        actions.refused_account(session, target.name, refused)


def _is_silence(action: Action, outcome: Outcome) -> bool:
    """Whether a delivery got no answer, which either itself or an outage of the whole system may have caused.

    For a message that is a 503 and its like. One that may have been sent is no silence (`_unknown` charges it by itself), nor
    is a refusal of our account.
    """
    if action.kind is Kind.SYNC:
        return isinstance(outcome, UnavailableError | UncertainError | NoAnswerError)
    return isinstance(outcome, UnavailableError) and not outcome.account


def _charges_attempt(failures: int, action: Action, batch: Sequence[tuple[Delivery | None, Outcome]]) -> bool:
    """Whether a call without an answer costs the record an attempt, because this record causes it and not an outage.

    That is so where the record was sent in a batch of one, got no answer in a batch of one before, and the target's call before
    this one was answered. During an outage no call is answered, so the outage costs its first record one attempt at most, and
    only if that record got no answer alone before; it costs all others none.
    """
    row, outcome = batch[0]
    was_silent = len(batch) == 1 and row is not None and row.reason == NO_ANSWER
    return was_silent and failures == 0 and _is_silence(action, outcome)


def _limit_next_batch(action: Action, pending: Sequence[tuple[Delivery, Outcome]], *, together: int) -> None:
    """Halve the next batch of the records that got no answer, apart from all others, until the record that causes it is alone.

    `together`: the size of the batch. One record thus delays its neighbours by one unanswered call for each halving; from then
    on it is claimed in a batch of one and delays them by no more than the time of its own calls.
    """
    silent = [row for row, outcome in pending if _is_silence(action, outcome)]
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
    final = _apply(action, row, outcome, charge=charge)
    detail = str(outcome) if isinstance(outcome, PuenteError) else None
    log_outcome(session, action, delivery, _result_code(outcome), detail)
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


def _result_code(outcome: Outcome) -> str:
    if isinstance(outcome, Done):
        return "shadowed" if isinstance(outcome, Shadowed) else "done"
    if isinstance(outcome, Skip):
        return "skipped"
    return outcome.reason[:32] if isinstance(outcome, PermanentError) else type(outcome).__name__.removesuffix("Error").lower()


def _apply(action: Action, row: Delivery, outcome: Outcome, *, charge: bool) -> bool:
    """Move the delivery to its next state; whether it is finished."""
    match outcome:
        case Done():
            row.result = dict(outcome.result) or None
            return _finish(row, State.SHADOWED if isinstance(outcome, Shadowed) else State.DONE)
        case Skip():
            return _finish(row, State.SKIPPED, reason=outcome.reason)
        case PermanentError():
            return _finish(row, State.DEAD, reason=outcome.reason, error=str(outcome))
        case UncertainError() if action.kind is Kind.MESSAGE:
            return _unknown(action, row, outcome)
        case _:
            return _again(action, row, outcome, charge=charge)


def has_newer_change(row: Delivery) -> bool:
    """Whether our record was changed while the sync was under way: what was sent, refused or skipped may be out of date."""
    return row.kind == Kind.SYNC and row.wanted > row.claimed


def _finish(row: Delivery, state: State, *, reason: str | None = None, error: str | None = None) -> bool:
    """Close the delivery, or reopen it for a newer change, with all its attempts; whether it is finished."""
    if not has_newer_change(row):
        close(row, state, reason=reason, error=error)
        return True
    _reopen(row, after_seconds=0)
    row.attempts, row.last_error, row.reason = 0, error[:ERROR_LENGTH] if error else None, None
    return False


def _unknown(action: Action, row: Delivery, error: UncertainError) -> bool:
    row.attempts += 1
    given_up = action.retry.exhausted(row.attempts, age_of(row))
    if action.after_unknown is AfterUnknown.ASK_A_PERSON or given_up:
        close(row, State.UNCERTAIN, reason=OUTCOME_UNKNOWN, error=str(error))
        return True
    _reopen(row, after_seconds=action.retry.delay_seconds(row.attempts), waits_for=waits.Reason.BACKOFF)
    row.reason, row.last_error = OUTCOME_UNKNOWN, str(error)[:ERROR_LENGTH]
    return False


def _again(action: Action, row: Delivery, error: PuenteError, *, charge: bool) -> bool:
    # An UncertainError is a sync's here: its call got no answer, and repeating it does no harm.
    waits_alone = isinstance(error, DeferredError)
    of_system = isinstance(error, UnavailableError | ThrottledError) or _is_silence(action, error)
    blameless = (of_system or waits_alone) and not charge
    row.attempts += 0 if blameless else 1
    if action.retry.exhausted(row.attempts, age_of(row), outage=blameless):
        return _finish(row, State.DEAD, reason="attempts-used-up" if not blameless else "too-old", error=str(error))
    asked = error.after_seconds or 0 if isinstance(error, RetryableError) else 0
    # What the system as a whole is to blame for stays due: the target's circuit and pace hold it back, not its own clock.
    wait = asked if waits_alone else 0 if blameless else max(action.retry.delay_seconds(row.attempts), asked)
    _reopen(row, after_seconds=wait, waits_for=_reason_to_wait(error, blameless=blameless))
    row.last_error = str(error)[:ERROR_LENGTH]
    if not blameless and not charge and (action.kind is Kind.SYNC or row.reason == NO_ANSWER):
        row.reason = None  # it was answered
    return False


def _reason_to_wait(error: PuenteError, *, blameless: bool) -> waits.Reason:
    if isinstance(error, DeferredError):
        return waits.Reason.DEFERRED
    if isinstance(error, ThrottledError):
        return waits.Reason.PACE
    return waits.Reason.OUTAGE if blameless else waits.Reason.BACKOFF


def _reopen(row: Delivery, *, after_seconds: float, waits_for: waits.Reason | None = None) -> None:
    row.state, row.due_at = State.PENDING, clock.now() + timedelta(seconds=after_seconds)
    row.lease_token = row.lease_until = None
    waits.begin(row, waits_for)


def _give_back(row: Delivery, token: str) -> None:
    """Undo the claim of what was not begun, unless another has freed it since. It is due, reason and attempts as before."""
    if row.lease_token == token and row.state == State.SENDING:
        row.state, row.lease_token, row.lease_until = State.PENDING, None, None
        waits.begin(row)


def _settle_late(session: Session, action: Action, row: Delivery, delivery: Claimed, outcome: Outcome) -> None:
    log.warning("delivery %d outlived its lease", row.id)
    log_outcome(session, action, delivery, f"{LATE}{_result_code(outcome)}"[:32], None)
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


def _judge(session: Session, target: Target, action: Action, outcomes: list[Outcome]) -> None:
    """Update the target's circuit from the outcomes of a batch: any answer at all means that the system is up."""
    throttles = [outcome for outcome in outcomes if isinstance(outcome, ThrottledError)]
    failures = [one for one in outcomes if isinstance(one, UnavailableError | UncertainError) or _is_silence(action, one)]
    if throttles:
        circuit.throttled(target, max((error.after_seconds or 0 for error in throttles), default=0) or None)
    elif failures and len(failures) == len(outcomes):
        circuit.failed(target, actions.policy(target.name), str(failures[0]))
        if named := max((one.after_seconds or 0 for one in failures if isinstance(one, RetryableError)), default=0):
            circuit.throttled(target, named)  # Retry-After of a system that is down for a while
    elif outcomes:
        circuit.succeeded(target, action.batch_size())
    if not throttles and outcomes:
        outages.follow(session, target)
