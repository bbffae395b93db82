"""Ties the campaign to messages: what only the moment of sending knows, what became of each mail, and who wants no more.

Light; flow pages import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.christmas import notion_sync
from functions.christmas.kinds import JOURNEYS
from shared.messages import on_outcome
from shared.messages.filling import on_filling
from shared.messages.outcomes import on_said
from shared.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from shared.messages import Outcome
    from shared.messages.outcomes import Said

NAME = "sequences"


def _hear(session: Session, context: Mapping[str, Any], _outcome: Outcome) -> None:
    """A mail has gone out, or the vendor has told more of it: Notion is to say so."""
    if context.get("journey") not in JOURNEYS or "enrolment" not in context:
        return
    from sqlalchemy import select

    from functions.christmas.tables import Sequence

    for row in session.scalars(select(Sequence).where(Sequence.enrolment_id == int(context["enrolment"]))):
        notion_sync.ask_sequence(session, row)


def _said(session: Session, said: Said) -> None:
    """Somebody wants no more mail, or wants it again: their contact is to say so."""
    if "email" not in said.channels or said.word == "replied":
        return
    from sqlalchemy import select

    from functions.christmas import people
    from functions.christmas.tables import SequenceContact

    for row in session.scalars(select(SequenceContact).where(SequenceContact.who.in_(said.whos))):
        row.unsubscribed = people.is_unsubscribed(session, row)
        notion_sync.ask_contact(session, row)


def _fill(context: Mapping[str, Any], given: Mapping[str, Any], at: datetime) -> Mapping[str, Any] | None:
    if context.get("journey") not in JOURNEYS:
        return None
    from functions.christmas import variables

    return variables.of_campaign(given, get_settings(), at, str(given["time_zone"]))


on_outcome(NAME, _hear)
on_said(NAME, _said)
on_filling(NAME, _fill)
