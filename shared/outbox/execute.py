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

from shared import clock, faults, logs, shadow_mode, stopping, telemetry
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
from shared.outbox import blocks, claims, dispatch, lanes, parallel, plan, record, shadow, target_state, trials
from shared.outbox.actions import Action, AfterUnknown, Claimed, Kind, Outcome
from shared.outbox.claims import Batch, Permit, Wait
from shared.outbox.lanes import Serves
from shared.outbox.leases import Keeper
from shared.settings import get_settings
from shared.store.models import Target
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


def drain(target: str, budget: timedelta = BUDGET, serves: Serves = Serves.EVERYTHING) -> int:
    """Execute the due deliveries of `target` until none is left or `budget` is used up (then a new nudge continues).

    `serves`: of which lanes. What somebody waits for comes first in any case.

    Returns how many deliveries were attempted. Any number may run at once: slots, claims and pace are kept in SQL. Whatever
    dead workers have left is freed first, for every target. A process that is asked to end claims no more, and gives the rest
    back.
    """
    with stopping.work():
        _free_expired()
        return _Drain(target, serves, clock.now() + budget).run()


def _free_expired() -> None:
    try:
        dispatch.free_expired()
    except RetryableError as error:
        log.warning("what dead workers held waits for the next drain: %s", error)


class _Drain:
    """One executor at work: its token proves that its slot and its batches are its own."""

    def __init__(self, target: str, serves: Serves, end: datetime) -> None:
        self.target, self.serves, self.end = target, serves, end
        self.token = str(uuid.uuid4())
        self.attempted = 0
        self.was_busy = self.has_called_others = False

    def run(self) -> int:
        """Claim and carry out until nothing is left, the time is up or the process ends; how many were attempted."""
        while not stopping.is_asked():
            claimed = self._claim()
            if claimed is None:
                if not (self.was_busy and self._overlooked()):
                    self._leave_bulk_to_others()
                    return self.attempted
                self.was_busy = False
                continue
            self.was_busy = True
            if isinstance(claimed, Wait):
                clock.sleep(claimed.seconds)
            elif claimed.deliveries:
                self._carry_out(claimed)
            if clock.now() >= self.end:
                break
        _release(self.target, self.token)
        plan.nudge(self._wakes())
        return self.attempted

    def _claim(self) -> Batch | Wait | None:
        claimed = _claim(self.target, self.token, self.serves)
        if not isinstance(claimed, Permit):
            return claimed
        batch = _take(claimed, self.token)
        if batch is None:  # others hold locks on all that is due, and wake an executor after their commit
            _release(self.target, self.token)
        return batch

    def _carry_out(self, batch: Batch) -> None:
        faults.hit(AFTER_CLAIM)
        if batch.is_full and batch.turns and not self.has_called_others:
            self.has_called_others = True  # there is more than one executor does: each wakes another, until all slots are held
            plan.nudge(self._wakes())
        carry_out(self.target, batch)
        self.attempted += len(batch.deliveries)

    def _overlooked(self) -> bool:
        """Whether a delivery became due that the claim which released our slot did not see.

        On Azure SQL a change may be committed between that claim's query and its commit. The transaction of the change still
        saw our slot held, so it sent no nudge. (SQLite has one writer at a time, so there this never happens.)
        """
        with reading() as session:
            found = claims.wakes(session, self.target)
        return bool(found - {lanes.wake(self.target, lanes.BULK)} if self.serves is Serves.TRANSACTIONAL else found)

    def _leave_bulk_to_others(self) -> None:
        """Wake an executor for the bulk that this one does not do: while all slots were held, nobody else was woken for it."""
        if self.serves is Serves.TRANSACTIONAL:
            with reading() as session:
                found = claims.wakes(session, self.target)
            plan.nudge(found & {lanes.wake(self.target, lanes.BULK)})

    def _wakes(self) -> set[str]:
        return {lanes.wake(self.target, lanes.BULK if self.serves is Serves.BULK else lanes.TRANSACTIONAL)}


