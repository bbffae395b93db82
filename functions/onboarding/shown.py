"""What the API of onboarding takes and shows."""

from datetime import date, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.onboarding import reports, tasks
from functions.onboarding.tables import Onboarding, OnboardingTask
from shared.web.paging import Moment


class OnboardingOut(BaseModel):
    """One onboarding."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    email: str
    login: str = Field(description="How the address is written in all systems.")
    full_name: str
    start_date: date
    state: str = Field(description="`open`, `ended` or `cancelled`.")
    status: str = Field(description="`in_progress`, `completed` or `failed`, by what has really become of the steps.")
    manager_email: str
    manager_name: str | None
    position: str | None
    department: str | None
    location: str | None
    employee_id: str | None
    hris_source: str | None
    warnings: list[str]
    received_at: datetime
    settled_at: datetime | None
    closed_at: datetime | None
    reason: str | None


class StepOut(BaseModel):
    """One step and what has really become of it."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    target: str
    state: str
    act: str | None = Field(description="What was done to an account: created, reactivated, activated, found.")
    detail: str | None
    reason: str | None
    external_id: str | None
    settled_at: datetime | None


class TaskOut(BaseModel):
    """One task of the manager."""

    id: int
    task_id: str
    task_type: str
    day_number: int
    due_date: date
    title: str
    description: str
    priority: str
    assignee: str
    status: str
    done_at: datetime | None

    @classmethod
    def of(cls, task: OnboardingTask, email: str) -> Self:
        """The task as the API shows it."""
        plain = {name: getattr(task, name) for name in cls.model_fields if name not in ("task_id", "due_date")}
        return cls(task_id=tasks.task_id(task, email), due_date=task.due_on, **plain)


class CheckOut(BaseModel):
    """One check."""

    name: str
    passed: bool
    required: bool


class ComplianceOut(BaseModel):
    """The checks, by what happened."""

    status: str
    score: int
    checks: list[CheckOut]
    recommendations: list[str]
    alert: bool


class SlaOut(BaseModel):
    """The time that it took, or has taken so far."""

    limit_minutes: int
    minutes: int
    state: str


class ProgressOut(BaseModel):
    """How many steps are done, of those that are not switched off."""

    done: int
    total: int
    percent: int


class OnboardingWhole(OnboardingOut):
    """One onboarding with all that belongs to it."""

    progress: ProgressOut
    sla: SlaOut
    compliance: ComplianceOut
    steps: list[StepOut]
    tasks: list[TaskOut]


class CancelIn(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="cancelled", max_length=200)


class DecisionIn(BaseModel):
    """What is to become of a step."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["same-person", "retry", "skip", "done"] = Field(
        description="`same-person`: the account that was there is this employee's. `done`: somebody has done it by hand."
    )


class TaskIn(BaseModel):
    """Whether a task is done."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["pending", "done"]


class ManualOut(BaseModel):
    """The manual that goes with welcome mails."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    size: int
    uploaded_by: str
    created_at: datetime


class ReportQuery(BaseModel):
    """A time; the last thirty days if none is given."""

    since: Moment | None = None
    until: Moment | None = None


def whole_of(session: Session, row: Onboarding) -> OnboardingWhole:
    """One onboarding with all that belongs to it, as the transaction has it."""
    session.flush()
    progress = reports.progress_of(session, row)
    query = select(OnboardingTask).where(OnboardingTask.onboarding_id == row.id).order_by(OnboardingTask.id)
    return OnboardingWhole(
        **OnboardingOut.model_validate(row).model_dump(),
        progress=ProgressOut(done=progress.done, total=progress.total, percent=progress.percent),
        sla=SlaOut(**reports.sla_of(row)),
        compliance=ComplianceOut(**reports.compliance_of(row, progress)),
        steps=[StepOut.model_validate(step) for step in progress.steps],
        tasks=[TaskOut.of(task, row.email) for task in session.scalars(query)],
    )
