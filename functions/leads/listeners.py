"""Message listeners: add a Kommo note when a lead's message changes status, or when the lead replies or opts out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.leads import ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from shared.journeys.talks.events import TalkAct
    from shared.messages import MessageOutcome
    from shared.messages.outcomes import PersonMessage

JOURNEYS = ("lead_followup",)


def note_outcome(session: Session, _context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Add a note to the lead that is the delivery's subject; none where `texts/notes.yaml` has no text for the outcome."""
    from functions.leads import note_texts, notes
    from shared.store.models import Delivery

    delivery = session.get(Delivery, outcome.delivery_id)
    lead_id = ids.number(delivery.subject) if delivery is not None else None
    name = f"{outcome.channel}_{outcome.word}"
    if delivery is None or lead_id is None or not note_texts.known(name):
        return
    payload: Any = delivery.payload or {}
    variables = {"template": payload.get("template") or "-", "reason": outcome.reason or "-"}
    notes.enqueue(session, lead_id, name, variables, f"delivery:{delivery.id}:{outcome.word}", at=outcome.at)


def note_person_message(session: Session, message: PersonMessage) -> None:
    """Add a note about a person's reply or opt-out to the lead by which they entered a journey last."""
    from functions.leads import note_texts, notes
    from shared.journeys import addresses

    name = f"said_{message.word}"
    numbers = [
        number for key in addresses.people(session, message.recipient_digests) if (number := ids.number(key)) is not None
    ]
    if not numbers or not note_texts.known(name):
        return
    variables = {"channels": ", ".join(message.channels), "cause": message.cause or "-", "text": message.text}
    key = f"said:{message.word}:{message.cause}:{message.at.isoformat()}"
    notes.enqueue(session, numbers[0], name, variables, key, at=message.at)


def note_assignment(session: Session, act: TalkAct) -> None:
    """Add a note to the lead whom a talking flow hands to an advisor; none where `texts/notes.yaml` has no text for it."""
    from functions.leads import note_texts, notes

    lead_id = ids.number(act.person)
    if lead_id is None or not note_texts.known("talk_assigned"):
        return
    variables = {"text": act.note or "", "advisor": str(act.advisor or "")}
    notes.enqueue(session, lead_id, "talk_assigned", variables, f"talk:{act.key}", at=act.at)


def fill_links(context: Mapping[str, Any], given: Mapping[str, Any], _at: datetime) -> Mapping[str, Any] | None:
    """What a message to a lead may say now; links that it was planned with stay."""
    if context.get("journey") not in JOURNEYS:
        return None
    from functions.leads import services

    return services.message_variables(given)
