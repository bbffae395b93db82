"""`/api/v1/onboarding`: how far each onboarding is, what a person decides, the manager's tasks, and the manual."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from functions.onboarding import advancing, deciding, documents, reports, rows, services, tasks
from functions.onboarding.shown import (
    CancelIn,
    DecisionIn,
    ManualOut,
    OnboardingOut,
    OnboardingWhole,
    ReportQuery,
    TaskIn,
    TaskOut,
    whole_of,
)
from functions.onboarding.tables import OPEN, Onboarding
from shared import clock
from shared.crm import editing
from shared.errors import RefusedError
from shared.problems import documented
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import Page, PageQuery, RowId, find, text

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
        return whole_of(session, _found(session, onboarding_id))


@router.post("/{onboarding_id:id}/cancel", summary="Cancel an onboarding", responses=documented(404, 409))
def cancel_onboarding(onboarding_id: RowId, body: CancelIn, caller: Caller) -> OnboardingWhole:
    """Takes back what can be; see the steps for what was. 409 where it has ended."""

    def work(session: Session) -> OnboardingWhole:
        row = _locked(session, onboarding_id)
        services.cancel_row(session, row, body.reason)
        editing.log(session, actor(caller), "onboarding-cancelled", f"onboarding:{row.id}")
        return whole_of(session, row)

    return editing.committed(work)


@router.post("/{onboarding_id:id}/end", summary="End an onboarding", responses=documented(404, 409))
def end_onboarding(onboarding_id: RowId, caller: Caller) -> OnboardingWhole:
    """It is open no more, so that a new contract of the same employee begins another one. Nothing is taken back."""

    def work(session: Session) -> OnboardingWhole:
        row = _locked(session, onboarding_id)
        advancing.close(row, "ended", f"by {actor(caller)}"[:200])
        editing.log(session, actor(caller), "onboarding-ended", f"onboarding:{row.id}")
        session.flush()
        return whole_of(session, row)

    return editing.committed(work)


@router.post("/{onboarding_id:id}/steps/{name}", summary="Decide on a step", responses=documented(404, 409))
def decide_step(onboarding_id: RowId, name: str, body: DecisionIn, caller: Caller) -> OnboardingWhole:
    """What a person says of a step that has failed, is uncertain, or waits; the onboarding goes on by it."""

    def work(session: Session) -> OnboardingWhole:
        row = _found(session, onboarding_id)
        deciding.decide(session, row.id, name, body.decision)
        editing.log(session, actor(caller), f"onboarding-step-{body.decision}"[:60], f"onboarding:{row.id}", name[:20])
        return whole_of(session, row)

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
