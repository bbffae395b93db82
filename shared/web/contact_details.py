"""`/api/v1/contacts/{id}/address` and `/states`: where a contact lives, and the states in which they were reported."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm import contact_details, editing, merged_contacts
from shared.problems import documented
from shared.store.contact_models import Address
from shared.store.models import Contact
from shared.store.session import reading
from shared.web.auth import SecuredRoute
from shared.web.paging import RowId

router = APIRouter(prefix="/api/v1/contacts", tags=["Contacts"], route_class=SecuredRoute)


class AddressOut(BaseModel):
    """An address, as far as it is known."""

    model_config = ConfigDict(from_attributes=True)

    street: str | None
    district: str | None
    city: str | None
    state: str | None
    country: str | None
    updated_at: datetime


class StateOut(BaseModel):
    """A state in which a contact was reported."""

    model_config = ConfigDict(from_attributes=True)

    state: str
    category: Literal["manychat", "crm"] = Field(description="`crm`: a stage of their opportunity, by Odoo's name.")
    at: datetime = Field(description="Since when.")


class StatesOut(BaseModel):
    """The history of a contact's states."""

    items: list[StateOut] = Field(description=f"Oldest first; the newest {contact_details.LONGEST_HISTORY}.")


@router.get("/{contact_id:id}/address", summary="Where a contact lives", responses=documented(404))
def contact_address(contact_id: RowId) -> AddressOut:
    """What ManyChat has reported of it. 404 where there is no such contact, or nothing was ever reported."""
    with reading() as session:
        number = _known(session, contact_id)
        row = session.scalars(select(Address).where(Address.contact_id == number)).one_or_none()
    if row is None:
        raise editing.missing("address of contact", contact_id)
    return AddressOut.model_validate(row)


@router.get("/{contact_id:id}/states", summary="The states of a contact", responses=documented(404))
def contact_states(contact_id: RowId) -> StatesOut:
    """ManyChat's states and the stages of their opportunity, one after the other."""
    with reading() as session:
        found = contact_details.states(session, _known(session, contact_id))
    return StatesOut(items=[StateOut.model_validate(one) for one in found])


def _known(session: Session, contact_id: int) -> int:
    """The number of the contact that is meant. Raises RefusedError, 404."""
    row = session.get(Contact, merged_contacts.survivor(session, contact_id))
    if row is None:
        raise editing.missing("contact", contact_id)
    return row.id
