"""Pause, resume and cancel: of an automation with all that runs of it, and of one execution."""

from collections.abc import Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import BaseModel
from sqlalchemy.orm import Session

from functions.broadcasts import automation_edits, running_automation, running_control, stats
from functions.broadcasts.api import find_execution
from functions.broadcasts.api_models import ExecutionOut, ReasonIn
from functions.broadcasts.states import AutomationStatus
from functions.broadcasts.tables import Automation, Execution
from shared.crm import editing
from shared.problems import documented
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor

router = APIRouter(prefix="/api/v1/flow-automations", tags=["Broadcasts"], route_class=SecuredRoute)
executions_router = APIRouter(prefix="/api/v1/executions", tags=["Broadcasts"], route_class=SecuredRoute)

REFUSED = documented(404, 409)
Why = Annotated[ReasonIn | None, Body()]


class RunningOut(BaseModel):
    """An automation after the change, and the executions that it has changed."""

    automation_id: str
    status: AutomationStatus
    executions: list[ExecutionOut]


@router.post("/{automation_id}/pause", summary="Pause an automation", responses=REFUSED)
def pause_automation(automation_id: UUID, caller: Caller, body: Why = None) -> RunningOut:
    """Holds what runs of it, within seconds however many people there are; what is queued begins once it is resumed."""
    reason = body.reason if body else None
    return _changed(automation_id, lambda session, uuid: running_automation.pause(session, uuid, actor(caller), reason))


@router.post("/{automation_id}/resume", summary="Resume an automation", responses=REFUSED)
def resume_automation(automation_id: UUID, caller: Caller) -> RunningOut:
    """Everybody who has got nothing yet gets it; nobody gets it twice, and no run that fell into the pause is made up for."""
    return _changed(automation_id, lambda session, uuid: running_automation.resume(session, uuid, actor(caller)))


@router.post("/{automation_id}/cancel", summary="Cancel what runs of an automation", responses=REFUSED)
def cancel_automation(automation_id: UUID, caller: Caller, body: Why = None) -> RunningOut:
    """Ends every open execution of it for good. The automation is a draft again, to be changed and started anew."""
    reason = body.reason if body else None
    return _changed(automation_id, lambda session, uuid: running_automation.cancel(session, uuid, actor(caller), reason))


@executions_router.post("/{execution_id:execution}/pause", summary="Pause an execution", responses=REFUSED)
def pause_execution(execution_id: UUID, caller: Caller, body: Why = None) -> ExecutionOut:
    """Holds it. A message whose call is under way goes out; nothing else does."""
    reason = body.reason if body else None
    return _one(execution_id, lambda session, row: running_control.pause(session, row.id, actor(caller), reason))


@executions_router.post("/{execution_id:execution}/resume", summary="Resume an execution", responses=REFUSED)
def resume_execution(execution_id: UUID, caller: Caller) -> ExecutionOut:
    """Lets it go on with everybody who has got nothing yet."""
    return _one(execution_id, lambda session, row: running_control.resume(session, row.id, actor(caller)))


@executions_router.post("/{execution_id:execution}/cancel", summary="Cancel an execution", responses=REFUSED)
def cancel_execution(execution_id: UUID, caller: Caller, body: Why = None) -> ExecutionOut:
    """Ends it for good; what was sent stays."""
    reason = body.reason if body else None
    return _one(execution_id, lambda session, row: running_control.cancel(session, row.id, actor(caller), reason))


def _changed(automation_id: UUID, work: Callable[[Session, str], list[Execution]]) -> RunningOut:
    uuid = str(automation_id)
    changed = editing.committed(lambda session: [row.id for row in work(session, uuid)])
    with reading() as session:
        automation = automation_edits.find(session, uuid)
        shown = [_shown(session, session.get_one(Execution, number), uuid) for number in changed]
        return RunningOut(automation_id=uuid, status=AutomationStatus(automation.status), executions=shown)


def _one(execution_id: UUID, work: Callable[[Session, Execution], Execution]) -> ExecutionOut:
    def whole(session: Session, wanted: str) -> int:
        row, _automation = find_execution(session, wanted)
        return work(session, row).id

    number = editing.committed(partial(whole, wanted=str(execution_id)))
    with reading() as session:
        row = session.get_one(Execution, number)
        return _shown(session, row, session.get_one(Automation, row.automation_id).uuid)


def _shown(session: Session, row: Execution, automation_uuid: str) -> ExecutionOut:
    return ExecutionOut.of(row, automation_uuid, stats.of_executions(session, [row.id])[row.id])
