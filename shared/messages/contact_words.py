"""What somebody said of a contact over the API holds for every message, not only for those to many.

Blocked: nothing goes to their number by WhatsApp (an operator's stop). `opt_in` false: no marketing by WhatsApp. Taking either
back lifts what it had set, and no stop of the person's own.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import people
from shared.messages import consent
from shared.messages.consent import Cause
from shared.messages.digests import digest_of_address, digest_of_person, digests_of_address, digests_of_person
from shared.people.kinds import names_of
from shared.store.message_models import Suppression
from shared.store.models import Contact

WHATSAPP = ("whatsapp",)


def keep(session: Session, contact: Contact, given: Mapping[str, Any]) -> None:
    """Suppress, or lift, what these fields say. A second run changes nothing that counts."""
    if "is_blocked" in given:
        _set(session, contact, "by-hand", suppressed=bool(given["is_blocked"]))
    if given.get("opt_in") is not None:
        _set(session, contact, "unsubscribed", suppressed=not given["opt_in"])


def _set(session: Session, contact: Contact, cause: Cause, *, suppressed: bool) -> None:
    names = [name for one in people.identities_of(contact) for name in names_of(one)]
    if suppressed:
        whose = [digest_of_person(name) for name in names]
        whose += [digest_of_address(contact.phone)] if contact.phone else []
        consent.suppress(session, WHATSAPP, whose, cause, clock.now())
        return
    whose = [digest for name in names for digest in digests_of_person(name)]
    whose += digests_of_address(contact.phone) if contact.phone else []
    held = select(Suppression.who).where(Suppression.who.in_(whose), Suppression.channel == WHATSAPP[0])
    if set_before := session.scalars(held.where(Suppression.cause == cause, ~Suppression.lifted)).all():
        consent.lift(session, WHATSAPP, set_before, cause, clock.now())
