"""What the campaign holds of people: its contacts, known by their address, and their sequences."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.christmas.tables import MailSequence, SequenceContact
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person


def _contacts(person: Person) -> Any:
    return select(SequenceContact.id).where(SequenceContact.email.in_(person.emails))


def identify(session: Session, person: Person) -> Person:
    """The address of each contact of theirs that is known by its number."""
    marked = (name.partition(":") for name in person.names)
    numbers = [int(number) for kind, _, number in marked if kind == "campaign" and number.isdecimal()]
    return person.with_emails(session.scalars(select(SequenceContact.email).where(SequenceContact.id.in_(numbers))))


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(MailSequence, lambda person: MailSequence.contact_id.in_(_contacts(person))),
        Holding(SequenceContact, lambda person: SequenceContact.id.in_(_contacts(person))),
    ),
    identify=identify,
)
