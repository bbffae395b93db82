"""Message listeners of journeys: called before each message, for each outcome, and when a person replies or opts out or in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from shared.approvals import ApprovalDecided
    from shared.crm.odoo_take import OdooChange
    from shared.messages import MessageOutcome
    from shared.messages.outcomes import PersonMessage
    from shared.outbox.actions import Later


def may_send(session: Session, context: Mapping[str, Any]) -> str | Later | None:
    """Whether the step of a journey may be sent now: a reason to skip it, a later time, or None."""
    if "enrolment" not in context:
        return None
    from shared.journeys import outcomes

    return outcomes.may_send(session, context)


def record_outcome(session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Apply the outcome of a journey's message to its step, and go on with the journey."""
    if "enrolment" not in context:
        return
    from shared.journeys import outcomes

    outcomes.take_outcome(session, context, outcome)


def take_reply(session: Session, message_id: int) -> None:
    """Let the talking flow go on whose question an inbound message answers; else the message stays unread."""
    from shared.journeys.talks import replies

    replies.take(session, message_id)


def apply_what_happened(session: Session, names: Sequence[str]) -> None:
    """More is known of who somebody is: what has happened to them under one name ends journeys under the others."""
    from shared.journeys import engine

    engine.catch_up(session, names)


def take_decision(session: Session, decided: ApprovalDecided) -> None:
    """Go on with a talking flow that has waited for a second person."""
    if decided.kind != "journey":
        return
    from shared.journeys.talks import verdicts

    verdicts.take(session, decided)


def signal_person_message(session: Session, values: PersonMessage) -> None:
    """Signal to every journey of the person that they replied, unsubscribed, or want messages again."""
    from shared.journeys import addresses, engine

    people = addresses.people(session, values.recipient_digests)
    if not people:
        return
    data = {"channel": values.channels[0] if len(values.channels) == 1 else None, "channels": list(values.channels)}
    key = f"{values.word}:{values.recipient_digests[0]}:{values.at.isoformat()}"
    engine.signal(session, f"person.{values.word}", people, data | {"cause": values.cause}, event_key=key, at=values.at)


def signal_odoo_change(session: Session, change: OdooChange) -> None:
    """Signal to a person's journeys what somebody has done to their lead in Odoo; who enters is known by ManyChat's id.

    Who else they are or probably are is `shared.people`'s to say: an address that others share concerns nobody else.
    """
    from shared.journeys import engine

    engine.signal(session, change.event, [change.contact.manychat_id], change.data, event_key=change.key, at=change.at)
