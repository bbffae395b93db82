"""Changes of schedules and exceptions by hand. What would never run is refused before anything is kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import automation_edits, running_start, schedule_failures, schedule_records, schedules_next
from functions.broadcasts.schedules import Schedule as Rules
from functions.broadcasts.schedules import ScheduleError, Span
from functions.broadcasts.tables import Automation, Schedule, ScheduleException
from shared import clock
from shared.crm import editing
from shared.errors import FieldError, RefusedError

FIELD_OF = {
    "never": "recurrence_config",
    "invalid-type": "recurrence_type",
    "invalid-zone": "execution_timezone",
    "invalid-window": "execution_window_start",
    "invalid-policy": "weekend_policy",
    "invalid-exception": "exception_type",
}


def found(session: Session, automation_id: str) -> tuple[Automation, Schedule]:
    """An automation, by its UUID, and its schedule.

    Raises:
        RefusedError: 404, there is no such automation, or it has no schedule.
    """
    automation = automation_edits.find(session, automation_id)
    return automation, _of(session, automation)


def readable(session: Session, row: Schedule) -> tuple[Rules, tuple[Span, ...]]:
    """A schedule as the rules want it.

    Raises:
        RefusedError: 422 with the code of what is wrong.
    """
    try:
        return schedule_records.rules(session, row)
    except ScheduleError as error:
        raise _refused(error) from error


def add(session: Session, automation_id: str, fields: Mapping[str, Any], actor: str) -> int:
    """Add the schedule of an automation; its id.

    Raises:
        RefusedError: 400, it has one; 404; 422, it cannot be read or never comes.
    """
    automation = automation_edits.find(session, automation_id, for_change=True)
    if schedule_records.of_automation(session, automation.id) is not None:
        raise RefusedError(400, "schedule-exists", "The automation has a schedule; delete it first.")
    row = Schedule(automation_id=automation.id, **fields)
    session.add(row)
    session.flush()
    _settle(session, automation, row, clock.now(), actor)
    editing.log(session, actor, "broadcasts.schedule.add", f"automation:{automation.uuid}", sorted(fields))
    return row.id


def change(session: Session, automation_id: str, given: Mapping[str, Any], actor: str) -> int:
    """Change the schedule; its id. Changed or resumed, its next run lies after now: what fell into a pause is not made up for.

    Raises:
        RefusedError: 404; 422, it cannot be read or never comes.
    """
    automation = automation_edits.find(session, automation_id, for_change=True)
    row = _of(session, automation, for_change=True)
    now, missed = clock.now(), row.next_scheduled_at
    was_paused, catches_up = row.is_paused, bool(given.get("catch_up"))
    for name, value in given.items():
        if name != "catch_up":
            setattr(row, name, value)
    if row.is_paused != was_paused:
        row.paused_at = now if row.is_paused else None
    changes, is_active = row.next_config, given.get("is_active")
    _settle(session, automation, row, now, actor)
    row.is_active = row.is_active if is_active is None else is_active
    resumes = was_paused and not row.is_paused and catches_up
    if resumes and missed and missed <= now and running_start.begin(session, automation, row, missed, changes) is not None:
        row.last_executed_at, row.execution_count = now, row.execution_count + 1
    editing.log(session, actor, "broadcasts.schedule.change", f"automation:{automation.uuid}", sorted(given))
    return row.id


def delete(session: Session, automation_id: str, actor: str) -> None:
    """Delete the schedule softly: its exceptions and its executions stay.

    Raises:
        RefusedError: 404.
    """
    automation = automation_edits.find(session, automation_id, for_change=True)
    row = _of(session, automation, for_change=True)
    row.deleted_at, row.is_active, row.next_scheduled_at = clock.now(), False, None
    schedule_failures.settle(session, row, actor)
    automation.next_scheduled_at = None
    editing.log(session, actor, "broadcasts.schedule.delete", f"automation:{automation.uuid}")


def add_exception(session: Session, automation_id: str, fields: Mapping[str, Any], actor: str) -> tuple[ScheduleException, str]:
    """Add an exception; its row and the schedule's UUID.

    Raises:
        RefusedError: 404; 422, it cannot be read, or leaves the schedule without any run.
    """
    automation = automation_edits.find(session, automation_id, for_change=True)
    row = _of(session, automation, for_change=True)
    added = ScheduleException(schedule_id=row.id, **fields)
    session.add(added)
    session.flush()
    _settle(session, automation, row, clock.now(), actor)
    editing.log(session, actor, "broadcasts.schedule.except", f"automation:{automation.uuid}", added.exception_type)
    return added, row.uuid


def delete_exception(session: Session, automation_id: str, exception_id: str, actor: str) -> None:
    """Take an exception back.

    Raises:
        RefusedError: 404; 422, without it the schedule has no run.
    """
    automation = automation_edits.find(session, automation_id, for_change=True)
    row = _of(session, automation, for_change=True)
    query = select(ScheduleException).where(ScheduleException.schedule_id == row.id, ScheduleException.uuid == exception_id)
    gone = session.scalars(query).one_or_none()
    if gone is None:
        raise RefusedError(404, "no-exception", "The schedule has no such exception.")
    session.delete(gone)
    session.flush()
    _settle(session, automation, row, clock.now(), actor)
    editing.log(session, actor, "broadcasts.schedule.take-back", f"automation:{automation.uuid}", gone.exception_type)


def _settle(session: Session, automation: Automation, row: Schedule, now: datetime, actor: str) -> None:
    """Refuse a schedule that never comes, and keep its next run. One that was set aside is taken up again."""
    rules, spans = readable(session, row)
    try:
        schedules_next.check(rules, spans)
    except ScheduleError as error:
        raise _refused(error) from error
    if row.error_message is not None:
        row.is_active, row.error_message = True, None
        schedule_failures.settle(session, row, actor)
    row.start_time = rules.start_time.isoformat("seconds")
    schedule_records.note_next(automation, row, schedules_next.next_after(rules, spans, now))
    row.updated_at = now


def _refused(error: ScheduleError) -> RefusedError:
    field = FIELD_OF.get(error.code, "recurrence_config")
    return RefusedError(
        422, error.code, "The schedule cannot be taken.", detail=str(error), errors=[FieldError(field, str(error))]
    )


def _of(session: Session, automation: Automation, *, for_change: bool = False) -> Schedule:
    row = schedule_records.of_automation(session, automation.id, for_change=for_change)
    if row is None:
        raise RefusedError(404, "no-schedule", "The automation has no schedule.")
    return row
