"""Approvals: something waits for the word of a person who is not the one that asked.

    approvals.request(session, ApprovalRequest(...))    in the transaction of whatever has to wait; the approval's number
    approvals.withdraw(session, kind, key, by)          what waited is wanted no more
    the event `approval.decided`                        in the transaction of the decision: `listener(session, ApprovalDecided)`

Whoever may decide comes by `/api/v1/approvals` with an API key, or by the link in the mail that they get. Importing this is
light; SQL comes with the first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.approvals.approval import APPROVED, EXPIRED, REJECTED, WITHDRAWN, ApprovalDecided, ApprovalRequest

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["APPROVED", "EXPIRED", "REJECTED", "WITHDRAWN", "ApprovalDecided", "ApprovalRequest", "request", "withdraw"]


def request(session: Session, asked: ApprovalRequest) -> int:
    """Ask for an approval, once for its kind and key; see `shared.approvals.requests.request`."""
    from shared.approvals import requests

    return requests.request(session, asked)


def withdraw(session: Session, kind: str, key: str, by: str) -> bool:
    """What waited for the approval is wanted no more; see `shared.approvals.requests.withdraw`."""
    from shared.approvals import requests

    return requests.withdraw(session, kind, key, by)
