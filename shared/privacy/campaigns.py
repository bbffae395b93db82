"""What campaigns hold of people: deliveries name a row of `campaign_contacts` by its number."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm.odoo_sync import MEMBERS
from shared.privacy.holdings import PersonalData
from shared.privacy.person import Person
from shared.store.models import CampaignContact, Contact


def identify(session: Session, person: Person) -> Person:
    """The names of their rows; the rows themselves are among those of the engine."""
    query = select(CampaignContact.id).join(Contact, Contact.id == CampaignContact.contact_id)
    numbers = session.scalars(query.where(Contact.manychat_id.in_(person.manychat_ids))).all()
    return person.with_names(map(MEMBERS.subject_of, numbers))


PERSONAL_DATA = PersonalData(holdings=(), identify=identify)
