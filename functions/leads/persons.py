"""By which names a person may be known to journeys: `lead:<id>` for each of their leads, `email:<address>` for all else."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads import ids, notes
from functions.leads.tables import Lead
from shared.crm.people import email_name
from shared.people import kinds, observing
from shared.people.backfill import Source
from shared.people.observing import Seen
from shared.readers.email import key as address_key

MOST_LEADS = 20


def observe(session: Session, lead: Lead) -> int | None:
    """Note by which identities a lead's person is known; the number of the person. What a form says is a proposal.

    Kommo's lead was made for this one, and is proven. Its contact is looked for by what was typed, so it proposes like that;
    so does a lead of Kommo's that is another one's of ours, which Kommo's own control of duplicates has given us.
    """
    of_kommo = kinds.identities(kommo_lead=lead.kommo_lead_id)
    is_own = not _is_of_another(session, lead)
    proven = (*kinds.identities(lead=lead.id), *(of_kommo if is_own else ()))
    typed = kinds.identities(email=lead.email, phone=lead.phone, kommo_contact=lead.kommo_contact_id)
    typed = (*typed, *(() if is_own else of_kommo))
    return observing.observe(session, Seen(source="lead", at=lead.received_at, proven=proven, typed=typed))


def _is_of_another(session: Session, lead: Lead) -> bool:
    if lead.kommo_lead_id is None:
        return False
    others = select(Lead.id).where(Lead.kommo_lead_id == lead.kommo_lead_id, Lead.id != lead.id).limit(1)
    return session.scalars(others).first() is not None


def known_in_kommo(session: Session, subject: str) -> None:
    """After a sync to Kommo: the person is known by Kommo's ids too, and notes that waited for them are sent.

    A second run adds nothing. A lead that Kommo has merged into another leads to the same person by either id.
    """
    lead = session.get(Lead, ids.number(subject), populate_existing=True)
    if lead is not None:
        observe(session, lead)
    notes.wake(session, subject)


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
