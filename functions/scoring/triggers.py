"""ManyChat reports a lead with what they did.

POST /api/v1/manychat/leads
POST /api/v1/executions/webhook/{namespace}/leads_manychats_to_hubspot/{key}, as the replaced flow had it
  -> events-queue
  -> scored_leads
  -> hubspot.lead (the contact, kept in step; its stage in the life cycle moves on only)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from shared.intake.endpoint import EVENTS_QUEUE, accepting, webhook
from shared.intake.inbox import Event
from shared.intake.webhook import Sender, Webhook, by_key_in_address

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.scoring.payloads import ScoredLeadPayload
    from shared.settings import Settings

bp = func.Blueprint()


def apply_lead(session: Session, event: Event[ScoredLeadPayload]) -> str:
    """Score and keep the lead: "applied", "stale" or "no_valid_contact_info" (see `services.take`)."""
    from functions.scoring import services

    return services.take(session, event.payload, event.key, event.envelope.received)


def authenticate(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """A key with the scope `webhook:manychat`, in the header, or in the old address."""
    return by_key_in_address(request, raw, settings, sender="manychat")


WEBHOOK = Webhook(
    name="manychat.lead",
    queue=EVENTS_QUEUE,
    payload="functions.scoring.payloads:ScoredLeadPayload",
    authenticate=authenticate,
    answer=lambda payload: {"manychat_id": payload.id},
)
HANDLER = webhook(bp, "manychat_lead", "api/v1/manychat/leads", WEBHOOK, apply_lead, repeat=apply_lead)
OLD_ID = "leads_manychats_to_hubspot"
accepting(bp, "manychat_lead_old_webhook", f"api/v1/executions/webhook/{{namespace}}/{OLD_ID}/{{key?}}", WEBHOOK)
BY_HAND = {OLD_ID: WEBHOOK}
"""A lead may be given by hand as the inputs."""
