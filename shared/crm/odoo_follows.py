"""What follows once Odoo has a partner or a lead; and campaigns of which no event has asked that they be brought there."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from shared.crm import odoo_sync, people
from shared.settings import get_settings
from shared.store.models import Campaign, CampaignContact, Contact, Opportunity


def of_partner(session: Session, manychat_id: str) -> None:
    """Once a contact has a partner: its person is known by it, and campaigns that were not noted on it are asked for."""
    people.observe_in_odoo(session, manychat_id)
    settings = get_settings()
    if settings.odoo_tags_partners or settings.odoo_member_model:
        kept = CampaignContact.odoo_partner_id
        query = select(CampaignContact.id).join(Contact, Contact.id == CampaignContact.contact_id)
        _ask(session, query.where(Contact.manychat_id == manychat_id, or_(kept.is_(None), kept != Contact.odoo_id)))


def of_lead(session: Session, manychat_id: str) -> None:
    """Once an opportunity has a lead: its person is known by it, and campaigns that were not noted on it are asked for."""
    people.observe_in_odoo(session, manychat_id)
    settings = get_settings()
    if settings.odoo_sends_members and (settings.odoo_lead_campaign or settings.odoo_tags_leads or settings.odoo_member_model):
        kept = CampaignContact.odoo_lead_id
        query = select(CampaignContact.id).join(Opportunity, Opportunity.contact_id == CampaignContact.contact_id)
        _ask(session, query.where(Opportunity.manychat_id == manychat_id, or_(kept.is_(None), kept != Opportunity.odoo_id)))


def campaigns_never_asked(session: Session, limit: int) -> Sequence[Campaign]:
    """Campaigns that were stored before campaigns went to Odoo, imported, or written in SQL."""
    query = select(Campaign).where(Campaign.odoo_sync_status.is_(None)).order_by(Campaign.id).limit(limit)
    return session.scalars(query).all()


def members_never_asked(session: Session, limit: int) -> Sequence[CampaignContact]:
    """The same of who is in a campaign."""
    query = select(CampaignContact).where(CampaignContact.odoo_sync_status.is_(None))
    return session.scalars(query.order_by(CampaignContact.id).limit(limit)).all()


def _ask(session: Session, query: Any) -> None:
    if numbers := session.scalars(query.order_by(CampaignContact.id)).all():
        odoo_sync.MEMBERS.request_many(session, numbers)
