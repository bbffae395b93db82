"""Execute due deliveries: claim a batch, call the outside system outside any transaction, record the outcomes, repeat.

A crash at any point is harmless: before the call, the lease ends and the batch is due again; after it, a sync is sent once more
(it says what SQL says, so twice is once), and a message is resolved as its action allows (see `AfterUnknown`).
"""

import logging
import traceback
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from shared import clock, faults, logs, stopping, telemetry
from shared.errors import (
    DeferredError,
    NotBegunError,
    PermanentError,
    PuenteError,
    RetryableError,
    ThrottledError,
    UnavailableError,
    UncertainError,
)
from shared.outbox import claims, dispatch, plan, record
from shared.outbox.actions import Action, AfterUnknown, Claimed, Kind, Outcome
from shared.outbox.claims import Batch, Wait
from shared.outbox.leases import Keeper
from shared.settings import get_settings
from shared.store.session import reading, transact

log = logging.getLogger("puente.outbox")

AFTER_CLAIM = faults.point("outbox.after_claim")
AFTER_CALL = faults.point("outbox.after_call")
AFTER_RECORD = faults.point("outbox.after_record")

BUDGET = timedelta(seconds=15)  # then others have their turn; what is left goes on by a new message
ONE_BY_ONE_SHARE = 3  # of a batch's time: a third for taking it apart, the rest for the call that is under way by then

type Refusal = Callable[[], NotBegunError | None]

# What is held, or has been done outside, must not be forgotten because our own database is away, or contended, for a moment.
_patiently = retry(
    retry=retry_if_exception_type(RetryableError),
    stop=stop_after_attempt(6),
    wait=wait_exponential(multiplier=0.5, max=15),
    sleep=clock.sleep,
    reraise=True,
)


def drain(target: str, budget: timedelta = BUDGET) -> int:
    """Execute the due deliveries of `target` until none is left or `budget` is used up (then a new nudge continues).

    Returns how many deliveries were attempted. Any number may run at once: slots, claims and pace are kept in SQL. Whatever
    dead workers have left is freed first, for every target. A process that is asked to end claims no more, and gives the rest
    back.
    """
    with stopping.work():
        _free_expired()
        return _drain(target, str(uuid.uuid4()), clock.now() + budget)


def _free_expired() -> None:
    try:
        dispatch.free_expired()
    except RetryableError as error:
        log.warning("what dead workers held waits for the next drain: %s", error)


def _drain(target: str, token: str, end: datetime) -> int:
    attempted, was_busy = 0, False
    while not stopping.is_asked():
        claimed = _claim(target, token)
        if claimed is None:
            if not (was_busy and _overlooked(target)):
                return attempted
            was_busy = False
            continue
        was_busy = True
        if isinstance(claimed, Wait):
            clock.sleep(claimed.seconds)
        elif claimed.deliveries:
            faults.hit(AFTER_CLAIM)
            carry_out(target, claimed)
            attempted += len(claimed.deliveries)
        if clock.now() >= end:
            break
    _release(target, token)
    plan.nudge({target})
    return attempted


def _claim(target: str, token: str) -> Batch | Wait | None:
    """Claim the next batch; where the result is lost, claim again with the same token, which returns a committed claim."""
    tries = count()

    @_patiently
    def once() -> Batch | Wait | None:
        again = next(tries) > 0
        return transact(lambda session: claims.claim(session, target, token, again=again))

    return once()


@_patiently
def _release(target: str, token: str) -> None:
    transact(lambda session: claims.release(session, target, token))


def _overlooked(target: str) -> bool:
    """Whether a delivery became due that the claim which released our slot did not see.

    On Azure SQL a change may be committed between that claim's query and its commit. The transaction of the change still saw
    our slot held, so it sent no nudge. (SQLite has one writer at a time, so there this never happens.)
    """
    with reading() as session:
        return claims.callable_now(session, target)


def carry_out(target: str, batch: Batch) -> None:
    """Execute one claimed batch and record every outcome, as one step of the trace that led to the first of it."""
    action, first = batch.action, batch.deliveries[0]
    others = [delivery.traceparent for delivery in batch.deliveries[1:] if delivery.traceparent]
    step = telemetry.span(f"{target}.{action.name}", parent=first.traceparent, links=others, deliveries=len(batch.deliveries))
    ids = [delivery.id for delivery in batch.deliveries]
    with (
        logs.bound(flow=f"{target}.{action.name}", delivery_id=first.id),
        step,
        Keeper(target, batch.token, ids, batch.held_until) as keeper,
    ):
        outcomes = _outcomes(action, batch.deliveries, keeper.refusal)
        faults.hit(AFTER_CALL)
        _record(target, batch, outcomes)
    faults.hit(AFTER_RECORD)


