"""`/api/v1/onboarding`: how far each onboarding is, what a person decides, the manager's tasks, and the manual."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from functions.onboarding import advancing, deciding, documents, reports, rows, services, tasks
from functions.onboarding.tables import OPEN, Onboarding, OnboardingTask
from shared import clock
from shared.crm import editing
from shared.errors import RefusedError
from shared.problems import documented
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import Moment, Page, PageQuery, RowId, find, text

FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
router = APIRouter(prefix="/api/v1/onboarding", tags=["Onboarding"], route_class=SecuredRoute)


class OnboardingQuery(PageQuery):
    """Filters of the list."""

    email: Annotated[str, text(254)] | None = None
    manager_email: Annotated[str, text(254)] | None = None
    state: Literal["open", "ended", "cancelled"] | None = None
    status: Literal["in_progress", "completed", "failed"] | None = None

    def applied(self, query: Select[Onboarding]) -> Select[Onboarding]:
        """`query`, narrowed down."""
        given = {
            Onboarding.email: self.email and self.email.lower(),
            Onboarding.manager_email: self.manager_email and self.manager_email.lower(),
            Onboarding.state: self.state,
            Onboarding.status: self.status,
        }
        return query.where(*(column == value for column, value in given.items() if value is not None))


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


@router.get("", summary="List onboardings")
def list_onboardings(query: Annotated[OnboardingQuery, Query()]) -> Page[OnboardingOut]:
    """By employee, manager and state."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Onboarding)), Onboarding.id, query)
        return Page(items=[OnboardingOut.model_validate(row) for row in rows], total=total, next=after)


@router.get("/report", summary="Figures of onboarding")
def show_report(query: Annotated[ReportQuery, Query()]) -> dict[str, Any]:
    """Under the names of the replaced flow's metrics, from real results."""
    until = query.until or clock.now()
    with reading() as session:
        return reports.summary(session, query.since or until - min(timedelta(days=30), until - FIRST_MOMENT), until)


@router.get("/manual", summary="The manual", responses=documented(404))
def get_manual() -> ManualOut:
    """Which file goes with welcome mails now."""
    with reading() as session:
        row = reports.manual_of(session)
        if row is None:
            raise RefusedError(404, "no-manual", "No manual was uploaded; welcome mails go without one.")
        return ManualOut.model_validate(row)


_PDF_BODY = {
    "requestBody": {"required": True, "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.put("/manual", summary="Replace the manual", responses=documented(413, 415, 422), openapi_extra=_PDF_BODY)
async def put_manual(request: Request, caller: Caller, name: Annotated[str, Query(max_length=100)] = "Manual.pdf") -> ManualOut:
    """Takes a PDF as its body, of up to 8 MB. It goes with the welcome mails that are planned from now on."""
    from starlette.concurrency import run_in_threadpool

    raw = await request.body()
    row = await run_in_threadpool(documents.keep, name, raw, request.headers.get("content-type", ""), actor(caller))
    return ManualOut.model_validate(row)


@router.get("/{onboarding_id:id}", summary="One onboarding", responses=documented(404))
def get_onboarding(onboarding_id: RowId) -> OnboardingWhole:
    """Its steps with their results, its tasks, its progress, time and checks."""
    with reading() as session:
        return _whole(session, _found(session, onboarding_id))


@router.post("/{onboarding_id:id}/cancel", summary="Cancel an onboarding", responses=documented(404, 409))
def cancel_onboarding(onboarding_id: RowId, body: CancelIn, caller: Caller) -> OnboardingWhole:
    """Takes back what can be; see the steps for what was. 409 where it has ended."""

    def work(session: Session) -> OnboardingWhole:
        row = _locked(session, onboarding_id)
        services.cancel_row(session, row, body.reason)
        editing.log(session, actor(caller), "onboarding-cancelled", f"onboarding:{row.id}")
        return _whole(session, row)

    return editing.committed(work)


@router.post("/{onboarding_id:id}/end", summary="End an onboarding", responses=documented(404, 409))
def end_onboarding(onboarding_id: RowId, caller: Caller) -> OnboardingWhole:
    """It is open no more, so that a new contract of the same employee begins another one. Nothing is taken back."""

    def work(session: Session) -> OnboardingWhole:
        row = _locked(session, onboarding_id)
        advancing.close(row, "ended", f"by {actor(caller)}"[:200])
        editing.log(session, actor(caller), "onboarding-ended", f"onboarding:{row.id}")
        session.flush()
        return _whole(session, row)

    return editing.committed(work)


@router.post("/{onboarding_id:id}/steps/{name}", summary="Decide on a step", responses=documented(404, 409))
def decide_step(onboarding_id: RowId, name: str, body: DecisionIn, caller: Caller) -> OnboardingWhole:
    """What a person says of a step that has failed, is uncertain, or waits; the onboarding goes on by it."""

    def work(session: Session) -> OnboardingWhole:
        row = _found(session, onboarding_id)
        deciding.decide(session, row.id, name, body.decision)
        editing.log(session, actor(caller), f"onboarding-step-{body.decision}"[:60], f"onboarding:{row.id}", name[:20])
        return _whole(session, row)

    return editing.committed(work)


@router.patch("/{onboarding_id:id}/tasks/{task_id:id}", summary="Note that a task is done", responses=documented(404, 409))
def change_task(onboarding_id: RowId, task_id: RowId, body: TaskIn, caller: Caller) -> TaskOut:
    """409 where the onboarding was cancelled, and the task with it."""

    def work(session: Session) -> TaskOut:
        row = _found(session, onboarding_id)
        found = next((one for one in tasks.of(session, row.id) if one.id == task_id), None)
        if found is None:
            raise editing.missing("task", task_id)
        if found.status == tasks.CANCELLED:
            raise RefusedError(409, "task-cancelled", "The task was cancelled with its onboarding.")
        tasks.set_status(found, body.status)
        editing.log(session, actor(caller), f"onboarding-task-{body.status}", f"onboarding:{row.id}", found.code)
        return TaskOut.of(found, row.email)

    return editing.committed(work)


def _found(session: Session, number: int) -> Onboarding:
    row = session.get(Onboarding, number)
    if row is None:
        raise editing.missing("onboarding", number)
    return row


def _locked(session: Session, number: int) -> Onboarding:
    row = rows.lock(session, number)
    if row is None:
        raise editing.missing("onboarding", number)
    if row.state != OPEN:
        raise RefusedError(409, "onboarding-over", f"Onboarding {number} is {row.state}.")
    return row


def _whole(session: Session, row: Onboarding) -> OnboardingWhole:
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
