"""A start that is too large or too expensive waits for a second person, who has another key's name (`shared.approvals`)."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import costs, known_flows
from functions.broadcasts.settings import BroadcastSettings
from functions.broadcasts.states import Approval, ExecutionStatus
from functions.broadcasts.tables import Automation, Execution
from shared import clock
from shared.approvals import requests
from shared.approvals.approval import APPROVED, ApprovalDecided, ApprovalRequest
from shared.phrases import phrase
from shared.settings import settings_of
from shared.store.dialect import held

KIND = "broadcast"
OURS = "broadcasts"
"""Who asks where a schedule has begun the execution."""
EXPIRES = timedelta(days=3)


def ask_if_needed(session: Session, execution: Execution, people: int) -> None:
    """Ask for an approval where the execution would write to more people, or cost more, than the settings allow alone."""
    settings = settings_of(BroadcastSettings)
    most_cost = settings.broadcast_approval_cost
    category = known_flows.category_of(execution.config["flow_id"])
    cost = costs.of_execution(session, execution.id, category) if most_cost is not None else None
    is_dear = cost is not None and most_cost is not None and cost.total > most_cost
    if people <= settings.broadcast_approval_above and not is_dear:
        return
    automation = session.get_one(Automation, execution.automation_id)
    details = {phrase("Automation"): automation.name[:200], phrase("Recipients"): f"{people}"}
    if cost is not None:
        details[phrase("Cost")] = f"{cost.total} {cost.currency}"
    asked = ApprovalRequest(
        kind=KIND,
        subject=f"automation:{automation.uuid}",
        key=execution.uuid,
        title=phrase("Broadcast %(name)s", name=automation.name)[:200],
        asked_by=execution.triggered_by or OURS,
        expires_at=clock.now() + EXPIRES,
        details=details,
    )
    execution.approval, execution.approval_id = Approval.PENDING, str(requests.request(session, asked))


def decided(session: Session, what: ApprovalDecided) -> None:
    """A listener: an approved execution may begin, any other answer cancels it. The same again changes nothing."""
    if what.kind != KIND:
        return
    query = held(select(Execution).where(Execution.uuid == what.key), Execution)
    execution = session.scalars(query).one_or_none()
    if execution is None or execution.approval != Approval.PENDING:
        return
    if what.outcome == APPROVED:
        execution.approval = Approval.APPROVED
        return
    execution.approval = Approval.REJECTED
    if execution.status == ExecutionStatus.QUEUED:
        execution.status, execution.cancelled_at = ExecutionStatus.CANCELLED, clock.now()
        execution.error_message = phrase("approval: %(what)s", what=what.outcome)


def withdraw(session: Session, execution: Execution, by: str) -> None:
    """Take the question back: the execution was cancelled."""
    if execution.approval == Approval.PENDING:
        execution.approval = Approval.REJECTED
        requests.withdraw(session, KIND, execution.uuid, by)
