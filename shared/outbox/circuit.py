"""Circuit breaker of a target: while an outside system is down no call is made, then one probe, then growing batches.

    closed --failures in a row--> open --time is up--> ramping (one batch of one is the probe)
       ^                            ^                     |  |
       '--batch is whole again------+---a failure---------'  '--each success doubles the batch

The state is in SQL (`targets`), so it holds for all instances. Deliveries held back by it lose no attempts.
"""

from datetime import timedelta

from shared import clock
from shared.outbox.policy import TargetPolicy
from shared.store.models import ERROR_LENGTH, Target

CLOSED, OPEN, RAMPING = "closed", "open", "ramping"
WHOLE_AGAIN = 16  # a system that has taken batches up to this size is trusted with any
PAUSE_WHERE_NONE_IS_NAMED_SECONDS = 10


def allows(target: Target) -> bool:
    """Whether the target may be called now. An open circuit whose time is up turns to ramping here."""
    if target.circuit != OPEN:
        return True
    if target.closed_until is not None and target.closed_until > clock.now():
        return False
    target.circuit, target.batch_cap = RAMPING, 1
    return True


def is_probing(target: Target) -> bool:
    """Whether the next batch is the probe: one delivery, whose answer decides about all others."""
    return target.circuit == RAMPING and target.batch_cap == 1


def limit(target: Target, batch_size: int) -> int:
    """How many deliveries the next batch may hold."""
    return min(batch_size, target.batch_cap) if target.batch_cap else batch_size


def succeeded(target: Target, batch_size: int) -> None:
    """The system has answered: forget failures and openings; while ramping, let the next batch be twice as large."""
    target.failures, target.openings, target.last_error = 0, 0, None
    if target.circuit != RAMPING:
        return
    target.batch_cap = (target.batch_cap or 1) * 2
    if target.batch_cap >= min(batch_size, WHOLE_AGAIN):
        target.circuit, target.batch_cap, target.closed_until = CLOSED, None, None


def failed(target: Target, policy: TargetPolicy, error: str) -> None:
    """The system has not answered, or says it is down. While ramping one failure is enough to open the circuit again."""
    target.failures += 1
    target.last_error = error[:ERROR_LENGTH]
    if target.circuit == RAMPING or target.failures >= policy.failures_to_open:
        target.circuit, target.openings, target.batch_cap = OPEN, target.openings + 1, None
        target.closed_until = clock.now() + timedelta(seconds=policy.open_for_seconds(target.openings))


def throttled(target: Target, after_seconds: float | None) -> None:
    """The system asks to be left alone for a while (429): no call until then."""
    pause = timedelta(seconds=after_seconds if after_seconds is not None else PAUSE_WHERE_NONE_IS_NAMED_SECONDS)
    target.next_call_at = max(target.next_call_at or clock.now(), clock.now() + pause)
