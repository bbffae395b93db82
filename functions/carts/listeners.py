"""Message listener: note what becomes of each message of the series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from shared.messages import MessageOutcome

JOURNEY = "cart_recovery"


def note_outcome(session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Note what became of a message about a cart. The same outcome again changes nothing."""
    if context.get("journey") != JOURNEY or "enrolment" not in context:
        return
    from functions.carts import outcomes

    outcomes.note(session, context, outcome)
