"""Somebody asks for a service through the form of a website.

POST /api/lead   public; guards in shared/leads/guard.py
  -> lead-queue
  -> leads, journeys that begin with `lead.created` (definitions/lead_followup.yaml)
  -> kommo.lead (contact and lead in Kommo), kommo.note (one for every action on the lead)
OPTIONS /api/lead   whether a page of another origin may post
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from shared import queues
from shared.intake.inbox import Event, Flow, handle
from shared.intake.webhook import Webhook
from shared.leads import (
    door,
    hooks,  # noqa: F401  # what becomes of messages to leads is noted in Kommo, wherever it is heard of
    kommo,  # noqa: F401  # registers what deliveries to Kommo do
    notes,  # noqa: F401  # likewise
)
from shared.leads.form import LeadPayload

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.settings import Settings

QUEUE = queues.declare("lead-queue")
bp = func.Blueprint()


def anybody(_request: func.HttpRequest, _raw: bytes, _settings: Settings) -> None:
    """The form is public: there is no key to ask for. The door's guards have been passed before."""


def apply_lead(session: Session, event: Event[LeadPayload]) -> str:
    """Keep the lead and set in motion what follows: "applied", "capped", "corrected", "unchanged" or "stale"."""
    from shared.leads import bookings, records

    word = records.take(session, event.payload, event.envelope.received, event.key)
    bookings.adopt(session, event.payload.lead_id, event.key)  # a booking may have overtaken the form
    return word


WEBHOOK = Webhook(
    name="lead.form",
    queue=QUEUE,
    payload=LeadPayload,
    answer=lambda said: {"lead_id": said.lead_id},
    authenticate=anybody,
)
FLOW = Flow(queue=QUEUE, payload=LeadPayload, apply=apply_lead)


@bp.route("api/lead", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.queue_output("message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def lead_webhook(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take a form in: 200 with the lead's number once it is on its queue."""
    return await door.take(WEBHOOK, req, message)


@bp.route("api/lead", methods=["OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
async def lead_preflight(req: func.HttpRequest) -> func.HttpResponse:
    """Say whether a page may post."""
    return door.preflight(req)


@bp.queue_trigger("message", queue_name=QUEUE, connection="AzureWebJobsStorage", data_type=func.DataType.BINARY)
def lead_handler(message: func.QueueMessage) -> None:
    """Handle a lead."""
    handle(FLOW, message)
