"""What is held of contacts besides their row."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, select

from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person
from shared.store.contact_models import Address, ContactProfile, ContactState, ContactTag, MergedContact
from shared.store.models import Contact


def _of(column: Any) -> Callable[[Person], ColumnElement[bool]]:
    return lambda person: column.in_(select(Contact.id).where(Contact.manychat_id.in_(person.manychat_ids)))


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(Address, _of(Address.contact_id)),
        Holding(ContactState, _of(ContactState.contact_id)),
        Holding(ContactProfile, _of(ContactProfile.contact_id)),
        Holding(ContactTag, _of(ContactTag.contact_id)),
        Holding(MergedContact, _of(MergedContact.contact_id)),
    )
)
