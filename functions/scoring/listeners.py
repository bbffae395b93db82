"""Contacts that were merged in HubSpot: leads that were one of the old ones are the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session


def follow_merge(session: Session, old_ids: Sequence[str], new_id: str) -> None:
    """The leads' contact is the new one."""
    from sqlalchemy import update

    from functions.scoring.tables import ScoredLead

    known = ScoredLead.hubspot_contact_id.in_(old_ids)
    session.execute(update(ScoredLead).where(known).values(hubspot_contact_id=new_id))
