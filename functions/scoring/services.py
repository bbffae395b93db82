"""Keeps a lead as its newest report has it, and has HubSpot follow."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.scoring import persons, score
from functions.scoring.contacts import LEADS
from functions.scoring.payloads import ScoredLeadPayload
from functions.scoring.tables import ScoredLead
from shared.crm.people import e164
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent, locked
from shared.store.types import key_of

SOURCE = "manychat"
SKIPPED = "no_valid_contact_info"


def take(session: Session, lead: ScoredLeadPayload, event_key: str, at: datetime) -> str:
    """Take in what ManyChat reports: "applied", "unchanged", or "stale" where a newer report is known.

    "no_valid_contact_info": there is neither a valid e-mail address nor a phone number, and nothing is kept but the event.
    The reports of one lead end in the same row in any order.
    """
    scored = score.of(lead)
    if scored.email is None and not lead.phone:
        return SKIPPED
    row, is_new = _locked_row(session, lead.id, scored, at)
    if not is_new and (row.reported_at, row.report) >= (at, event_key):
        return "stale"
    changed = _set(row, _columns(lead, scored))
    row.reported_at, row.report = at, event_key
    if not (changed or is_new):
        return "unchanged"
    session.flush()
    persons.observe(session, row)
    LEADS.request(session, row, event_key)
    return "applied"


def _locked_row(session: Session, ext_id: str, scored: score.Scored, at: datetime) -> tuple[ScoredLead, bool]:
    key = key_of(SOURCE, ext_id)
    needed = {"source": SOURCE, "ext_id": ext_id, "score": scored.score, "priority": scored.priority, "reported_at": at}
    is_new = insert_if_absent(session, ScoredLead, "key", {"key": key} | needed)
    return session.scalars(locked(select(ScoredLead).where(ScoredLead.key == key), ScoredLead)).one(), is_new


def _columns(lead: ScoredLeadPayload, scored: score.Scored) -> dict[str, Any]:
    return {
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "email": scored.email,
        "phone": (e164(lead.phone, get_settings().default_phone_region) or lead.phone) if lead.phone else None,
        "score": scored.score,
        "priority": scored.priority,
        "utm_source": lead.utm_source,
        "utm_campaign": lead.utm_campaign,
        "validation_errors": ",".join(scored.errors),
    }


def _set(row: ScoredLead, columns: Mapping[str, Any]) -> bool:
    """Set what is different; whether anything was."""
    changed = {name: value for name, value in columns.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)
