"""What scored leads hold of people. Their contacts in HubSpot are named by the flow `hubspot`."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.hubspot.payloads import subject_of
from functions.scoring.tables import ScoredLead
from shared.crm.timeline import Source
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person

LEADS = ScoredLead.__tablename__


def identify(session: Session, person: Person) -> Person:
    """Their leads: those of their ids at ManyChat and of their addresses, with the addresses and numbers of these."""
    theirs = or_(ScoredLead.ext_id.in_(person.manychat_ids), ScoredLead.email.in_(person.emails))
    found = {*session.scalars(select(ScoredLead.id).where(theirs)), *person.of(LEADS)}
    rows = session.execute(
        select(ScoredLead.id, ScoredLead.ext_id, ScoredLead.email, ScoredLead.phone, ScoredLead.hubspot_contact_id).where(
            ScoredLead.id.in_(found)
        )
    ).all()
    person = person.with_emails(row.email for row in rows).with_phones(row.phone for row in rows)
    names = [name for row in rows for name in (f"scored-lead:{row.id}", row.ext_id)]
    names += [subject_of(row.hubspot_contact_id) for row in rows if row.hubspot_contact_id]
    return person.with_rows(LEADS, found).with_names(names)


PERSONAL_DATA = PersonalData(
    holdings=(Holding(ScoredLead, lambda person: ScoredLead.id.in_(person.of(LEADS))),),
    identify=identify,
)


def _shown(_session: Session, rows: Sequence[ScoredLead]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            "what": "scored lead",
            "outcome": row.priority,
            "reason": row.validation_errors or None,
            "occurred_at": row.reported_at,
            "details": {"score": row.score, "hubspot_contact_id": row.hubspot_contact_id},
        }


TIMELINE = Source(
    "scored_lead",
    ScoredLead,
    ScoredLead.created_at,
    lambda whose: or_(ScoredLead.ext_id.in_(whose.values("manychat")), ScoredLead.email.in_(whose.values("email"))),
    _shown,
)
