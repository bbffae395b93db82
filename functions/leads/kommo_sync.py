"""Kommo kept in step with our leads. Light: flows import this module to request syncs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.leads import ids
from functions.leads.settings import LeadSettings
from shared.outbox.policy import TargetPolicy
from shared.outbox.record_sync import RecordSync
from shared.settings import settings_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TARGET = "kommo"


def is_configured() -> bool:
    """Whether Kommo is used at all; without it nothing is requested of it."""
    settings = settings_of(LeadSettings)
    return settings.kommo_base_url is not None and settings.kommo_access_token is not None


def ask(session: Session, lead_id: int, event_key: str | None = None) -> None:
    """Request that Kommo be brought up to date with this lead; nothing where Kommo is not used or there is no such lead.

    What the database says when it is executed counts (the stage follows from `status`), so requesting again is harmless.
    """
    from functions.leads.tables import Lead

    lead = session.get(Lead, lead_id) if is_configured() else None
    if lead is not None:
        LEADS.request(session, lead, event_key)


def policy() -> TargetPolicy:
    """One batch at a time over all instances; the client spaces the requests within it (`shared.vendors.pace`)."""
    return TargetPolicy(slots=1, batches_per_second=settings_of(LeadSettings).kommo_requests_per_second)


LEADS = RecordSync(
    target=TARGET,
    name="lead",
    table="functions.leads.tables:Lead",
    subject_prefix=ids.KEY,
    prefix="kommo",
    put="functions.leads.kommo_rows:bring_up_to_date",
    keep=("kommo_lead_id", "kommo_contact_id", "kommo_stage_id"),
    then="functions.leads.persons:known_in_kommo",
    is_used=is_configured,
)
LEAD = LEADS.action

__all__ = ["LEAD", "LEADS", "TARGET", "ask", "is_configured"]
