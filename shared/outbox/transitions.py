"""The next state of a delivery, by the outcome of its attempt: finished, due again, waiting for a person."""

from datetime import timedelta
from typing import Any

from shared import clock
from shared.errors import (
    DeferredError,
    NoAnswerError,
    PermanentError,
    PuenteError,
    RetryableError,
    ThrottledError,
    UnavailableError,
    UncertainError,
)
from shared.outbox import waits
from shared.outbox.actions import Action, AfterUnknown, Claimed, Done, Kind, Outcome, Shadowed, Skip, State
from shared.store.models import ERROR_LENGTH, Delivery

OUTCOME_UNKNOWN = "outcome-unknown"
NO_ANSWER = "no-answer"  # of a pending delivery: it was sent in a batch of one, and the system did not answer


def close(delivery: Delivery, state: State, *, reason: str | None = None, error: str | None = None) -> None:
    """Finish a delivery. A finished sync lets go of its key, so that the next change opens a new one."""
    delivery.state, delivery.finished_at = state, clock.now()
    delivery.reason = reason[:64] if reason else None
    delivery.lease_token = delivery.lease_until = None
    delivery.last_error = error[:ERROR_LENGTH] if error else None
    if delivery.kind == Kind.SYNC:
        delivery.dedupe_key = None


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


def is_silence(action: Action, outcome: Outcome) -> bool:
    """Whether a delivery got no answer, which either itself or an outage of the whole system may have caused.

    For a message that is a 503 and its like. One that may have been sent is no silence (`_unknown` charges it by itself), nor
    is a refusal of our account.
    """
    if action.kind is Kind.SYNC:
        return isinstance(outcome, UnavailableError | UncertainError | NoAnswerError)
    return isinstance(outcome, UnavailableError) and not outcome.account


def move(action: Action, row: Delivery, outcome: Outcome, *, charge: bool) -> bool:
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
    of_system = isinstance(error, UnavailableError | ThrottledError) or is_silence(action, error)
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


def give_back(row: Delivery, token: str) -> None:
    """Undo the claim of what was not begun, unless another has freed it since. It is due, reason and attempts as before."""
    if row.lease_token == token and row.state == State.SENDING:
        row.state, row.lease_token, row.lease_until = State.PENDING, None, None
        waits.begin(row)
