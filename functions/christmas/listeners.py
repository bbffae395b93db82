"""Listeners of the campaign: variables at the time of sending, outcomes of mails, opt-outs, and meetings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.christmas import notion_sync
from functions.christmas.kinds import JOURNEYS
from shared.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from functions.bookings.payloads import BookingEvent
    from shared.intake.inbox import Event
    from shared.messages import MessageOutcome
    from shared.messages.outcomes import PersonMessage


def lock_contact(session: Session, event: BookingEvent, email: str | None) -> None:
    """Lock the campaign's contact with that address before any row of a booking: every writer locks in this order."""
    from functions.christmas import meetings

    meetings.hold(session, email, calendar=event.calendar)


def follow_meeting(session: Session, event: Event[BookingEvent]) -> None:
    """Bring the campaign's contact who booked the meeting in line with it; nothing where the campaign does not know them."""
    from functions.christmas import meetings

    meetings.follow_meeting(session, event)


def begin_onboarding(session: Session, payment: Mapping[str, Any], event_key: str) -> None:
    """Begin the onboarding of whoever paid, once for each payment, whoever reports it first."""
    from functions.christmas import onboarding

    onboarding.begin_by_payment(session, payment, event_key)


def update_sequence(session: Session, context: Mapping[str, Any], _outcome: MessageOutcome) -> None:
    """Request Notion's sync of the sequence whose mail went out or got a new status."""
    if context.get("journey") not in JOURNEYS or "enrolment" not in context:
        return
    from sqlalchemy import select

    from functions.christmas.tables import MailSequence

    for row in session.scalars(select(MailSequence).where(MailSequence.enrolment_id == int(context["enrolment"]))):
        notion_sync.ask_sequence(session, row)


def update_unsubscribed(session: Session, message: PersonMessage) -> None:
    """Update the contact of a person who opted out of mail or in again, and request its sync with Notion."""
    if "email" not in message.channels or message.word == "replied":
        return
    from sqlalchemy import select

    from functions.christmas import people
    from functions.christmas.tables import SequenceContact

    for row in session.scalars(select(SequenceContact).where(SequenceContact.who.in_(message.recipient_digests))):
        row.unsubscribed = people.is_unsubscribed(session, row)
        notion_sync.ask_contact(session, row)


def campaign_variables(context: Mapping[str, Any], given: Mapping[str, Any], at: datetime) -> Mapping[str, Any] | None:
    """The variables of a campaign mail that only the moment of sending knows; None where it is no mail of the campaign."""
    if context.get("journey") not in JOURNEYS:
        return None
    from functions.christmas import variables

    return variables.of_campaign(given, get_settings(), at, str(given["time_zone"]))
