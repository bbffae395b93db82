"""Plan what is due soon: of the recipients of a running execution only those of the next quarter of an hour get deliveries.

So to pause or cancel a million touches a few rows. Whoever plans holds the automation's ledger; recipients and deliveries
change in one transaction, so a crash between two pages repeats nobody, and of two timers the second finds the place of the
first.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.broadcasts import ledger, pace, progress, running_send
from functions.broadcasts.pace import Place
from functions.broadcasts.running_config import RunConfig
from functions.broadcasts.states import ExecutionStatus, RecipientStatus
from functions.broadcasts.tables import Execution, Recipient
from shared import clock, faults
from shared.crm import editing
from shared.store.session import reading

AHEAD = timedelta(minutes=15)
"""Deliveries are made for what is due until then."""
ROUND = timedelta(seconds=30)
"""Conversations are begun in the round before they are due; the ledger holds those that are too early."""
PAGE = 200  # recipients of one transaction
MOST_PAGES = 40  # of one execution in one round of the timer
AFTER_PAGE = faults.point("broadcasts.after_planned_page")


def plan(execution_id: int) -> int:
    """Plan what is due soon of an execution; how many recipients."""
    planned = 0
    for _ in range(MOST_PAGES):
        found = editing.committed(partial(_page, execution_id=execution_id))
        faults.hit(AFTER_PAGE)
        planned += found
        if found < PAGE:
            break
    return planned


def _page(session: Session, execution_id: int) -> int:
    execution = session.get_one(Execution, execution_id)
    row, now = ledger.lock(session, execution.automation_id), clock.now()
    session.refresh(execution)
    if execution.status != ExecutionStatus.RUNNING:
        return 0
    config, journey = RunConfig.of(execution.config), running_send.flow(execution)
    talks = not running_send.is_one_message(journey)
    until = now + (ROUND if talks else AHEAD)
    room = min(PAGE, _room(session, execution_id, config, now))
    start = Place(max(row.planned_until or now, now), row.in_batch)
    times = [found for found, _n in zip(pace.dues(config, start, until), range(room), strict=False)]
    waiting = _waiting(session, execution_id, now, len(times))
    due = list(zip(waiting, [at for at, _place in times], strict=False))
    if not due:
        return 0
    row.planned_until, row.in_batch = times[len(due) - 1][1].at, times[len(due) - 1][1].in_batch
    for recipient, _at in due:
        recipient.status, recipient.reason = RecipientStatus.QUEUED, None
    if talks:
        _begin_talks(session, execution, [recipient for recipient, _at in due])
    else:
        running_send.plan_messages(session, execution, journey, due)
    return len(due)


def _begin_talks(session: Session, execution: Execution, recipients: Sequence[Recipient]) -> None:
    now, journey = clock.now(), running_send.flow(execution)
    left_out = []
    for recipient in recipients:
        recipient.due_at = now
        session.flush()
        if not running_send.begin_talk(session, execution, journey, recipient):
            left_out.append(recipient.id)
    changes = [
        progress.Change(recipient_id=one, status=RecipientStatus.SKIPPED, at=now, reason="already_in_flow") for one in left_out
    ]
    if changes:
        session.flush()
        progress.record(session, changes)


def _room(session: Session, execution_id: int, config: RunConfig, now: datetime) -> int:
    """How many more may be under way: where they go out slower than planned, they must not heap up as deliveries."""
    most = 2 * max(PAGE, int(config.rate_per_hour * (AHEAD / pace.HOUR)))
    queued = (Recipient.execution_id == execution_id, Recipient.status == RecipientStatus.QUEUED)
    late = (*queued, Recipient.error_code.is_(None), Recipient.due_at <= now)  # who is in doubt waits for the flow's end
    overdue = session.scalar(select(func.count()).select_from(select(Recipient.id).where(*late).limit(most).subquery())) or 0
    return most - overdue


def _waiting(session: Session, execution_id: int, now: datetime, number: int) -> Sequence[Recipient]:
    """The next recipients: those who wait for a time that has come, then those who were never planned, in their order."""
    ours = (Recipient.execution_id == execution_id, Recipient.status == RecipientStatus.PENDING)
    again = select(Recipient).where(*ours, Recipient.due_at <= now).order_by(Recipient.due_at, Recipient.id).limit(number)
    found = list(session.scalars(again))
    fresh = select(Recipient).where(*ours, Recipient.due_at.is_(None)).order_by(Recipient.id).limit(number - len(found))
    return found + list(session.scalars(fresh)) if len(found) < number else found


def running() -> Sequence[int]:
    """The executions that are running."""
    with reading() as session:
        query = select(Execution.id).where(Execution.status == ExecutionStatus.RUNNING)
        return session.scalars(query.order_by(Execution.id)).all()
