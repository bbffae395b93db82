"""What the campaign holds of people: its contacts, known by their address, and their sequences."""

from typing import Any

from sqlalchemy import select

from functions.christmas.tables import Sequence, SequenceContact
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person


def _contacts(person: Person) -> Any:
    return select(SequenceContact.id).where(SequenceContact.email.in_(person.emails))


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(Sequence, lambda person: Sequence.contact_id.in_(_contacts(person))),
        Holding(SequenceContact, lambda person: SequenceContact.id.in_(_contacts(person))),
    )
)
