"""A person's row in a campaign, changed by hand or by another program that names them by ManyChat's id."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import campaigns, facts, odoo_sync
from shared.crm.editing import log, operator_key, operator_time
from shared.errors import PermanentError, RefusedError
from shared.store.dialect import locked
from shared.store.models import CampaignContact, Contact


def update(
    session: Session, manychat_id: str, campaign_id: int | None, values: Mapping[str, Any], actor: str
) -> tuple[CampaignContact, Contact]:
    """Set facts of a person in a campaign, dated now; None leaves a fact as it is, advisor 0 removes the advisor.

    The default campaign is the one in which the person was registered last. An advisor may be given by number, e-mail address
    or name. An advisor set without a date was assigned now; the advisor they already have keeps the date.

    Raises:
        RefusedError: 404, no such contact or campaign, or the contact is not in it; 409, no such advisor, several of that
            name, or several campaigns that the contact was registered in last.
    """
    contact = session.scalars(select(Contact).where(Contact.manychat_id == manychat_id)).one_or_none()
    if contact is None:
        raise RefusedError(404, "unknown-contact", "There is no contact with this ManyChat id.")
    try:
        row = _assignment(session, contact, campaign_id)
        words = _words(session, row, values)
    except PermanentError as error:
        status = 404 if error.reason == "unknown-campaign" else 409
        raise RefusedError(status, error.reason, "This cannot be done.", detail=str(error)) from error
    changed = campaigns.assign(session, row, words, operator_time(row), operator_key(), actor=actor)
    if changed:
        odoo_sync.MEMBERS.request(session, row)
    log(session, actor, "campaign-contact.update", manychat_id, f"campaign {row.campaign_id}: {', '.join(sorted(changed))}")
    return row, contact


def _assignment(session: Session, contact: Contact, campaign_id: int | None) -> CampaignContact:
    if campaign_id is None:
        row = campaigns.newest_assignment(session, contact)
        if row is None:
            raise RefusedError(404, "not-assigned", "The contact is in no campaign.")
        return row
    campaign = campaigns.known_campaign(session, campaign_id)
    pair = (CampaignContact.contact_id == contact.id, CampaignContact.campaign_id == campaign.id)
    found = session.scalars(locked(select(CampaignContact).where(*pair), CampaignContact)).one_or_none()
    if found is None:
        raise RefusedError(404, "not-assigned", f"The contact is not in campaign {campaign_id}.")
    return found


def _words(session: Session, row: CampaignContact, values: Mapping[str, Any]) -> dict[str, Any]:
    words = dict(values)
    for side in (campaigns.COMMERCIAL, campaigns.MEDICAL):
        name, date = f"{side}_advisor_id", f"{side}_assignment_date"
        if words.get(name) is None:
            continue
        if words[name] == 0:
            words[name] = facts.CLEARED
            continue
        words[name] = campaigns.known_advisor(session, words[name]).id
        if words.get(date) is None:
            words[date] = getattr(row, date) if getattr(row, name) == words[name] else clock.now()
    return words
