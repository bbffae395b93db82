"""ManyChat reports a person: new, or something about them has changed.

POST /api/v1/manychat/webhook/contact
  -> manychat-contact-queue
  -> contacts, channels, contact_states
  -> odoo.contact (a partner, if ODOO_SYNC_MODE wants partners) and odoo.opportunity (their lead carries name and phone)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func
from pydantic import ConfigDict, Field

from shared.flow import Flow, IdentityKind
from shared.intake.endpoint import webhook
from shared.intake.fields import (  # pydantic reads them at run time
    ChannelName,
    Email,
    Instant,
    Label,
    ManychatId,
    Name,
    OptionalInstant,
    Phone,
    RequiredName,
)
from shared.intake.inbox import Event
from shared.intake.webhook import Payload, Webhook

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

QUEUE = "manychat-contact-queue"
FLOW = Flow(
    name="contacts",
    title="Contacts from ManyChat",
    about="ManyChat reports a person: new, or something about them has changed. The contact is kept, and Odoo's partner "
    "follows it where that is wanted.",
    senders=("manychat",),
    functions=("functions.contacts:bp",),
    optional=False,
    queues=(QUEUE,),
    routers=("shared.web.contacts:router", "shared.web.timeline:router", "shared.web.channels:router"),
    syncs=("shared.crm.odoo_sync:CONTACTS",),
    stand_ins=("sandbox.odoo:Odoo",),
    identities=(
        IdentityKind(name="manychat", title="ManyChat's id", exclusive=True, is_address=True, names_alone=True),
        IdentityKind(name="odoo_partner", title="Odoo's contact"),
    ),
    people=("shared.crm.people:CONTACTS",),
    events=("contact.merged",),
    importers=("shared.importer.record:IMPORTER", "shared.importer.adopt:IMPORTER"),
)
bp = func.Blueprint()


class ContactPayload(Payload):
    """What the clinic's ManyChat flow sends of a person. Three fields are required; unknown ones are kept."""

    model_config = ConfigDict(extra="allow")

    manychat_id: ManychatId = Field(description="who it is")
    nombre_lead: RequiredName = Field(description="the first name")
    datetime_actual: Instant = Field(description="when ManyChat sent it")
    apellido_lead: Name = Field(default=None, description="the family name")
    whatsapp: Phone = Field(default=None, description="the phone number")
    email_lead: Email = Field(default=None, description="the e-mail address")
    datetime_suscripcion: OptionalInstant = Field(default=None, description="when they subscribed")
    ultimo_estado: Label = Field(default=None, description="the last state")
    canal_entrada: ChannelName = Field(
        default=None, description="the channel, made on first mention; spellings that read the same are one"
    )
    estado_inicial: Label = Field(default=None, description="the first state")

    def subject(self) -> str:
        """The person, by ManyChat's id."""
        return self.manychat_id

    def occurred_at(self) -> datetime:
        """When ManyChat sent it."""
        return self.datetime_actual


def apply_contact(session: Session, event: Event[ContactPayload]) -> str:
    """Bring the contact up to date: "applied", "unchanged", or "stale" where newer events hold all of its facts."""
    from sqlalchemy import select

    from shared.crm import contact_details, facts, odoo_sync, people
    from shared.store.dialect import locked
    from shared.store.models import Opportunity

    payload = event.payload
    at = facts.effective(event.envelope.time, event.envelope.received)
    known = people.merged_contact(
        session,
        payload.manychat_id,
        at,
        event.key,
        first_name=payload.nombre_lead,
        last_name=payload.apellido_lead,
        phone=payload.whatsapp,
        email=payload.email_lead,
        channel=payload.canal_entrada,
        subscribed_at=payload.datetime_suscripcion,
        initial_state=payload.estado_inicial,
        last_state=payload.ultimo_estado,
    )
    contact_details.note_state(session, known.contact, payload.ultimo_estado, at, event.key)
    if known.changed or known.is_new:
        query = locked(select(Opportunity).where(Opportunity.contact_id == known.contact.id), Opportunity)
        opportunity = session.scalars(query).one_or_none()
        odoo_sync.ask(session, known.contact, opportunity, event.key)
        return "applied"
    return "unchanged" if known.is_newer else "stale"


WEBHOOK = Webhook(
    name="manychat.contact",
    queue=QUEUE,
    payload=ContactPayload,
    answer=lambda payload: {"manychat_id": payload.manychat_id},
    example={
        "manychat_id": "prueba-1",
        "nombre_lead": "Prueba",
        "apellido_lead": "Puente",
        "email_lead": "prueba@example.com",
        "whatsapp": "55 1234 5678",
        "datetime_actual": "2026-03-01T10:00:00Z",
        "canal_entrada": "WhatsApp",
    },
)
HANDLER = webhook(bp, "manychat_contact", "api/v1/manychat/webhook/contact", WEBHOOK, apply_contact)
