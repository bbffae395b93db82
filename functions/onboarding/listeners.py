"""Message listeners: what the welcome mail says, what goes with it, whether it is still to go, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

CONTEXT = "onboarding_welcome"

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.messages import MessageOutcome
    from shared.messages.attachments import Attachment


def look_again(context: Mapping[str, Any]) -> str | None:
    """Whether the mail may still go out: the reason to skip it, or None."""
    if CONTEXT not in context:
        return None
    from functions.onboarding import welcome

    return welcome.reason_not_to_send(context)


def fill(context: Mapping[str, Any], given: Mapping[str, Any], _at: datetime) -> Mapping[str, Any] | None:
    """What the mail says."""
    if CONTEXT not in context:
        return None
    from functions.onboarding import welcome

    return dict(given) | welcome.variables(context)


def attach(context: Mapping[str, Any], at: datetime) -> Sequence[Attachment] | None:
    """The manual."""
    if CONTEXT not in context:
        return None
    from functions.onboarding import welcome

    return welcome.attach(context, at)


def record_outcome(session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Note what became of the mail."""
    if CONTEXT not in context:
        return
    from functions.onboarding import welcome

    welcome.note(session, context, outcome)
