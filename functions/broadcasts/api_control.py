"""Pause, resume and cancel what is under way, of an automation or of one execution."""

from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy.orm import Session

from functions.broadcasts import approval, automation_edits, running_control
from functions.broadcasts.api import find_execution, shown_execution
from functions.broadcasts.api_models import ExecutionOut, ReasonIn
from functions.broadcasts.starting import open_executions
from functions.broadcasts.states import OPEN, AutomationStatus, ExecutionStatus
from functions.broadcasts.tables import Automation, Execution
from shared.crm import editing
from shared.errors import RefusedError
from shared.problems import documented
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor

router = APIRouter(prefix="/api/v1/flow-automations", tags=["Broadcasts"], route_class=SecuredRoute)
executions_router = APIRouter(prefix="/api/v1/executions", tags=["Broadcasts"], route_class=SecuredRoute)

type Step = Callable[[Session, Execution], None]


@router.post("/{automation_id}/pause", summary="Pause an automation", responses=documented(404, 409))
def pause_automation(automation_id: UUID, caller: Caller, body: ReasonIn | None = None) -> list[ExecutionOut]:
    """Holds what runs, and what its schedule would begin. Nothing more goes out within seconds, and nobody is lost."""
    return _all(automation_id, [ExecutionStatus.RUNNING], _pause(body, actor(caller)), AutomationStatus.PAUSED)


@router.post("/{automation_id}/resume", summary="Resume an automation", responses=documented(404, 409))
def resume_automation(automation_id: UUID, caller: Caller) -> list[ExecutionOut]:
    """Goes on with everybody who has got nothing yet; what a schedule has missed meanwhile is not made up for."""
    return _all(automation_id, [ExecutionStatus.PAUSED], _resume(actor(caller)), AutomationStatus.ACTIVE)


@router.post("/{automation_id}/cancel", summary="Cancel what an automation does", responses=documented(404, 409))
def cancel_automation(automation_id: UUID, caller: Caller, body: ReasonIn | None = None) -> list[ExecutionOut]:
    """Ends its open executions for good; what is not sent is not sent any more. A schedule goes on."""
    return _all(automation_id, OPEN, _cancel(body, actor(caller)), None)


@executions_router.post("/{execution_id}/pause", summary="Pause an execution", responses=documented(404, 409))
def pause_execution(execution_id: UUID, caller: Caller, body: ReasonIn | None = None) -> ExecutionOut:
    """Holds it. Paused again, the newer reason counts."""
    return _one(execution_id, _pause(body, actor(caller)))


@executions_router.post("/{execution_id}/resume", summary="Resume an execution", responses=documented(404, 409))
def resume_execution(execution_id: UUID, caller: Caller) -> ExecutionOut:
    """Goes on with everybody who has got nothing yet."""
    return _one(execution_id, _resume(actor(caller)))


@executions_router.post("/{execution_id}/cancel", summary="Cancel an execution", responses=documented(404, 409))
def cancel_execution(execution_id: UUID, caller: Caller, body: ReasonIn | None = None) -> ExecutionOut:
    """Ends it for good; what was sent stays, and what comes of it still counts."""
    return _one(execution_id, _cancel(body, actor(caller)))


def _pause(body: ReasonIn | None, who: str) -> Step:
    reason = body.reason if body else None
    return lambda session, row: _done(running_control.pause(session, row.id, who, reason))


def _resume(who: str) -> Step:
    return lambda session, row: _done(running_control.resume(session, row.id, who))


def _cancel(body: ReasonIn | None, who: str) -> Step:
    reason = body.reason if body else None

    def step(session: Session, row: Execution) -> None:
        cancelled = running_control.cancel(session, row.id, who, reason)
        approval.withdraw(session, cancelled, who.removeprefix("key:"))

    return step


def _done(_row: Execution) -> None:
    """What is shown is read anew."""


def _all(automation_id: UUID, statuses: Sequence[str], step: Step, after: AutomationStatus | None) -> list[ExecutionOut]:
    def work(session: Session) -> list[str]:
        automation = automation_edits.find(session, str(automation_id), for_change=True)
        found = open_executions(session, automation.id, statuses)
        if not found and not (after and _may_be(automation, after)):
            raise RefusedError(409, "wrong-state", "No execution of it is in a state for that.")
        for row in found:
            step(session, row)
        if after is not None:
            automation.status, automation.is_active = after, after == AutomationStatus.ACTIVE
        return [row.uuid for row in found]

    return [_shown(one) for one in editing.committed(work)]


def _may_be(automation: Automation, after: AutomationStatus) -> bool:
    """Whether an automation without an execution is paused or resumed: one whose schedule goes on."""
    before = AutomationStatus.ACTIVE if after == AutomationStatus.PAUSED else AutomationStatus.PAUSED
    return automation.status == before


def _one(execution_id: UUID, step: Step) -> ExecutionOut:
    def work(session: Session, wanted: str) -> str:
        row, _automation = find_execution(session, wanted)
        step(session, row)
        return row.uuid

    return _shown(editing.committed(partial(work, wanted=str(execution_id))))


def _shown(execution_uuid: str) -> ExecutionOut:
    with reading() as session:
        row, automation = find_execution(session, execution_uuid)
        return shown_execution(session, row, automation.uuid)
