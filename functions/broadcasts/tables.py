"""The tables of broadcasts: automations, their schedules, executions, recipients, counts, and lists that were uploaded.

`broadcast_recipients` holds millions of rows. Whatever runs by the clock finds its rows by (execution, status, due time); what
a vendor reports finds its row by the delivery. Nobody counts these rows: whoever changes their status adds one row of
differences for the batch to `broadcast_count_deltas`, and a job folds those into `broadcast_counts`. So no row is locked by
every event, and the counts are those of the roll-up and of the differences together.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Unicode, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column

from functions.broadcasts.states import Approval, AutomationStatus, ExecutionStatus, PlanState, RecipientStatus
from shared import clock
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, JsonText, Note, UtcDateTime

NAME_LENGTH, UUID_LENGTH, STATUS_LENGTH, REASON_LENGTH, ACTOR_LENGTH = 255, 36, 16, 200, 60
CODE_LENGTH, ZONE_LENGTH, TIME_LENGTH, KEY_LENGTH, OUTCOME_LENGTH, ERROR_LENGTH, PHONE_LENGTH = 64, 64, 8, 64, 60, 500, 20
DEFAULT_ZONE = "America/Sao_Paulo"


def new_uuid() -> str:
    """A random id."""
    return str(uuid.uuid4())


class Automation(Timestamped, Base):
    """What is sent, to whom and how fast. Deleted softly: `deleted_at` is set and its executions stay.

    `execution_window_start` and `_end` are local times `HH:MM` in `execution_timezone`, both inclusive; NULL: always.
    `rate_limit_per_hour`, `max_concurrent_executions`, `batch_delay_seconds`, `retry_failed` and `max_retries` are as asked
    for; BROADCAST_MAX_RATE_PER_HOUR stands above them when an execution runs.
    """

    __tablename__ = "broadcast_automations"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(Unicode(UUID_LENGTH), unique=True, default=new_uuid)
    name: Mapped[str] = mapped_column(Unicode(NAME_LENGTH))
    description: Mapped[str | None] = mapped_column(Unicode(2000))
    chatbot_id: Mapped[str | None] = mapped_column(Unicode(UUID_LENGTH))
    flow_id: Mapped[str] = mapped_column(Unicode(UUID_LENGTH))
    whatsapp_number_id: Mapped[str | None] = mapped_column(Unicode(64))
    trigger_type: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default="manual")
    trigger_config: Mapped[Any] = mapped_column(JsonText, default=dict)
    audience_type: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default="custom")
    audience_config: Mapped[Any] = mapped_column(JsonText, default=dict)
    variable_mapping: Mapped[Any] = mapped_column(JsonText, default=dict)
    variant_b: Mapped[Any] = mapped_column(JsonText, nullable=True)
    status: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default=AutomationStatus.DRAFT)
    is_active: Mapped[bool] = mapped_column(default=False, server_default=false())
    max_concurrent_executions: Mapped[int] = mapped_column(default=50)
    rate_limit_per_hour: Mapped[int] = mapped_column(default=100)
    batch_delay_seconds: Mapped[int] = mapped_column(default=0)
    retry_failed: Mapped[bool] = mapped_column(default=True, server_default=true())
    max_retries: Mapped[int] = mapped_column(default=3)
    execution_window_start: Mapped[str | None] = mapped_column(Unicode(TIME_LENGTH))
    execution_window_end: Mapped[str | None] = mapped_column(Unicode(TIME_LENGTH))
    execution_timezone: Mapped[str] = mapped_column(Unicode(ZONE_LENGTH), default=DEFAULT_ZONE)
    total_executions: Mapped[int] = mapped_column(default=0)
    last_executed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_scheduled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(Unicode(ACTOR_LENGTH), default="")
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_broadcast_automations_status_id", "status", "id"),)


class Schedule(Timestamped, Base):
    """When an automation runs by itself; one for each that is not deleted. `start_time` and the window are local times `HH:MM`.

    `start_date` and `end_date` stand as they were written (a date or a moment in ISO 8601), for midnight as written means the
    whole day. `next_scheduled_at` is the next run, NULL where none is left; the timer claims rows by it.
    """

    __tablename__ = "broadcast_schedules"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(Unicode(UUID_LENGTH), unique=True, default=new_uuid)
    automation_id: Mapped[int] = mapped_column(ForeignKey("broadcast_automations.id"), index=True)
    recurrence_type: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default="once")
    start_date: Mapped[str] = mapped_column(Unicode(40))
    start_time: Mapped[str] = mapped_column(Unicode(TIME_LENGTH))
    end_date: Mapped[str | None] = mapped_column(Unicode(40))
    recurrence_config: Mapped[Any] = mapped_column(JsonText, default=dict)
    execution_window_start: Mapped[str | None] = mapped_column(Unicode(TIME_LENGTH))
    execution_window_end: Mapped[str | None] = mapped_column(Unicode(TIME_LENGTH))
    execution_timezone: Mapped[str] = mapped_column(Unicode(ZONE_LENGTH), default=DEFAULT_ZONE)
    blackout_dates: Mapped[Any] = mapped_column(JsonText, default=list)
    skip_weekends: Mapped[bool] = mapped_column(default=True, server_default=true())
    skip_holidays: Mapped[bool] = mapped_column(default=True, server_default=true())
    weekend_policy: Mapped[str | None] = mapped_column(Unicode(STATUS_LENGTH))
    missed_policy: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default="run_once")
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    is_paused: Mapped[bool] = mapped_column(default=False, server_default=false())
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_executed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_scheduled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_config: Mapped[Any] = mapped_column(JsonText, nullable=True)
    execution_count: Mapped[int] = mapped_column(default=0)
    error_message: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_broadcast_schedules_next_scheduled_at_id", "next_scheduled_at", "id"),)


class ScheduleException(Timestamped, Base):
    """A span of days in which a schedule's runs are left out, moved to `rescheduled_to`, or have `modified_config`.

    Dates and moments stand as they were written; `end_date` NULL: the day of `start_date`.
    """

    __tablename__ = "broadcast_schedule_exceptions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(Unicode(UUID_LENGTH), unique=True, default=new_uuid)
    schedule_id: Mapped[int] = mapped_column(ForeignKey("broadcast_schedules.id"), index=True)
    exception_type: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH))
    start_date: Mapped[str] = mapped_column(Unicode(40))
    end_date: Mapped[str | None] = mapped_column(Unicode(40))
    reason: Mapped[str | None] = mapped_column(Unicode(255))
    rescheduled_to: Mapped[str | None] = mapped_column(Unicode(40))
    modified_config: Mapped[Any] = mapped_column(JsonText, nullable=True)


class Execution(Timestamped, Base):
    """One run of an automation. `config` is what it runs by: the automation's fields at its start, with a run's changes.

    `run_key` makes a schedule's run one execution however many timers claim it. While `plan_state` is `planning` recipients are
    still being added behind `plan_cursor`; none is sent before it is `planned` and `approval` is `none` or `approved`.
    `resumes_at`: from when a paused one goes on by itself. `errors` holds the newest failures, at most 50.
    """

    __tablename__ = "broadcast_executions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(Unicode(UUID_LENGTH), unique=True, default=new_uuid)
    automation_id: Mapped[int] = mapped_column(ForeignKey("broadcast_automations.id"))
    run_key: Mapped[str] = mapped_column(Unicode(KEY_LENGTH), unique=True, default=new_uuid)
    execution_type: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default="manual")
    triggered_by: Mapped[str | None] = mapped_column(Unicode(ACTOR_LENGTH))
    triggered_by_event: Mapped[str | None] = mapped_column(Unicode(100))
    scheduled_for: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default=ExecutionStatus.QUEUED)
    is_test: Mapped[bool] = mapped_column(default=False, server_default=false())
    test_contact_ids: Mapped[Any] = mapped_column(JsonText, nullable=True)
    config: Mapped[Any] = mapped_column(JsonText, default=dict)
    plan_state: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default=PlanState.PLANNING)
    plan_cursor: Mapped[Any] = mapped_column(JsonText, nullable=True)
    plan_attempts: Mapped[int] = mapped_column(default=0)
    approval: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default=Approval.NONE)
    approval_id: Mapped[str | None] = mapped_column(Unicode(UUID_LENGTH))
    total_recipients: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    pause_reason: Mapped[str | None] = mapped_column(Note(REASON_LENGTH))
    resumes_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error_message: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))
    errors: Mapped[Any] = mapped_column(JsonText, default=list)
    forecast: Mapped[Any] = mapped_column(JsonText, nullable=True)

    __table_args__ = (
        Index("ix_broadcast_executions_automation_id_id", "automation_id", "id"),
        Index("ix_broadcast_executions_status_id", "status", "id"),
    )


class Recipient(Base):
    """One person of an execution. `key` is their address in its one spelling, so that everybody is written to once.

    `due_at` is when it is to be sent by what is known now; `reason` is why it was skipped, or waits. `delivery_id` is the
    message that is under way or was sent last, `enrolment_id` the run of a flow that asks. `attempts` counts messages handed
    to the vendor. `source_line` is its line in an uploaded list. `variant` is
    the text that they get, `a` or `b`; NULL where there is one.
    """

    __tablename__ = "broadcast_recipients"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    execution_id: Mapped[int] = mapped_column(ForeignKey("broadcast_executions.id"))
    key: Mapped[str] = mapped_column(Unicode(KEY_LENGTH))
    contact_id: Mapped[int | None] = mapped_column(BigId, index=True)
    phone_number: Mapped[str | None] = mapped_column(Unicode(PHONE_LENGTH), index=True)
    variables: Mapped[Any] = mapped_column(JsonText, default=dict)
    variant: Mapped[str | None] = mapped_column(Unicode(1))
    status: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default=RecipientStatus.PENDING)
    reason: Mapped[str | None] = mapped_column(Note(REASON_LENGTH))
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivery_id: Mapped[int | None] = mapped_column(BigId, index=True)
    enrolment_id: Mapped[int | None] = mapped_column(BigId, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    flow_completed: Mapped[bool] = mapped_column(default=False, server_default=false())
    flow_current_node: Mapped[str | None] = mapped_column(Unicode(64))
    flow_outcome: Mapped[str | None] = mapped_column(Unicode(OUTCOME_LENGTH))
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    replied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error_code: Mapped[str | None] = mapped_column(Unicode(CODE_LENGTH))
    error_message: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))
    source_line: Mapped[int | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (
        UniqueConstraint("execution_id", "key"),
        Index("ix_broadcast_recipients_execution_id_id", "execution_id", "id"),
        Index("ix_broadcast_recipients_execution_id_status_due_at_id", "execution_id", "status", "due_at", "id"),
    )


class Counts:
    """What is counted of an execution. `b_...` are those of the whole who got the text B."""

    total: Mapped[int] = mapped_column(default=0)
    sent: Mapped[int] = mapped_column(default=0)
    delivered: Mapped[int] = mapped_column(default=0)
    read: Mapped[int] = mapped_column(default=0)
    replied: Mapped[int] = mapped_column(default=0)
    completed: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    ended: Mapped[int] = mapped_column(default=0)
    processed_ms: Mapped[int] = mapped_column(BigId, default=0)
    response_ms: Mapped[int] = mapped_column(BigId, default=0)
    b_total: Mapped[int] = mapped_column(default=0, server_default="0")
    b_sent: Mapped[int] = mapped_column(default=0, server_default="0")
    b_delivered: Mapped[int] = mapped_column(default=0, server_default="0")
    b_read: Mapped[int] = mapped_column(default=0, server_default="0")
    b_replied: Mapped[int] = mapped_column(default=0, server_default="0")
    b_completed: Mapped[int] = mapped_column(default=0, server_default="0")
    b_failed: Mapped[int] = mapped_column(default=0, server_default="0")


class CountDelta(Counts, Base):
    """By how much the counts of an execution have changed with one batch. The columns are those of `COUNTED`."""

    __tablename__ = "broadcast_count_deltas"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    execution_id: Mapped[int] = mapped_column(BigId)

    __table_args__ = (Index("ix_broadcast_count_deltas_execution_id_id", "execution_id", "id"),)


class ExecutionCount(Counts, Base):
    """The counts of an execution, as far as a job has folded them. Each recipient counts once for each stage it has reached.

    `ended` are those for whom nothing follows, `processed_ms` the milliseconds from due to handed to the vendor over those
    `sent`, `response_ms` those from sent to the reply over those `replied`.
    """

    __tablename__ = "broadcast_counts"
    execution_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)


class Upload(Timestamped, Base):
    """A list of numbers: a CSV file, or numbers that were posted. Its rows are read in the background, in slices.

    `state`: `reading`, `ready`, `failed` (`error_message` says why). `position` is the byte up to which the file in `blob` is
    read, `line` the line there. `columns` maps a column of the file to what it is for us.
    """

    __tablename__ = "broadcast_uploads"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(Unicode(UUID_LENGTH), unique=True, default=new_uuid)
    filename: Mapped[str | None] = mapped_column(Unicode(NAME_LENGTH))
    state: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH), default="reading")
    blob: Mapped[str | None] = mapped_column(Unicode(200))
    size_bytes: Mapped[int] = mapped_column(BigId, default=0)
    position: Mapped[int] = mapped_column(BigId, default=0)
    line: Mapped[int] = mapped_column(default=0)
    layout: Mapped[Any] = mapped_column(JsonText, nullable=True)
    columns: Mapped[Any] = mapped_column(JsonText, nullable=True)
    accepted: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    bad: Mapped[int] = mapped_column(default=0)
    error_message: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))
    created_by: Mapped[str] = mapped_column(Unicode(ACTOR_LENGTH), default="")

    __table_args__ = (Index("ix_broadcast_uploads_state_id", "state", "id"),)


class UploadRow(Base):
    """A row of a list that was taken: the number as people write it is in `phone_number`, in E.164."""

    __tablename__ = "broadcast_upload_rows"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    upload_id: Mapped[int] = mapped_column(ForeignKey("broadcast_uploads.id"))
    key: Mapped[str] = mapped_column(Unicode(KEY_LENGTH))
    line: Mapped[int] = mapped_column()
    phone_number: Mapped[str] = mapped_column(Unicode(PHONE_LENGTH), index=True)
    variables: Mapped[Any] = mapped_column(JsonText, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (
        UniqueConstraint("upload_id", "key"),
        Index("ix_broadcast_upload_rows_upload_id_id", "upload_id", "id"),
    )


class UploadProblem(Base):
    """A row that was left out: a duplicate of the line `same_as`, or one that cannot be read. It quotes nothing of the row."""

    __tablename__ = "broadcast_upload_problems"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    upload_id: Mapped[int] = mapped_column(ForeignKey("broadcast_uploads.id"))
    line: Mapped[int] = mapped_column()
    kind: Mapped[str] = mapped_column(Unicode(STATUS_LENGTH))
    reason: Mapped[str] = mapped_column(Note(REASON_LENGTH))
    same_as: Mapped[int | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (
        UniqueConstraint("upload_id", "line"),
        Index("ix_broadcast_upload_problems_upload_id_id", "upload_id", "id"),
    )


COUNTED = tuple(column.name for column in CountDelta.__table__.columns if column.name not in {"id", "execution_id"})
"""What is counted of an execution."""
OF_B = frozenset(name for name in COUNTED if name.startswith("b_"))
"""The counts of those who got the text B."""
