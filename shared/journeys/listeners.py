"""Message listeners of journeys: asked before each message, notified of what became of it and of what people write or want.

Light; flow pages import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.messages import on_outcome
from shared.messages.outcomes import on_said, on_sending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from shared.messages import Outcome
    from shared.messages.outcomes import Said
    from shared.outbox.actions import Later

NAME = "journeys"


def _may_send(session: Session, context: Mapping[str, Any]) -> str | Later | None:
    if "enrolment" not in context:
        return None
    from shared.journeys import outcomes

    return outcomes.may_send(session, context)


def _notify(session: Session, context: Mapping[str, Any], outcome: Outcome) -> None:
    if "enrolment" not in context:
        return
    from shared.journeys import outcomes

    outcomes.take_outcome(session, context, outcome)


def _take_in(session: Session, said: Said) -> None:
    from shared.journeys import addresses, engine

    people = addresses.people(session, said.whos)
    if not people:
        return
    data = {"channel": said.channels[0] if len(said.channels) == 1 else None, "channels": list(said.channels)}
    key = f"{said.word}:{said.whos[0]}:{said.at.isoformat()}"
    engine.signal(session, f"person.{said.word}", people, data | {"cause": said.cause}, event_key=key, at=said.at)


on_sending(NAME, _may_send)
on_outcome(NAME, _notify)
on_said(NAME, _take_in)
