"""The timer of schedules: claim each that is due, and begin its execution once, however many timers run."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from functions.broadcasts import running_start, schedule_records
from functions.broadcasts.schedules import ScheduleError
from functions.broadcasts.states import AutomationStatus
from functions.broadcasts.tables import ERROR_LENGTH, Automation, Schedule
from shared import clock, faults
from shared.alerts import plan_alert
from shared.crm import editing
from shared.errors import PuenteError
from shared.store.dialect import rows_changed
from shared.store.session import reading

log = logging.getLogger("puente.broadcasts")

AFTER_CLAIM = faults.point("broadcasts.after_schedule_claim")
PAGE = 200
GRACE = timedelta(minutes=15)
"""So late a run is still on time; later it was missed, and `missed_policy` says what becomes of it."""
RUN_ONCE, SKIP = "run_once", "skip"
MISSED_POLICIES = (RUN_ONCE, SKIP)


def run_due() -> int:
    """Begin the executions of all schedules that are due; how many began. A job of every minute.

    A schedule is claimed by one UPDATE that moves `next_scheduled_at` on, if it still stands where it was read: so of two
    timers one begins the run. The execution is in the same transaction, so after a crash either both are there or neither.
    Several runs that were missed are one. A schedule that cannot be read is set aside with an alert; the others run.
    """
    now, begun, last = clock.now(), 0, 0
    while page := _due(now, last):
        for schedule_id in page:
            begun += _run_one(schedule_id)
            faults.hit(AFTER_CLAIM)
        last = page[-1]
    return begun


def _due(now: datetime, last: int) -> Sequence[int]:
    due = (Schedule.next_scheduled_at.is_not(None), Schedule.next_scheduled_at <= now, Schedule.id > last)
    alive = (Schedule.is_active, ~Schedule.is_paused, Schedule.deleted_at.is_(None))
    with reading() as session:
        return session.scalars(select(Schedule.id).where(*due, *alive).order_by(Schedule.id).limit(PAGE)).all()


def _run_one(schedule_id: int) -> int:
    try:
        return editing.committed(partial(_claimed, schedule_id=schedule_id))
    except PuenteError as error:
        log.warning("schedule %d is tried again in a minute: %s", schedule_id, error)
    except Exception:
        log.exception("schedule %d is tried again in a minute", schedule_id)
    return 0


def _claimed(session: Session, schedule_id: int) -> int:
    """Claim the due run of a schedule and begin its execution; 0 where another timer was quicker, or it is left out."""
    row = session.get_one(Schedule, schedule_id)
    automation = session.get_one(Automation, row.automation_id)
    due, now = row.next_scheduled_at, clock.now()
    if due is None or due > now:
        return 0
    try:
        following = schedule_records.next_run(session, row, now)
    except ScheduleError as error:
        _set_aside(session, row, error)
        return 0
    runs = _may_run(automation, row, late=now - due)
    moved = schedule_records.next_values(following)
    counted = {"last_executed_at": now, "execution_count": Schedule.execution_count + 1} if runs else {}
    still = (Schedule.id == row.id, Schedule.next_scheduled_at == due, Schedule.is_active, ~Schedule.is_paused)
    claim = update(Schedule).where(*still, Schedule.deleted_at.is_(None)).values(**moved, **counted, updated_at=now)
    changes = row.next_config
    if rows_changed(session.execute(claim.execution_options(synchronize_session=False))) == 0:
        return 0
    automation.next_scheduled_at = moved["next_scheduled_at"]
    if not runs:
        log.info("schedule %d: the run of %s is left out", row.id, due.isoformat())
        return 0
    return int(running_start.begin(session, automation, row, due, changes) is not None)


def _may_run(automation: Automation, row: Schedule, late: timedelta) -> bool:
    """Whether a due run takes place: not of an automation that stands still, and a missed one only if its policy says so."""
    if automation.deleted_at is not None or automation.status in (AutomationStatus.ARCHIVED, AutomationStatus.PAUSED):
        return False
    return late <= GRACE or row.missed_policy != SKIP


def _set_aside(session: Session, row: Schedule, error: ScheduleError) -> None:
    """Take a schedule that cannot be read out of the timer's way; operators are told once, and mend it by changing it."""
    row.is_active, row.error_message = False, f"{error.code}: {error}"[:ERROR_LENGTH]
    log.error("schedule %d is set aside: %s", row.id, error)
    plan_alert(session, f"schedule:{row.id}:{clock.now().isoformat()}", f"Puente: schedule {row.uuid} is set aside: {error}")
