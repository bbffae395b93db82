"""The ear of leads: what becomes of a message to one is noted in Kommo. Light; flow pages import it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.leads import ids
from shared.messages import on_outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from shared.messages import Outcome

NAME = "leads"


def _hear(session: Session, _context: Mapping[str, Any], outcome: Outcome) -> None:
    """Whose message it is stands in its delivery. What has no text in `texts/notes.yaml` is not noted."""
    from shared.leads import note_texts, notes
    from shared.store.models import Delivery

    delivery = session.get(Delivery, outcome.delivery_id)
    lead_id = ids.number(delivery.subject) if delivery is not None else None
    name = f"{outcome.channel}_{outcome.word}"
    if delivery is None or lead_id is None or not note_texts.known(name):
        return
    payload: Any = delivery.payload or {}
    variables = {"template": payload.get("template") or "-", "reason": outcome.reason or "-"}
    notes.owe(session, lead_id, name, variables, f"delivery:{delivery.id}:{outcome.word}", at=outcome.at)


on_outcome(NAME, _hear)
