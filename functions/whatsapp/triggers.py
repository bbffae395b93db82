"""Meta's webhooks for WhatsApp.

GET  /api/meta/webhook   Meta asks whether the address is ours, once, when it is entered
POST /api/meta/webhook   signed by Meta -> events-queue -> inbound_messages, message_statuses, suppressions, conversations
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import azure.functions as func

from shared.intake.endpoint import EVENTS_QUEUE, webhook
from shared.intake.inbox import Event
from shared.intake.webhook import Webhook
from shared.settings import get_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.whatsapp.payloads import MetaEvents

LARGEST_BODY_BYTES = 3 * 1024 * 1024  # Meta sends up to 3 MB at once
LONGEST_CHALLENGE = 200
PLAIN = "text/plain"
bp = func.Blueprint()


def apply_events(session: Session, event: Event[MetaEvents]) -> str:
    """Apply all that a request of Meta's says: "applied", "applied-in-part" or "ignored" (see `services.take`)."""
    from functions.whatsapp import services

    return services.take(session, event, EVENTS_QUEUE)


def _taken() -> func.HttpResponse:
    """Meta wants 200, soon; the body does not matter to it."""
    return func.HttpResponse("OK", mimetype=PLAIN)


WEBHOOK = Webhook(
    name="meta.webhook",
    queue=EVENTS_QUEUE,
    payload="functions.whatsapp.payloads:MetaEvents",
    authenticate="shared.messages.providers.meta_events:verify",
    read="shared.messages.providers.meta_events:read",
    max_bytes=LARGEST_BODY_BYTES,
    reply=_taken,
)
HANDLER = webhook(bp, "meta", "api/meta/webhook", WEBHOOK, apply_events)


@bp.route("api/meta/webhook", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def meta_webhook_check(req: func.HttpRequest) -> func.HttpResponse:
    """Answer Meta's question whether the address of its webhooks is ours, with META_VERIFY_TOKEN."""
    wanted = get_settings().meta_verify_token
    given, challenge = req.params.get("hub.verify_token", ""), req.params.get("hub.challenge", "")
    is_ours = wanted is not None and hmac.compare_digest(given.encode(), wanted.get_secret_value().encode())
    if req.params.get("hub.mode") != "subscribe" or not is_ours or not 0 < len(challenge) <= LONGEST_CHALLENGE:
        return func.HttpResponse("Forbidden", status_code=403, mimetype=PLAIN)
    return func.HttpResponse(challenge, mimetype=PLAIN)
