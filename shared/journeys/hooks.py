"""Ties journeys to messages: the gate before each sending, and the ear for what became of it. Light; flow pages import it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.messages import on_outcome
from shared.messages.outcomes import on_sending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from shared.messages import Outcome
    from shared.outbox.actions import Later

NAME = "journeys"


def _may_send(session: Session, context: Mapping[str, Any]) -> str | Later | None:
    if "enrolment" not in context:
        return None
    from shared.journeys import outcomes

    return outcomes.may_send(session, context)


def _hear(session: Session, context: Mapping[str, Any], outcome: Outcome) -> None:
    if "enrolment" not in context:
        return
    from shared.journeys import outcomes

    outcomes.hear(session, context, outcome)


on_sending(NAME, _may_send)
on_outcome(NAME, _hear)
