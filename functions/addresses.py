"""ManyChat reports where a person lives.

POST /api/v1/manychat/webhook/address
  -> events-queue
  -> contacts, addresses
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Self

import azure.functions as func
from pydantic import ConfigDict, Field, model_validator

from shared.flow import Flow
from shared.intake.endpoint import EVENTS_QUEUE, webhook
from shared.intake.fields import AddressLine, ManychatId, OptionalInstant, Place  # pydantic reads them at run time
from shared.intake.inbox import Event
from shared.intake.webhook import Payload, Webhook

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

PARTS = ("street", "district", "city", "state", "country")
FLOW = Flow(
    name="addresses",
    title="Addresses from ManyChat",
    about="ManyChat reports where a person lives. The newest of each part is kept, and shown beside the states in which the "
    "person was reported.",
    senders=("manychat",),
    functions=("functions.addresses:bp",),
    optional=False,
    handlers=MappingProxyType({"manychat.address": "functions.addresses:HANDLER"}),
    routers=("shared.web.contact_details:router",),
    tables=("shared.store.contact_models",),
    privacy="shared.privacy.contact_details:PERSONAL_DATA",
    kept=MappingProxyType(
        {
            "addresses": "part of a contact; erasing the person removes it",
            "contact_states": "part of a contact; erasing the person removes it",
            "contact_profiles": "part of a contact; erasing the person removes it",
            "contact_tags": "part of a contact; erasing the person removes it",
            "merged_contacts": "the old number may be asked for at any time",
        }
    ),
)
bp = func.Blueprint()


class AddressPayload(Payload):
    """What ManyChat sends of an address: at least one part of it; unknown fields are kept."""

    model_config = ConfigDict(extra="allow")

    manychat_id: ManychatId = Field(description="who it is")
    street: AddressLine = Field(default=None, description="street and number")
    district: Place = Field(default=None, description="the district")
    city: Place = Field(default=None, description="the city")
    state: Place = Field(default=None, description="the state or province")
    country: Place = Field(default=None, description="the country")
    datetime_actual: OptionalInstant = Field(default=None, description="when ManyChat sent it; else when it came")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, name) is None for name in PARTS):
            raise ValueError("at least one of street, district, city, state and country is needed")
        return self

    def subject(self) -> str:
        """The person, by ManyChat's id."""
        return self.manychat_id

    def occurred_at(self) -> datetime | None:
        """When ManyChat sent it, where it says so."""
        return self.datetime_actual


def apply_address(session: Session, event: Event[AddressPayload]) -> str:
    """Bring the address up to date: "applied", or "stale" where newer events hold all of its parts.

    A person not yet known is made, and completed when their own event comes.
    """
    from shared.crm import contact_details, facts, people

    payload = event.payload
    contact = people.locked_contact(session, payload.manychat_id)
    at = facts.effective(event.envelope.time, event.envelope.received)
    values = {name: getattr(payload, name) for name in PARTS}
    return "applied" if contact_details.merge_address(session, contact, values, at, event.key) else "stale"


WEBHOOK = Webhook(
    name="manychat.address",
    queue=EVENTS_QUEUE,
    payload=AddressPayload,
    answer=lambda payload: {"manychat_id": payload.manychat_id},
)
HANDLER = webhook(bp, "manychat_address", "api/v1/manychat/webhook/address", WEBHOOK, apply_address)
