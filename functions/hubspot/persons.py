"""Who a contact of HubSpot's is: its id there proves it; ManyChat's id somebody wrote into it, which only proposes."""

from sqlalchemy.orm import Session

from functions.hubspot.tables import HubSpotMessage
from shared.people import kinds, observing
from shared.people.backfill import Source
from shared.people.observing import Seen


def observe(session: Session, row: HubSpotMessage) -> int | None:
    """Note by which identities the contact's person is known; the number of the person, None where there is no contact."""
    proven = kinds.identities(hubspot=row.contact_id)
    if not proven:
        return None
    typed = kinds.identities(manychat=row.manychat_user_id)
    return observing.observe(session, Seen(source="hubspot.contact", at=row.occurred_at, proven=proven, typed=typed))


MESSAGES = Source("HubSpot's contacts", HubSpotMessage, observe)