@_patiently
def _record(target: str, batch: Batch, outcomes: dict[int, Outcome]) -> None:
    def work(session: Session, *, isolate_errors: bool = False) -> set[str]:
        row = claims.lock_target(session, target)
        return record.record(session, row, batch.action, batch.token, batch.deliveries, outcomes, isolate_errors=isolate_errors)

    try:
        due = transact(work)
    except (PuenteError, SQLAlchemyError):
        raise
    except Exception:  # noqa: BLE001  # a mistake in a flow's bookkeeping; found and logged for one delivery at a time
        due = transact(partial(work, isolate_errors=True))
    plan.nudge(due - {target})


def _outcomes(action: Action, deliveries: Sequence[Claimed], refusal: Refusal = lambda: None) -> dict[int, Outcome]:
    """An outcome for every delivery, whatever the executor does. `refusal`: why nothing may be begun any more."""
    if refused := refusal():
        return {delivery.id: refused for delivery in deliveries}
    known = {delivery.id: found for delivery in deliveries if (found := _looked_up(action, delivery))}
    rest = [delivery for delivery in deliveries if delivery.id not in known]
    if known and (refused := refusal()):  # looking may have taken longer than the lease
        return known | {delivery.id: refused for delivery in rest}
    answered = _called(action, rest, refusal) if rest else {}
    unanswered = _unanswered(action, RetryableError("the executor gave no outcome for it"))
    return known | {delivery.id: answered.get(delivery.id, unanswered) for delivery in rest}


def _looked_up(action: Action, delivery: Claimed) -> Outcome | None:
    """For a message whose last outcome is unknown: what the vendor says about it, where it can be asked."""
    if not delivery.unknown_before or action.after_unknown is not AfterUnknown.LOOK_FIRST or action.look_up is None:
        return None
    try:
        return action.look_up(delivery)
    except (UnavailableError, ThrottledError, DeferredError) as error:
        return error
    except Exception as error:  # noqa: BLE001  # without an answer we know as little as before
        return UncertainError(f"it could not be found out whether it arrived: {error}")


def _called(action: Action, deliveries: Sequence[Claimed], refusal: Refusal) -> dict[int, Outcome]:
    end = clock.now() + timedelta(seconds=get_settings().delivery_longest_seconds / ONE_BY_ONE_SHARE)
    try:
        return dict(action.execute(deliveries))
    except PermanentError as error:
        return _one_by_one(action, deliveries, refusal, end) or {delivery.id: error for delivery in deliveries}
    except PuenteError as error:
        return {delivery.id: error for delivery in deliveries}
    except Exception as error:  # noqa: BLE001  # a mistake of ours must not lose the batch
        log.error("%s.%s failed:\n%s", action.target, action.name, "".join(traceback.format_exception(error)))  # noqa: TRY400
        unanswered: dict[int, Outcome] = {delivery.id: _unanswered(action, error) for delivery in deliveries}
        return _one_by_one(action, deliveries, refusal, end) or unanswered


def _one_by_one(action: Action, deliveries: Sequence[Claimed], refusal: Refusal, end: datetime) -> dict[int, Outcome] | None:
    """Call each sync of a failed batch alone, so that one bad record does not fail its neighbours. None for a batch of one.

    No call begins after `end`, so that the last one ends in time; the deliveries not called by then are retried later.
    """
    if action.kind is not Kind.SYNC or len(deliveries) == 1:
        return None
    found: dict[int, Outcome] = {}
    for one in deliveries:
        if refused := refusal():
            found[one.id] = refused
        elif clock.now() < end:
            found |= _called(action, [one], refusal)
        else:
            found[one.id] = RetryableError("no time was left for it in its batch")
    return found


def _unanswered(action: Action, error: Exception) -> PuenteError:
    words = f"{type(error).__name__}: {error}"
    return RetryableError(words) if action.kind is Kind.SYNC else UncertainError(words)
