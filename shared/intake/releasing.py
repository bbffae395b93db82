"""Handle the events that have waited for the end of their flow's pause: in the order received, none lost, none twice.

Each is applied in a transaction that also removes its row and holds the flow's hold, so that two who release at once take
turns, and a crash leaves it either waiting or applied. What comes meanwhile waits behind; the hold ends in a transaction that
finds nothing waiting.
"""

import logging
from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared import clock, faults, stopping
from shared.errors import PermanentError, RetryableError, UnavailableError
from shared.intake import endpoint, holding, inbox, pausing
from shared.intake.envelope import Envelope, parse
from shared.outbox import plan
from shared.store.dialect import rows_changed
from shared.store.flow_models import FlowHold, FlowPause, HeldEvent
from shared.store.session import reading, transact

log = logging.getLogger("puente.inbox")

BUDGET = timedelta(seconds=20)  # of each half minute
AT_ONCE = timedelta(seconds=3)  # of the request of whoever resumes; the timer goes on with the rest
BEFORE_RELEASE = faults.point("intake.before_release")
AFTER_RELEASE = faults.point("intake.after_release")


class Step(Enum):
    """What became of a step: an event was handled, nothing waits any more, or the flow is paused."""

    HANDLED = auto()
    DRAINED = auto()
    PAUSED = auto()


def resume(flow: str, actor: str) -> FlowPause:
    """End the pause of a flow, and handle what waits, as far as there is time; the timer goes on with the rest.

    Raises:
        RefusedError: 404, there is no such flow; 409, it is not paused.
        UnavailableError: the database cannot be reached; nothing was changed.
    """
    ended = pausing.end(flow, actor)
    try:
        release(flow, AT_ONCE)
    except RetryableError as error:
        log.warning("what waits for %s is handled by the timer: %s", flow, error)
    return ended


def release_due() -> int:
    """Handle what waits for flows whose pauses are over, as the job of every half minute; how many events."""
    with reading() as session:
        due = [hold.flow for hold in session.scalars(select(FlowHold).order_by(FlowHold.flow)) if not hold.is_paused]
    return sum(release(flow, BUDGET / len(due)) for flow in due)


def release(flow: str, budget: timedelta) -> int:
    """Handle what waits for one flow until nothing does, the time is up, or the process ends; how many events.

    Raises:
        UnavailableError: the database or the storage account cannot be reached; what waits goes on waiting.
    """
    end, handled = clock.now() + budget, 0
    with stopping.work():
        while not stopping.is_asked() and _step(flow) is Step.HANDLED:
            handled += 1
            if clock.now() >= end:
                break
    return handled


def _step(flow: str) -> Step:
    with reading() as session:
        oldest = select(HeldEvent).where(HeldEvent.flow == flow).order_by(HeldEvent.received_at, HeldEvent.id).limit(1)
        row = session.scalars(oldest).one_or_none()
    if row is None:
        return transact(lambda session: _ended(session, flow))
    # Its age counts from now on: it has waited because somebody wanted it to.
    envelope = replace(parse(row.event.encode()), replayed=clock.now())
    with inbox.as_step(envelope):
        try:
            step, wakes = _applied(row, envelope)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the event must not be lost, nor the others wait for it
            _pass_on(row, envelope, error)
            return Step.HANDLED
        plan.nudge(wakes)
        return step


def _applied(row: HeldEvent, envelope: Envelope) -> tuple[Step, set[str]]:
    handler = endpoint.handler_of(row.queue, row.type)
    event = inbox.read_event(handler, envelope)

    def work(session: Session) -> tuple[Step, set[str]]:
        hold = holding.lock(session, row.flow)
        if hold is not None and hold.is_paused:
            return Step.PAUSED, set()
        if _removed(session, row):
            outcome = inbox.apply_once(session, handler, event)
            log.info("%s %s: %s, after a pause", envelope.type, envelope.id, outcome)
        faults.hit(BEFORE_RELEASE)
        return Step.HANDLED, plan.newly_due(session)

    found = transact(work)
    faults.hit(AFTER_RELEASE)
    return found


def _pass_on(row: HeldEvent, envelope: Envelope, error: Exception) -> None:
    """What fails goes the way of every event that fails: it becomes a dead letter, or comes back by its queue, later.

    That is done first and the row removed afterwards: a crash in between does it twice, which is harmless as ever.
    """
    if isinstance(error, PermanentError):
        inbox.give_up(row.queue, envelope, error)
    else:
        inbox.put_back(row.queue, envelope, error)
    transact(lambda session: _removed(session, row))


def _removed(session: Session, row: HeldEvent) -> bool:
    """Whether it still waited: nobody else has handled it."""
    return rows_changed(session.execute(delete(HeldEvent).where(HeldEvent.id == row.id))) == 1


def _ended(session: Session, flow: str) -> Step:
    """End the hold unless something waits after all, or the flow is paused anew."""
    hold = holding.lock(session, flow)
    if hold is None:
        return Step.DRAINED
    if hold.is_paused:
        return Step.PAUSED
    if session.scalar(select(HeldEvent.id).where(HeldEvent.flow == flow).limit(1)) is not None:
        return Step.HANDLED
    session.get_one(FlowPause, hold.pause_id).drained_at = clock.now()
    session.delete(hold)
    return Step.DRAINED
