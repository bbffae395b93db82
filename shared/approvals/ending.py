"""How an approval ends, whoever ends it: the row, the action log, and the listeners, in one transaction."""

from typing import Literal

from sqlalchemy.orm import Session

from shared import clock, flows
from shared.approvals.approval import ApprovalDecided
from shared.crm import editing
from shared.store.approval_models import Approval

EVENT = "approval.decided"
type Ending = Literal["approved", "rejected", "expired", "withdrawn"]


def subject(row: Approval) -> str:
    """How the action log names an approval."""
    return f"approval:{row.id}"


def end(session: Session, row: Approval, outcome: Ending, by: str | None, comment: str | None, actor: str) -> None:
    """End an open approval, whose row is locked, and notify the listeners of `approval.decided`.

    A listener that raises undoes the decision with everything else of the transaction: nobody is shown an answer on which
    nothing follows.
    """
    row.state, row.decided_by, row.comment, row.decided_at, row.remind_at = outcome, by, comment, clock.now(), None
    editing.log(session, actor, f"approval-{outcome}", subject(row), row.kind)
    session.flush()
    decided = ApprovalDecided(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        key=row.key,
        outcome=outcome,
        by=by,
        comment=comment,
        at=row.decided_at,
    )
    for _flow, listener in flows.listeners(EVENT):
        listener(session, decided)
