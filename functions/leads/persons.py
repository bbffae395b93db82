"""By which names a person may be known to journeys: `lead:<id>` for each of their leads, `email:<address>` for all else."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads import ids
from functions.leads.tables import Lead
from shared.crm.people import email_name
from shared.people import kinds, observing
from shared.people.backfill import Source
from shared.people.observing import Seen
from shared.readers.email import key as address_key

MOST_LEADS = 20


def observe(session: Session, lead: Lead) -> int | None:
    """Note by which identities a lead's person is known; the number of the person. What a form says is a proposal."""
    proven, typed = kinds.identities(lead=lead.id), kinds.identities(email=lead.email, phone=lead.phone)
    return observing.observe(session, Seen(source="lead", at=lead.received_at, proven=proven, typed=typed))


LEADS = Source("leads", Lead, observe)


def lead_key(lead_id: int) -> str:
    """The name of a lead."""
    return ids.key(lead_id)


def names_of(session: Session, *, email: str | None, lead_id: int | None = None) -> list[str]:
    """Every name of a person, the one to enrol them under first: that of this lead if there is one, else their address.

    The newest 20 of their leads are known by the address. Empty where neither is given.
    """
    names = [lead_key(lead_id)] if lead_id is not None else []
    if not email:
        return names
    address = address_key(email)
    names.append(email_name(address))
    query = select(Lead.id).where(Lead.email == address).order_by(Lead.received_at.desc(), Lead.id.desc()).limit(MOST_LEADS)
    return names + [name for other in session.scalars(query) if (name := lead_key(other)) not in names]
