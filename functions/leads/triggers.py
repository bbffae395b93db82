"""Somebody asks for a service through the form of a website.

POST /api/lead   public; guards in guard.py
  -> lead-queue
  -> leads, journeys that begin with `lead.created` (journeys/lead_followup.yaml)
  -> kommo.lead (contact and lead in Kommo), kommo.note (one for every action on the lead)
OPTIONS /api/lead   whether a page of another origin may post
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from shared import flows
from shared.intake.endpoint import accepting, handling
from shared.intake.inbox import Event, Handler
from shared.intake.webhook import BEARER, Sender, Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.leads.payloads import LeadPayload
    from shared.settings import Settings

QUEUE, LEAD = "lead-queue", "functions.leads.payloads:LeadPayload"
bp = func.Blueprint()


def anybody(_request: func.HttpRequest, _raw: bytes, _settings: Settings) -> Sender:
    """Accept every caller: the form is public and has no key. The endpoint's guards have run before."""
    return BEARER


def apply_lead(session: Session, event: Event[LeadPayload]) -> str:
    """Keep the lead and set in motion what follows: "applied", "put-off", "capped", "proposed", ... (see `services.take`).

    Whoever listens to `lead.stored` is called in the same transaction: a booking may have arrived before the form.
    """
    from functions.leads import services

    outcome = services.take(session, event.payload, event.envelope.received, event.key)
    for _flow, listener in flows.listeners("lead.stored"):
        listener(session, event.payload.lead_id, event.key)
    return outcome


WEBHOOK = Webhook(
    name="lead.form",
    queue=QUEUE,
    payload=LEAD,
    answer=lambda payload: {"lead_id": payload.lead_id},
    authenticate=anybody,
    example={
        "nombre": "Prueba Puente",
        "email": "prueba@example.com",
        "telefono": "55 1234 5678",
        "empresa": "Prueba",
        "servicio": "Ventas",
        "fuente": "prueba",
    },
)
HANDLER = Handler(queue=QUEUE, payload=LEAD, apply=apply_lead)


async def take(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take a form in: 200 with the lead's number once it is on its queue."""
    from functions.leads import endpoint

    return await endpoint.take(WEBHOOK, req, message)


@bp.route("api/lead", methods=["OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
async def lead_preflight(req: func.HttpRequest) -> func.HttpResponse:
    """Say whether a page may post."""
    from functions.leads import endpoint

    return endpoint.preflight(req)


accepting(
    bp,
    "lead_webhook",
    "api/lead",
    WEBHOOK,
    take,
    answers={
        200: "It is on its queue: `ok` is true, `lead_id` the number of the lead.",
        429: "Too many forms; try again later.",
    },
)
handling(bp, "lead_handler", HANDLER)
