"""People in campaigns: their advisors, since when, and their newest facts; the history keeps every change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import facts
from shared.errors import PermanentError
from shared.phrases import phrase
from shared.store.dialect import insert_if_absent, locked
from shared.store.models import Advisor, Campaign, CampaignChange, CampaignContact, Contact

COMMERCIAL, MEDICAL = "commercial", "medical"


def known_campaign(session: Session, campaign_id: int) -> Campaign:
    """The campaign of that number.

    Raises:
        PermanentError: `unknown-campaign`, naming it; the event can be replayed once the campaign exists.
    """
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise PermanentError("unknown-campaign", f"there is no campaign {campaign_id}")
    return campaign


def known_advisor(session: Session, wanted: int | str) -> Advisor:
    """The advisor of that number, e-mail address or name (whatever its case).

    Raises:
        PermanentError: `unknown-advisor` or `ambiguous-advisor`, naming it; the event can be replayed once that is mended.
    """
    if isinstance(wanted, int):
        found = [advisor] if (advisor := session.get(Advisor, wanted)) else []
    else:
        column = Advisor.email if "@" in wanted else Advisor.name
        found = list(session.scalars(select(Advisor).where(func.lower(column) == wanted.strip().lower()).limit(2)))
    if not found:
        raise PermanentError("unknown-advisor", phrase("there is no advisor %(name)s", name=repr(str(wanted)[:100])))
    if len(found) > 1:
        raise PermanentError("ambiguous-advisor", f"several advisors are called {str(wanted)[:100]!r}; name one by number")
    return found[0]


def locked_assignment(session: Session, contact: Contact, campaign: Campaign, at: datetime) -> CampaignContact:
    """The contact's row in the campaign, made if it is new, held until the transaction ends."""
    pair = (CampaignContact.contact_id == contact.id, CampaignContact.campaign_id == campaign.id)
    query = locked(select(CampaignContact).where(*pair), CampaignContact)
    row = session.scalars(query).one_or_none()
    if row is None:
        values = {"contact_id": contact.id, "campaign_id": campaign.id, "registration_date": at}
        insert_if_absent(session, CampaignContact, ("contact_id", "campaign_id"), values)
        row = session.scalars(query).one()
    return row


def newest_assignment(session: Session, contact: Contact) -> CampaignContact | None:
    """The contact's row in the campaign they were registered in last.

    Raises:
        PermanentError: `ambiguous-assignment`, they were registered in several at that moment; it names the campaigns.
    """
    query = select(CampaignContact).where(CampaignContact.contact_id == contact.id)
    newest = query.order_by(CampaignContact.registration_date.desc(), CampaignContact.id.desc()).limit(2)
    rows = session.scalars(locked(newest, CampaignContact)).all()
    if len(rows) > 1 and rows[0].registration_date == rows[1].registration_date:
        named = f"{rows[1].campaign_id} and {rows[0].campaign_id}"
        raise PermanentError("ambiguous-assignment", f"the contact was registered in campaigns {named} at once; name one")
    return rows[0] if rows else None


def assign(
    session: Session, row: CampaignContact, values: Mapping[str, Any], at: datetime, event_key: str, *, actor: str = "system"
) -> set[str]:
    """Merge facts dated `at`, newer ones replacing older ones, and add them to the history; returns the facts that changed.

    An advisor given without the date of their assignment was assigned at `at`; removing an advisor removes the date.
    The registration date is the earliest `at` of all.
    """
    plain = dict(values)
    for side in (COMMERCIAL, MEDICAL):
        _date_assignment(side, plain, at)
    changed = facts.merge(row, plain, at, event_key)
    row.registration_date = min(row.registration_date, at)
    words = {name: _words(value) for name, value in values.items() if value is not None}
    change = CampaignChange(
        campaign_contact_id=row.id,
        at=at,
        actor=actor[:60],
        event_key=event_key[:64],
        said=words,
        changed=sorted(changed),
        recorded_at=clock.now(),
    )
    session.add(change)
    return changed


def _date_assignment(side: str, values: dict[str, Any], at: datetime) -> None:
    """Set the assignment date with the advisor. Each is a fact of its own, so that a date given alone later is kept."""
    advisor, date = f"{side}_advisor_id", f"{side}_assignment_date"
    if values.get(advisor) is facts.CLEARED:
        values[date] = facts.CLEARED
    elif values.get(advisor) is not None and values.get(date) is None:
        values[date] = at


def _words(value: Any) -> Any:
    if value is facts.CLEARED:
        return None
    return value.isoformat() if isinstance(value, datetime) else value
