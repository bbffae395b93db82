"""The rows of a schedule, read as the rules want them, and kept true to the next run."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import holidays
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import schedules_next, schedules_read
from functions.broadcasts.running_config import check_changes
from functions.broadcasts.schedules import Calendar, ExceptionType, Run, Span
from functions.broadcasts.schedules import Schedule as Rules
from functions.broadcasts.settings import BroadcastSettings
from functions.broadcasts.tables import Automation, Schedule, ScheduleException
from shared.settings import get_settings, settings_of
from shared.store.dialect import locked

FIELDS = (
    "recurrence_type",
    "start_date",
    "start_time",
    "end_date",
    "recurrence_config",
    "execution_window_start",
    "execution_window_end",
    "execution_timezone",
    "blackout_dates",
    "skip_weekends",
    "skip_holidays",
    "weekend_policy",
)
"""The columns of a schedule by which its runs are worked out."""


def house_calendar() -> Calendar:
    """The public holidays of HOLIDAYS_COUNTRY and the day on which weeks begin, as the settings say now."""
    country = get_settings().holidays_country
    known = holidays.country_holidays(country) if country in holidays.list_supported_countries() else ()
    return Calendar(known, schedules_read.WEEKDAYS.index(settings_of(BroadcastSettings).broadcast_week_start))


def of_automation(session: Session, automation_id: int, *, for_change: bool = False) -> Schedule | None:
    """The schedule of an automation that was not deleted.

    `for_change` locks it: the timer that claims it waits, or was quicker and is seen.
    """
    query = select(Schedule).where(Schedule.automation_id == automation_id, Schedule.deleted_at.is_(None))
    query = query.order_by(Schedule.id.desc()).limit(1)
    return session.scalars(locked(query, Schedule) if for_change else query).one_or_none()


def exceptions_of(session: Session, schedule_id: int) -> Sequence[ScheduleException]:
    """Its exceptions, in the order in which they were added."""
    query = select(ScheduleException).where(ScheduleException.schedule_id == schedule_id).order_by(ScheduleException.id)
    return session.scalars(query).all()


def rules(session: Session, row: Schedule) -> tuple[Rules, tuple[Span, ...]]:
    """A schedule and its exceptions as the rules want them.

    Raises:
        ScheduleError: a field cannot be used (any more).
    """
    schedule = schedules_read.schedule({name: getattr(row, name) for name in FIELDS}, house_calendar())
    names = ("exception_type", "start_date", "end_date", "rescheduled_to", "modified_config")
    listed = [{name: getattr(one, name) for name in names} for one in exceptions_of(session, row.id)]
    spans = schedules_read.exceptions(listed, schedule.zone)
    for span in spans:
        if span.kind is ExceptionType.MODIFY:
            check_changes(span.config)
    return schedule, spans


def next_run(session: Session, row: Schedule, moment: datetime) -> Run | None:
    """The first run of a schedule strictly after `moment`.

    Raises:
        ScheduleError: a field cannot be used.
    """
    return schedules_next.next_after(*rules(session, row), moment)


def note_next(automation: Automation, row: Schedule, run: Run | None) -> None:
    """Keep the next run in the row by which the timer finds it, and in the automation, where people look."""
    for name, value in next_values(run).items():
        setattr(row, name, value)
    automation.next_scheduled_at = row.next_scheduled_at


def next_values(run: Run | None) -> dict[str, Any]:
    """The next run as a schedule's row keeps it."""
    return {"next_scheduled_at": run.at if run else None, "next_config": dict(run.config) if run and run.config else None}
