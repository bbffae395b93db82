"""Rows of `campaign_contacts` as the sync to Odoo needs them, and as records of a model that has one for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm.campaigns import COMMERCIAL, MEDICAL
from shared.crm.odoo_campaigns import CAMPAIGN, Ours
from shared.store.models import Advisor, Campaign, CampaignContact, Contact, Opportunity
from shared.store.session import reading
from shared.vendors.odoo.fields import Value
from shared.vendors.odoo.upsert import UpsertRow

_DATES = tuple(column.name for column in CampaignContact.__table__.columns if column.name.endswith("_date"))
_TEXTS = ("last_state", "lead_state", "summary")


@dataclass(frozen=True)
class CampaignMember:
    """Somebody in a campaign, free of the database session. `partner` and `lead` are theirs in Odoo, where they have one.

    `newest`: the campaign that they were registered in last. `facts`: what else a record may say.
    """

    id: int
    manychat_id: str
    campaign: Ours
    partner: int | None
    lead: int | None
    newest: Ours
    is_linked: bool
    facts: Mapping[str, Value]

    @property
    def key(self) -> str:
        """What tells their record from all others."""
        return f"{self.manychat_id}-{self.campaign.id}"


def read_members(numbers: Sequence[int]) -> list[CampaignMember]:
    """The rows of these numbers that exist, as they are now."""
    query = (
        select(CampaignContact, Contact, Campaign, Opportunity.odoo_id)
        .join(Contact, Contact.id == CampaignContact.contact_id)
        .join(Campaign, Campaign.id == CampaignContact.campaign_id)
        .outerjoin(Opportunity, Opportunity.contact_id == Contact.id)
        .where(CampaignContact.id.in_(numbers))
        .order_by(CampaignContact.id)
    )
    with reading() as session:
        found = session.execute(query).unique().all()
        newest = _newest(session, {contact.id for _row, contact, _campaign, _lead in found})
        names = _advisors(session, [row for row, _contact, _campaign, _lead in found])
    return [
        CampaignMember(
            id=row.id,
            manychat_id=contact.manychat_id,
            campaign=Ours.of(campaign),
            partner=contact.odoo_id,
            lead=lead,
            newest=newest[contact.id],
            is_linked=row.odoo_linked,
            facts=_facts(row, contact, names),
        )
        for row, contact, campaign, lead in found
    ]


def upsert_rows(
    fields: Mapping[str, str], members: Sequence[CampaignMember], numbers: Mapping[tuple[str, int], int]
) -> list[UpsertRow]:
    """The record of each member; `numbers` are the campaigns' in Odoo. What is not known leaves its field as it is."""
    rows = []
    for member in members:
        campaign = numbers.get((CAMPAIGN, member.campaign.id))
        known = {**member.facts, "campaign": campaign, "partner": member.partner, "lead": member.lead}
        values = {fields[fact]: value for fact, value in known.items() if fact in fields and value is not None}
        rows.append(UpsertRow(member.key, values, member.is_linked))
    return rows


def _facts(row: CampaignContact, contact: Contact, advisors: Mapping[int, str]) -> dict[str, Value]:
    """An advisor who was taken away clears the field (False)."""
    facts: dict[str, Value] = {fact: getattr(row, fact) for fact in (*_DATES, *_TEXTS)}
    for side in (COMMERCIAL, MEDICAL):
        number, is_cleared = getattr(row, f"{side}_advisor_id"), f"{side}_advisor_id" in (row.fact_times or {})
        facts[f"{side}_advisor"] = advisors.get(number) if number is not None else False if is_cleared else None
    return facts | {"name": contact.full_name, "manychat_id": contact.manychat_id}


def _newest(session: Session, contacts: set[int]) -> dict[int, Ours]:
    """By contact: the campaign that they were registered in last."""
    query = select(CampaignContact.contact_id, Campaign).join(Campaign, Campaign.id == CampaignContact.campaign_id)
    query = query.where(CampaignContact.contact_id.in_(contacts))
    found = session.execute(query.order_by(CampaignContact.registration_date, CampaignContact.id)).all()
    return {contact: Ours.of(campaign) for contact, campaign in found}


def _advisors(session: Session, rows: Sequence[CampaignContact]) -> dict[int, str]:
    wanted = {number for row in rows for number in (row.commercial_advisor_id, row.medical_advisor_id) if number}
    found = session.execute(select(Advisor.id, Advisor.name).where(Advisor.id.in_(wanted))).all() if wanted else []
    return {number: name for number, name in found}  # noqa: C416  # a row is no pair for the types
