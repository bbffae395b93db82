"""By which names a person may be known to journeys: `lead:<id>` for each of their leads, `email:<address>` for all else."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads import ids
from functions.leads.tables import Lead
from shared.crm.people import email_name
from shared.readers.email import key as address_key

MOST_LEADS = 20


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
