"""Ask for an approval, and take a request back."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared import clock
from shared.approvals import ending, invitations
from shared.approvals.approval import PENDING, WITHDRAWN, ApprovalRequest
from shared.crm import editing
from shared.store.approval_models import Approval
from shared.store.dialect import insert_if_absent

NOUN = "approval"


def request(session: Session, asked: ApprovalRequest) -> int:
    """Ask for an approval, and mail those who are asked their links; returns its number.

    Once for `kind` and `key` for all time: a second call returns the number of what was asked before, whatever became of it,
    and mails nobody. Who is asked: `approvers`, else everybody in APPROVERS, never whoever wants the approval.
    """
    now = clock.now()
    values = {
        **{name: getattr(asked, name) for name in ("kind", "key", "subject", "title", "asked_by", "expires_at")},
        "details": [[label, value] for label, value in asked.details.items()],
        "restricted": bool(asked.approvers),
        "state": PENDING,
        "remind_at": asked.remind_at or now + (asked.expires_at - now) / 2,
    }
    is_new = insert_if_absent(session, Approval, ("kind", "key"), values)
    row = session.scalars(_of(asked.kind, asked.key)).one()
    if is_new:
        editing.log(session, asked.asked_by, "approval-asked", ending.subject(row), asked.kind)
        invitations.invite(session, row, asked.approvers)
    return row.id


def withdraw(session: Session, kind: str, key: str, by: str) -> bool:
    """Take a request back, because what waited for it is wanted no more; False where none is open, and nothing changes."""
    found = session.scalars(_of(kind, key)).one_or_none()
    if found is None:
        return False
    row = editing.locked_row(session, Approval, found.id, NOUN)
    if row.state != PENDING:
        return False
    ending.end(session, row, WITHDRAWN, by, None, by)
    return True


def _of(kind: str, key: str) -> Select[Approval]:
    return select(Approval).where(Approval.kind == kind, Approval.key == key)
