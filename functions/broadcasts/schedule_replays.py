"""The replay of a schedule's run that failed: the schedule is put back in force, and its run takes place."""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import automation_edits, schedule_failures, schedule_records, schedule_runs
from functions.broadcasts.schedule_failures import FailedRun
from functions.broadcasts.schedules import ScheduleError
from functions.broadcasts.tables import Automation, Schedule
from shared.flow import EVENTS_QUEUE
from shared.intake.inbox import Event, Handler

log = logging.getLogger("puente.broadcasts")


def run_again(session: Session, event: Event[FailedRun]) -> str:
    """Put a schedule that was set aside back in force, and begin the run that failed.

    That run was missed, so `missed_policy` says whether it still takes place. "applied"; "stale" where somebody has changed the
    schedule meanwhile, which has settled it; "ignored" where it was deleted.

    Raises:
        PermanentError: it cannot run yet. It stays set aside, and the event is stopped again with this reason.
    """
    alive = (Schedule.uuid == event.payload.schedule_id, Schedule.deleted_at.is_(None), Automation.deleted_at.is_(None))
    query = select(Automation.uuid).join(Schedule, Schedule.automation_id == Automation.id).where(*alive)
    automation_uuid = session.scalars(query).one_or_none()
    if automation_uuid is None:
        return "ignored"
    automation = automation_edits.find(session, automation_uuid, for_change=True)
    row = schedule_records.of_automation(session, automation.id, for_change=True)
    if row is None or row.error_message is None or row.next_scheduled_at != event.payload.due:
        return "stale"
    row.is_active, row.error_message = True, None
    session.flush()
    try:
        begun = schedule_runs.claim(session, row.id)
    except ScheduleError as error:
        raise schedule_failures.stopped(automation.name, error) from error
    log.info("schedule %d is in force again; executions begun: %d", row.id, begun)
    return "applied"


HANDLER = Handler(queue=EVENTS_QUEUE, payload=FailedRun, apply=run_again)
