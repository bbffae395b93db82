"""What others' events mean for coordinations. Light: imports no SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.approvals import ApprovalDecided


def decided(session: Session, approval: ApprovalDecided) -> None:
    """A second person has decided whether a robot may run."""
    if approval.kind == "coordination":
        from functions.coordinations import services

        services.decided(session, approval)
