"""Who a scored lead is: ManyChat's id proves it; address and number somebody typed."""

from sqlalchemy.orm import Session

from functions.scoring.tables import ScoredLead
from shared.people import kinds, observing
from shared.people.backfill import Source
from shared.people.observing import Seen


def observe(session: Session, lead: ScoredLead) -> int | None:
    """Note by which identities the lead's person is known; the number of the person."""
    proven = kinds.identities(**{lead.source: lead.ext_id})
    typed = kinds.identities(email=lead.email, phone=lead.phone)
    return observing.observe(session, Seen(source="manychat.lead", at=lead.reported_at, proven=proven, typed=typed))


LEADS = Source("scored leads", ScoredLead, observe)
