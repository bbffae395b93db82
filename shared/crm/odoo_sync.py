"""Odoo kept in step with our record: contacts as partners, opportunities as leads, campaigns and who is in them.

ODOO_SYNC_MODE says which of them, ODOO_CAMPAIGN_CONTACTS how Odoo shows who is in a campaign.

Light: flows import this module to request syncs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared.outbox.policy import TargetPolicy
from shared.outbox.record_sync import ERROR, PENDING, SUCCESS, RecordSync
from shared.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from shared.store.models import Contact, Opportunity

TARGET = "odoo"


def ask(session: Session, contact: Contact, opportunity: Opportunity | None, event_key: str | None = None) -> None:
    """Request that Odoo be brought up to date with this person, as far as ODOO_SYNC_MODE wants it."""
    CONTACTS.request(session, contact, event_key)
    if opportunity is not None:
        OPPORTUNITIES.request(session, opportunity, event_key)


def ask_many(session: Session, manychat_ids: Sequence[str]) -> None:
    """Request the same for many opportunities at once, of which only the opportunity has to be brought up to date."""
    OPPORTUNITIES.request_many(session, manychat_ids)


def _is_in_mode(mode: str) -> bool:
    return get_settings().odoo_sync_mode in (mode, "both")


def _columns(result: Mapping[str, Any], _final: bool) -> Mapping[str, Any]:  # noqa: FBT001  # as RecordSync wants it
    return {"odoo_id": result["odoo_id"], "odoo_linked": result["linked"]}


def policy() -> TargetPolicy:
    """One batch at a time: Odoo gains nothing from parallel calls, and two writes to one lead make it retry for seconds."""
    return TargetPolicy(slots=1, batches_per_second=get_settings().odoo_calls_per_second)


CONTACTS = RecordSync(
    target=TARGET,
    name="contact",
    table="shared.store.models:Contact",
    key="manychat_id",
    prefix="odoo",
    send="shared.crm.odoo_rows:sync_contacts",
    batch_size=lambda: get_settings().odoo_batch_size,
    keep=_columns,
    then="shared.crm.odoo_follows:of_partner",
    is_used=lambda: _is_in_mode("contacts"),
    describe="shared.crm.odoo_rows:facts_of",
)
OPPORTUNITIES = replace(
    CONTACTS,
    name="opportunity",
    table="shared.store.models:Opportunity",
    send="shared.crm.odoo_rows:sync_opportunities",
    then="shared.crm.odoo_follows:of_lead",
    is_used=lambda: _is_in_mode("opportunities"),
)
CAMPAIGNS = RecordSync(
    target=TARGET,
    name="campaign",
    table="shared.store.models:Campaign",
    subject_prefix="campaign:",
    prefix="odoo",
    put="shared.crm.odoo_campaigns:put_campaign",
    keep=("odoo_id", "odoo_tags"),
    overdue="shared.crm.odoo_follows:campaigns_never_asked",
    is_used=lambda: get_settings().odoo_sends_campaigns,
)
MEMBERS = RecordSync(
    target=TARGET,
    name="campaign_contact",
    table="shared.store.models:CampaignContact",
    subject_prefix="campaign-contact:",
    prefix="odoo",
    send="shared.crm.odoo_members:sync_members",
    batch_size=lambda: get_settings().odoo_batch_size,
    keep=("odoo_id", "odoo_linked", "odoo_partner_id", "odoo_lead_id"),
    overdue="shared.crm.odoo_follows:members_never_asked",
    is_used=lambda: get_settings().odoo_sends_members,
)
CONTACT, OPPORTUNITY = CONTACTS.action, OPPORTUNITIES.action

__all__ = [
    "CAMPAIGNS",
    "CONTACT",
    "CONTACTS",
    "ERROR",
    "MEMBERS",
    "OPPORTUNITIES",
    "OPPORTUNITY",
    "PENDING",
    "SUCCESS",
    "TARGET",
    "ask",
    "ask_many",
]
