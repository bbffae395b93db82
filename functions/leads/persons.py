"""By which names a person may be known to journeys: `lead:<id>` for each of their leads, `email:<address>` for all else."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads import ids
from functions.leads.tables import Lead
from shared.readers.email import key_or_none
from shared.store.journey_models import PERSON_LENGTH
from shared.store.types import key_of

MOST_LEADS = 20


def lead_key(lead_id: int) -> str:
    """The name of a lead."""
    return ids.key(lead_id)


def email_key(email: str) -> str:
    """The name of whoever has this address, whatever its case; a digest stands for an address that is too long for a name."""
    name = f"email:{key_or_none(email) or email.strip().casefold()}"
    return name if len(name.encode("utf-16-le")) // 2 <= PERSON_LENGTH else f"email:{key_of(name)}"


def names_of(session: Session, *, email: str | None, lead_id: int | None = None) -> list[str]:
    """Every name of a person, the one to enrol them under first: that of this lead if there is one, else their address.

    The newest 20 of their leads are known by the address. Empty where neither is given.
    """
    names = [lead_key(lead_id)] if lead_id is not None else []
    if not email:
        return names
    address = key_or_none(email) or email.strip().casefold()
    names.append(email_key(address))
    query = select(Lead.id).where(Lead.email == address).order_by(Lead.received_at.desc(), Lead.id.desc()).limit(MOST_LEADS)
    return names + [name for other in session.scalars(query) if (name := lead_key(other)) not in names]
