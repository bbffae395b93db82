"""What leads hold of people, and how a lead's person is found."""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads import ids
from functions.leads.tables import Lead, LeadAction
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person

LEADS, ACTIONS = Lead.__tablename__, LeadAction.__tablename__


def identify(session: Session, person: Person) -> Person:
    """Their leads: those asked for by number, and those of their addresses, each with its address and its name in journeys."""
    named = [number for name in person.names if (number := ids.number(name)) is not None]
    person = person.with_rows(LEADS, session.scalars(select(Lead.id).where(Lead.id.in_(named))))
    person = person.with_emails(session.scalars(select(Lead.email).where(Lead.id.in_(person.of(LEADS)))))
    found = session.scalars(select(Lead.id).where(Lead.email.in_(person.emails))).all()
    theirs = {*person.of(LEADS), *found}
    person = person.with_phones(session.scalars(select(Lead.phone).where(Lead.id.in_(theirs))))
    in_kommo_as = select(Lead.kommo_lead_id).where(Lead.id.in_(theirs), Lead.kommo_lead_id.is_not(None))
    done = session.scalars(select(LeadAction.id).where(LeadAction.kommo_lead_id.in_(in_kommo_as))).all()
    return person.with_rows(LEADS, found).with_rows(ACTIONS, done).with_names(ids.key(number) for number in theirs)


def in_kommo(session: Session, person: Person) -> Mapping[str, list[int]]:
    """Kommo's numbers of their leads and contacts: its API deletes neither, so a person does it there."""
    rows = session.execute(select(Lead.kommo_lead_id, Lead.kommo_contact_id).where(Lead.id.in_(person.of(LEADS)))).all()
    leads = {row.kommo_lead_id for row in rows if row.kommo_lead_id}
    contacts = {row.kommo_contact_id for row in rows if row.kommo_contact_id}
    return {"leads in Kommo": sorted(leads), "contacts in Kommo": sorted(contacts)}


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(LeadAction, lambda person: LeadAction.id.in_(person.of(ACTIONS))),
        Holding(Lead, lambda person: Lead.id.in_(person.of(LEADS))),
    ),
    identify=identify,
    outside=in_kommo,
    row_options=MappingProxyType({"lead-id": LEADS}),
)