def _claim(target: str, token: str, serves: Serves = Serves.EVERYTHING) -> Batch | Permit | Wait | None:
    """Claim the next batch; where the result is lost, claim again with the same token, which returns a committed claim."""
    tries = count()

    @_patiently
    def once() -> Batch | Permit | Wait | None:
        again = next(tries) > 0
        return transact(lambda session: claims.claim(session, target, token, again=again, serves=serves))

    return once()


def _take(permit: Permit, token: str) -> Batch | None:
    """Claim the deliveries of a permit; where the result is lost, again as in `_claim`."""
    tries = count()

    @_patiently
    def once() -> Batch | None:
        again = next(tries) > 0
        return transact(lambda session: blocks.take(session, permit, token, again=again))

    return once()


@_patiently
def _release(target: str, token: str) -> None:
    transact(lambda session: claims.release(session, target, token))


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
        outcomes = _outcomes_of(batch, keeper.refusal)
        faults.hit(AFTER_CALL)
        _record(target, batch, outcomes)
    faults.hit(AFTER_RECORD)


def _outcomes_of(batch: Batch, refusal: Refusal) -> dict[int, Outcome]:
    if not batch.turns:
        return _outcomes(batch.action, batch.deliveries, refusal)
    return parallel.outcomes(batch, refusal, lambda one: _outcomes(batch.action, [one], refusal)[one.id])


def _record(target: str, batch: Batch, outcomes: dict[int, Outcome]) -> None:
    """Record a batch; one that was called side by side without the target's lock, which is taken for its own row alone."""
    if not batch.turns:
        _written(target, batch, outcomes, whole=True)
        return
    charge, is_well = _written(target, batch, outcomes, whole=False)
    if charge or not is_well:
        _judged(target, batch, outcomes, charge=charge)


@_patiently
def _written(target: str, batch: Batch, outcomes: dict[int, Outcome], *, whole: bool) -> tuple[bool, bool]:
    """Whether a silence was charged to its record, and whether there is nothing to note in the target's row."""
    facts = (batch.action, batch.token, batch.deliveries, outcomes)

    def work(session: Session, *, isolate_errors: bool = False) -> tuple[set[str], bool, bool]:
        if whole:
            row = claims.lock_target(session, target)
            return record.record(session, row, *facts, isolate_errors=isolate_errors), False, True
        seen = session.get(Target, target)
        is_well = target_state.says_nothing_new(seen, outcomes.values())
        due, charge = record.write(session, seen.failures if seen else 0, *facts, isolate_errors=isolate_errors)
        return due, charge, is_well

    try:
        due, charge, is_well = transact(work)
    except (PuenteError, SQLAlchemyError):
        raise
    except Exception:  # noqa: BLE001  # a mistake in a flow's bookkeeping; found and logged for one delivery at a time
        due, charge, is_well = transact(partial(work, isolate_errors=True))
    plan.nudge(due - {lanes.wake(target), lanes.wake(target, lanes.BULK)})
    return charge, is_well


@_patiently
def _judged(target: str, batch: Batch, outcomes: dict[int, Outcome], *, charge: bool) -> None:
    transact(
        lambda session: target_state.judge(session, claims.lock_target(session, target), batch.action, outcomes, charge=charge)
    )


def _outcomes(action: Action, deliveries: Sequence[Claimed], refusal: Refusal = lambda: None) -> dict[int, Outcome]:
    """An outcome for every delivery, whatever the executor does. `refusal`: why nothing may be begun any more."""
    if refused := refusal():
        return {delivery.id: refused for delivery in deliveries}
    if shadow_mode.covers(action.target) and not action.is_inside:
        return {delivery.id: shadow.outcome(action, delivery) for delivery in deliveries}
    known, deliveries = trials.sorted_out(action, deliveries)
    known |= {delivery.id: found for delivery in deliveries if (found := _looked_up(action, delivery))}
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
