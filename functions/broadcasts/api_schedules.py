"""`/api/v1/flow-automations/{id}/schedule`: when an automation runs by itself, with exceptions and a preview."""

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from functions.broadcasts import schedule_edits, schedule_records, schedules_next
from functions.broadcasts.schedules import Preview, Recurrence
from functions.broadcasts.schedules import Schedule as Rules
from functions.broadcasts.tables import Automation, Schedule, ScheduleException
from shared import clock
from shared.crm import editing
from shared.errors import RefusedError
from shared.problems import documented
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Body, Flag, Words255

router = APIRouter(prefix="/api/v1/flow-automations", tags=["Broadcasts"], route_class=SecuredRoute)

DateText = Annotated[str, Field(min_length=10, max_length=40, description="A date, or a date and time in ISO 8601.")]
TimeText = Annotated[str, Field(min_length=5, max_length=8, description="`HH:MM` or `HH:MM:SS`, local.")]
Policy = Literal["skip", "before", "after"]
Missed = Literal["run_once", "skip"]
Kind = Literal["once", "daily", "weekly", "monthly", "cron", "custom"]


class ScheduleIn(Body):
    """When an automation runs (docs/schedules.md)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "recurrence_type": "weekly",
                    "start_date": "2027-03-01",
                    "start_time": "09:00",
                    "recurrence_config": {"days": ["MON", "THU"], "interval": 1},
                    "execution_timezone": "America/Mexico_City",
                }
            ]
        }
    )

    recurrence_type: Kind = "once"
    start_date: DateText
    start_time: TimeText
    end_date: DateText | None = None
    recurrence_config: dict[str, Any] = Field(default_factory=dict)
    execution_window_start: TimeText | None = None
    execution_window_end: TimeText | None = None
    execution_timezone: Annotated[str, Field(max_length=64)] = "America/Sao_Paulo"
    blackout_dates: list[DateText] = Field(default_factory=list, max_length=1000)
    skip_weekends: Flag = True
    skip_holidays: Flag = True
    weekend_policy: Policy | None = Field(default=None, description="What becomes of a run on such a day; `skip` if left out.")
    missed_policy: Missed = Field(
        default="run_once", description="What becomes of a run that an outage has kept from its time."
    )
    is_active: Flag = True


class ScheduleChange(Body):
    """The same in part. What is left out stays as it is, null takes a value away."""

    recurrence_type: Kind = Field(default_factory=lambda: "once")
    start_date: DateText = Field(default_factory=str)
    start_time: TimeText = Field(default_factory=str)
    end_date: DateText | None = None
    recurrence_config: dict[str, Any] = Field(default_factory=dict)
    execution_window_start: TimeText | None = None
    execution_window_end: TimeText | None = None
    execution_timezone: Annotated[str, Field(max_length=64)] = Field(default_factory=str)
    blackout_dates: list[DateText] = Field(default_factory=list, max_length=1000)
    skip_weekends: Flag = Field(default_factory=bool)
    skip_holidays: Flag = Field(default_factory=bool)
    weekend_policy: Policy | None = None
    missed_policy: Missed = Field(default_factory=lambda: "run_once")
    is_active: Flag = Field(default_factory=bool)
    is_paused: Flag = Field(
        default_factory=bool, description="true holds its runs; what falls into a pause is not made up for."
    )
    catch_up: Flag = Field(default=False, description="With `is_paused: false`: what fell into the pause runs once, now.")


class ExceptionIn(Body):
    """Runs in a span of days are left out, moved to one moment, or changed. Without `end_date`: on the day of `start_date`."""

    exception_type: Literal["skip", "reschedule", "modify"]
    start_date: DateText
    end_date: DateText | None = None
    reason: Words255 | None = None
    rescheduled_to: DateText | None = None
    modified_config: dict[str, Any] | None = Field(
        default=None, description="`rate_limit_per_hour`, `max_concurrent_executions`, `batch_delay_seconds` and their like."
    )


class ExceptionOut(BaseModel):
    """An exception of a schedule."""

    id: str
    schedule_id: str
    exception_type: str
    start_date: str
    end_date: str | None
    reason: str | None
    rescheduled_to: str | None
    modified_config: dict[str, Any] | None
    created_at: datetime


class ScheduleOut(BaseModel):
    """A schedule as it is kept. `description` says it in words."""

    id: str
    automation_id: str
    recurrence_type: str
    start_date: str
    start_time: str
    end_date: str | None
    recurrence_config: dict[str, Any]
    execution_window_start: str | None
    execution_window_end: str | None
    execution_timezone: str
    blackout_dates: list[str]
    skip_weekends: bool
    skip_holidays: bool
    weekend_policy: str | None
    missed_policy: str
    is_active: bool
    is_paused: bool
    paused_at: datetime | None
    last_executed_at: datetime | None
    next_scheduled_at: datetime | None
    execution_count: int
    error_message: str | None = Field(description="Why it was set aside, until it is changed or replayed.")
    description: str
    exceptions: list[ExceptionOut]
    created_at: datetime
    updated_at: datetime


class NextExecution(BaseModel):
    """A run to come. `moved_by` says what moved it from where it would have been, in order."""

    scheduled_at: datetime = Field(description="With the offset of the schedule's zone.")
    recurrence_type: str
    execution_window: str | None
    timezone: str
    moved_by: list[str]
    modified_config: dict[str, Any] | None
    warning: str | None = Field(description="It was put on a day on which the schedule itself has no runs.")


class LeftOut(BaseModel):
    """A run that does not take place, and why; `rescheduled_to` where it was moved by hand."""

    scheduled_at: datetime
    reasons: list[str]
    rescheduled_to: datetime | None


class PreviewOut(BaseModel):
    """The next runs, and what is left out up to the last of them."""

    automation_id: str
    schedule_id: str
    description: str
    next_executions: list[NextExecution]
    left_out: list[LeftOut]


AutomationId = UUID
FOUND = documented(404)


@router.post(
    "/{automation_id}/schedule", status_code=201, summary="Give an automation a schedule", responses=documented(400, 404)
)
def add_schedule(automation_id: AutomationId, body: ScheduleIn, caller: Caller) -> ScheduleOut:
    """One schedule for each automation: a second is refused with 400 until the first is deleted."""
    work = partial(schedule_edits.add, automation_id=str(automation_id), fields=body.model_dump(), actor=actor(caller))
    return _read(editing.committed(work))


@router.get("/{automation_id}/schedule", summary="The schedule of an automation", responses=FOUND)
def get_schedule(automation_id: AutomationId) -> ScheduleOut:
    """The schedule with its exceptions."""
    with reading() as session:
        automation, row = schedule_edits.found(session, str(automation_id))
        return _shown(session, automation, row)


@router.put("/{automation_id}/schedule", summary="Change the schedule", responses=FOUND)
def change_schedule(automation_id: AutomationId, body: ScheduleChange, caller: Caller) -> ScheduleOut:
    """The next run is worked out anew from now. Resuming makes up for nothing unless `catch_up` asks for it."""
    work = partial(schedule_edits.change, automation_id=str(automation_id), given=body.given(), actor=actor(caller))
    return _read(editing.committed(work))


@router.delete("/{automation_id}/schedule", status_code=204, summary="Delete the schedule", responses=FOUND)
def delete_schedule(automation_id: AutomationId, caller: Caller) -> None:
    """Nothing runs by it any more; what has begun goes on."""
    editing.committed(partial(schedule_edits.delete, automation_id=str(automation_id), actor=actor(caller)))


@router.post(
    "/{automation_id}/schedule/exceptions", status_code=201, summary="Add an exception to the schedule", responses=FOUND
)
def add_exception(automation_id: AutomationId, body: ExceptionIn, caller: Caller) -> ExceptionOut:
    """It looks at the runs as the preview shows them. Skip wins, then the first reschedule; of modifies the last."""
    fields = body.model_dump()
    work = partial(schedule_edits.add_exception, automation_id=str(automation_id), fields=fields, actor=actor(caller))
    row, schedule_id = editing.committed(work)
    return _exception(row, schedule_id)


@router.delete(
    "/{automation_id}/schedule/exceptions/{exception_id}", status_code=204, summary="Take an exception back", responses=FOUND
)
def delete_exception(automation_id: AutomationId, exception_id: UUID, caller: Caller) -> None:
    """The runs in its span are as the schedule says."""
    work = partial(schedule_edits.delete_exception, automation_id=str(automation_id), exception_id=str(exception_id))
    editing.committed(partial(work, actor=actor(caller)))


@router.get("/{automation_id}/schedule/preview", summary="When it runs next, and why then", responses=FOUND)
def preview_schedule(
    automation_id: AutomationId,
    num_executions: Annotated[int, Query(ge=1, le=100)] = 10,
    days_ahead: Annotated[int, Query(ge=1, le=365)] = 90,
) -> PreviewOut:
    """Each run with what moved it, and each that is left out with its reasons."""
    now = clock.now()
    with reading() as session:
        automation, row = schedule_edits.found(session, str(automation_id))
        rules, spans = schedule_edits.readable(session, row)
        found = schedules_next.preview(rules, spans, now, num_executions)
        return _preview(automation, row, rules, _until(found, now + timedelta(days=days_ahead)))


def _until(found: Preview, end: datetime) -> Preview:
    return Preview([run for run in found.runs if run.at <= end], [lost for lost in found.dropped if lost.at <= end])


def _preview(automation: Automation, row: Schedule, rules: Rules, found: Preview) -> PreviewOut:
    window = f"{row.execution_window_start}-{row.execution_window_end}" if row.execution_window_start else None
    shared = {"recurrence_type": row.recurrence_type, "execution_window": window, "timezone": row.execution_timezone}
    runs = [
        NextExecution(
            scheduled_at=run.at,
            moved_by=list(run.why),
            modified_config=dict(run.config) or None,
            warning=run.warning,
            **shared,
        )
        for run in found.runs
    ]
    lost = [LeftOut(scheduled_at=one.at, reasons=list(one.why), rescheduled_to=one.to) for one in found.dropped]
    ids = {"automation_id": automation.uuid, "schedule_id": row.uuid}
    return PreviewOut(**ids, description=in_words(rules), next_executions=runs, left_out=lost)


def in_words(rules: Rules) -> str:
    """What a schedule means, for people; of a cron expression with both day fields it says "or"."""
    at, days = f"at {rules.start_time:%H:%M}", ", ".join(day for number, day in enumerate(_DAYS) if number in rules.days)
    words = {
        Recurrence.ONCE: f"once, on {rules.start_day.isoformat()} {at}",
        Recurrence.DAILY: f"every {_number(rules.interval, 'day')} from {rules.start_day.isoformat()} {at}",
        Recurrence.WEEKLY: f"{days} of every {_number(rules.interval, 'week')} {at}",
        Recurrence.MONTHLY: f"day {rules.day} of every {_number(rules.interval, 'month')} {at}",
        Recurrence.CUSTOM: f"on {len(rules.dates)} dates",
    }
    phrase = rules.cron.in_words() if rules.cron is not None else words[rules.recurrence]
    return f"{phrase} ({rules.zone.key})"


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _number(interval: int, noun: str) -> str:
    return noun if interval == 1 else f"{interval} {noun}s"


def _read(schedule_id: int) -> ScheduleOut:
    with reading() as session:
        row = session.get_one(Schedule, schedule_id)
        return _shown(session, session.get_one(Automation, row.automation_id), row)


def _shown(session: Session, automation: Automation, row: Schedule) -> ScheduleOut:
    listed = schedule_records.exceptions_of(session, row.id)
    try:
        words = in_words(schedule_edits.readable(session, row)[0])
    except RefusedError as error:
        words = str(error.detail)
    apart = {"id", "automation_id", "description", "exceptions", "next_scheduled_at"}
    plain = {name: getattr(row, name) for name in ScheduleOut.model_fields if name not in apart}
    return ScheduleOut(
        **plain,
        id=row.uuid,
        automation_id=automation.uuid,
        next_scheduled_at=None if row.is_paused or not row.is_active else row.next_scheduled_at,
        description=words,
        exceptions=[_exception(one, row.uuid) for one in listed],
    )


def _exception(row: ScheduleException, schedule_id: str) -> ExceptionOut:
    names = ("exception_type", "start_date", "end_date", "reason", "rescheduled_to", "modified_config", "created_at")
    return ExceptionOut(id=row.uuid, schedule_id=schedule_id, **{name: getattr(row, name) for name in names})


__all__ = ["in_words", "router"]
