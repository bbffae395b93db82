"""Pause, resume and cancel an execution: each changes the one row of the execution, however many recipients it has.

What is claimed afterwards finds the new status (`running_gate`), so nothing more goes out within seconds. A message that was
planned and is left out for a pause gives its recipient back; who resumes goes on with everybody who has got nothing.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import approval, ledger
from functions.broadcasts.states import Approval, AutomationStatus, ExecutionStatus, PlanState
from functions.broadcasts.tables import REASON_LENGTH, Automation, Execution
from shared import clock
from shared.crm import editing
from shared.errors import RefusedError
from shared.store.dialect import held

SYSTEM = "system"


def pause(session: Session, execution_id: int, actor: str, reason: str | None, *, until: datetime | None = None) -> Execution:
    """Hold a running execution. Paused once more, the newer reason and end count. `until`: when it goes on by itself.

    Raises:
        RefusedError: 409, it does not run.
    """
    row = _locked(session, execution_id)
    if row.status not in (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED):
        raise _not_so(row, "paused")
    row.status, row.paused_at, row.resumes_at = ExecutionStatus.PAUSED, row.paused_at or clock.now(), until
    row.pause_reason = reason[:REASON_LENGTH] if reason else None
    editing.log(session, actor, "broadcasts.pause", f"execution:{row.uuid}", row.pause_reason or "")
    return row


def pause_if_running(session: Session, execution_id: int, actor: str, reason: str | None) -> Execution | None:
    """Hold an execution of an automation that is being paused; None where it does not run: then it does not begin either."""
    return (
        pause(session, execution_id, actor, reason)
        if _locked(session, execution_id).status == ExecutionStatus.RUNNING
        else None
    )


def resume(session: Session, execution_id: int, actor: str) -> Execution:
    """Let it go on with everybody who has got nothing yet. Failures before this moment pause it no more.

    Raises:
        RefusedError: 409, it is not paused, or its automation was deleted.
    """
    row = _locked(session, execution_id)
    if row.status != ExecutionStatus.PAUSED:
        raise _not_so(row, "resumed")
    if session.get_one(Automation, row.automation_id).deleted_at is not None:
        raise RefusedError(409, "automation-deleted", "The automation of this execution was deleted.")
    row.status, row.paused_at, row.pause_reason, row.resumes_at = ExecutionStatus.RUNNING, None, None, None
    ledger.lock(session, row.automation_id).counts_since = clock.now()
    editing.log(session, actor, "broadcasts.resume", f"execution:{row.uuid}")
    return row


def cancel(session: Session, execution_id: int, actor: str, reason: str | None) -> Execution:
    """End it for good: nothing that is not sent goes out any more. What was sent stays, and what comes of it still counts.

    Raises:
        RefusedError: 409, it is over.
    """
    row = _locked(session, execution_id)
    if row.status not in (ExecutionStatus.QUEUED, ExecutionStatus.RUNNING, ExecutionStatus.PAUSED):
        raise _not_so(row, "cancelled")
    row.status, row.cancelled_at = ExecutionStatus.CANCELLED, clock.now()
    row.pause_reason = reason[:REASON_LENGTH] if reason else None
    approval.withdraw(session, row, actor.removeprefix("key:"))
    editing.log(session, actor, "broadcasts.cancel", f"execution:{row.uuid}", row.pause_reason or "")
    return row


def start_if_ready(session: Session, execution_id: int) -> bool:
    """Let a queued execution run once its recipients are worked out and nobody's approval is waited for.

    While its automation is paused it stays queued. The status is read behind the lock for which whoever pauses asks as well.
    """
    row = _locked(session, execution_id)
    is_ready = row.status == ExecutionStatus.QUEUED and row.plan_state == PlanState.PLANNED
    if not is_ready or row.approval not in (Approval.NONE, Approval.APPROVED):
        return False
    if session.get_one(Automation, row.automation_id).status == AutomationStatus.PAUSED:
        return False
    row.status, row.started_at = ExecutionStatus.RUNNING, clock.now()
    return True


def _locked(session: Session, execution_id: int) -> Execution:
    return session.scalars(held(select(Execution).where(Execution.id == execution_id), Execution)).one()


def _not_so(row: Execution, word: str) -> RefusedError:
    return RefusedError(409, "wrong-state", f"An execution that is {row.status} cannot be {word}.")
