"""Pause, resume and cancel an automation with all that runs of it; the API and the console call these."""

from sqlalchemy.orm import Session

from functions.broadcasts import automation_edits, running_control, starting
from functions.broadcasts.states import OPEN, UNDER_WAY, AutomationStatus, ExecutionStatus
from functions.broadcasts.tables import Automation, Execution
from shared.errors import RefusedError


def pause(session: Session, automation_id: str, actor: str, reason: str | None) -> list[Execution]:
    """Hold every running execution of it, and let nothing begin, queued or by its schedule; the executions that are held now.

    Raises:
        RefusedError: 404; 409, it is a draft or archived.
    """
    automation = automation_edits.find(session, automation_id, for_change=True)
    if automation.status in (AutomationStatus.DRAFT, AutomationStatus.ARCHIVED):
        raise RefusedError(409, "wrong-state", f"An automation that is {automation.status} cannot be paused.")
    automation.status, automation.is_active = AutomationStatus.PAUSED, False
    session.flush()
    under_way = [row.id for row in _open(session, automation) if row.status in UNDER_WAY]
    held = (running_control.pause_if_running(session, one, actor, reason) for one in under_way)
    return [row for row in held if row is not None]


def resume(session: Session, automation_id: str, actor: str) -> list[Execution]:
    """Let it go on with everybody who has got nothing yet; the executions that run again.

    Raises:
        RefusedError: 404; 409, neither it nor anything of it is paused.
    """
    automation = automation_edits.find(session, automation_id, for_change=True)
    paused = [row for row in _open(session, automation) if row.status == ExecutionStatus.PAUSED]
    if automation.status != AutomationStatus.PAUSED and not paused:
        raise RefusedError(409, "wrong-state", f"An automation that is {automation.status} cannot be resumed.")
    automation.status, automation.is_active = AutomationStatus.ACTIVE, True
    return [running_control.resume(session, row.id, actor) for row in paused]


def cancel(session: Session, automation_id: str, actor: str, reason: str | None) -> list[Execution]:
    """End every open execution of it for good; it is a draft again. The executions that are ended.

    Raises:
        RefusedError: 404; 409, nothing of it is open.
    """
    automation = automation_edits.find(session, automation_id, for_change=True)
    rows = _open(session, automation)
    if not rows:
        raise RefusedError(409, "wrong-state", "Nothing of the automation is open.")
    automation.status, automation.is_active = AutomationStatus.DRAFT, False
    return [running_control.cancel(session, row.id, actor, reason) for row in rows]


def _open(session: Session, automation: Automation) -> list[Execution]:
    return list(starting.open_executions(session, automation.id, OPEN))
