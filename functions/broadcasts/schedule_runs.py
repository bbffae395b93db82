"""The timer of schedules: claim each that is due, and begin its execution once, however many timers run."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from functions.broadcasts import running_start, schedule_failures, schedule_records
from functions.broadcasts.schedules import ScheduleError
from functions.broadcasts.states import AutomationStatus
from functions.broadcasts.tables import Automation, Schedule
from shared import clock, faults
from shared.crm import editing
from shared.errors import PermanentError, RetryableError
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
    Several runs that were missed are one. A schedule that fails is set aside as a stopped event (`schedule_failures`); the
    others run.
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
        return editing.committed(partial(claim, schedule_id=schedule_id))
    except RetryableError as error:
        log.warning("schedule %d is tried again in a minute: %s", schedule_id, error)
    except (ScheduleError, PermanentError) as error:
        _give_up(schedule_id, error)
    except Exception as error:
        log.exception("the run of schedule %d has failed", schedule_id)
        _give_up(schedule_id, error)
    return 0


def _give_up(schedule_id: int, error: Exception) -> None:
    """Set aside what cannot run. A mistake of ours is tried again every minute as long as the run is on time."""
    is_certain = isinstance(error, ScheduleError | PermanentError)

    def work(session: Session) -> None:
        due = session.get_one(Schedule, schedule_id).next_scheduled_at
        if due is not None and (is_certain or clock.now() - due > GRACE):
            schedule_failures.set_aside(session, schedule_id, error)

    try:
        editing.committed(work)
    except Exception:
        log.exception("schedule %d is not set aside; it is tried again in a minute", schedule_id)


def claim(session: Session, schedule_id: int) -> int:
    """Claim the due run of a schedule and begin its execution; 0 where another timer was quicker, or it is left out.

    Raises:
        ScheduleError: a field of it cannot be used.
    """
    row = session.get_one(Schedule, schedule_id)
    automation = session.get_one(Automation, row.automation_id)
    due, now = row.next_scheduled_at, clock.now()
    if due is None or due > now:
        return 0
    following = schedule_records.next_run(session, row, now)
    runs = _may_run(automation, row, late=now - due)
    moved = schedule_records.next_values(following)
    counted = {"last_executed_at": now, "execution_count": Schedule.execution_count + 1} if runs else {}
    still = (Schedule.id == row.id, Schedule.next_scheduled_at == due, Schedule.is_active, ~Schedule.is_paused)
    claimed = update(Schedule).where(*still, Schedule.deleted_at.is_(None)).values(**moved, **counted, updated_at=now)
    changes = row.next_config
    if rows_changed(session.execute(claimed.execution_options(synchronize_session=False))) == 0:
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
