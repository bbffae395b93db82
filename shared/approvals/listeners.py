"""What messages ask of approvals. Light: imports no SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.approvals.approval import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session


def may_send(session: Session, context: Mapping[str, Any]) -> str | None:
    """Whether a mail to somebody who was asked may still go out: the reason to skip it, or None."""
    if CONTEXT not in context:
        return None
    from shared.approvals import invitations

    return invitations.may_send(session, context)


def look_again(context: Mapping[str, Any]) -> str | None:
    """The same at the last moment, after the mail was claimed."""
    if CONTEXT not in context:
        return None
    from shared.approvals import invitations

    return invitations.look_again(context)


def fill(context: Mapping[str, Any], given: Mapping[str, Any], _at: datetime) -> Mapping[str, Any] | None:
    """What such a mail says, as it is when it is sent; its link is written down nowhere else."""
    if CONTEXT not in context:
        return None
    from shared.approvals import invitations

    return dict(given) | invitations.variables(context)
