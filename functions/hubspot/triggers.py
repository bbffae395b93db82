"""HubSpot tells of contacts; whoever is interested in a product gets a message in ManyChat.

POST /api/v1/hubspot/webhook, signed by HubSpot
POST /api/v1/executions/webhook/{namespace}/hubspot_lead_to_manychat/{key} and two more, as the replaced flows had it
  -> events-queue
  -> hubspot_messages, hubspot_turns, hubspot_merges
  -> hubspot.properties (what the event does not tell), manychat.manychat (the message)

The state of interest is written while its caller waits: see `interest`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared.intake.by_hand import Reply, Synchronous
from shared.intake.endpoint import EVENTS_QUEUE, accepting, webhook
from shared.intake.inbox import Event
from shared.intake.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from functions.hubspot.payloads import HubSpotEvents

LARGEST_BODY = 1_048_576
bp = func.Blueprint()


def apply_events(session: Session, event: Event[HubSpotEvents]) -> str:
    """Keep each event and have its message decided: "applied" or "duplicate" (see `services.take`)."""
    from functions.hubspot import services

    return services.take(session, event.payload, event.key, event.envelope.received)


def answer_interest(inputs: Mapping[str, Any]) -> Reply:
    """Write a contact's state of interest (see `interest.answer`)."""
    from functions.hubspot import interest

    return interest.answer(inputs)


WEBHOOK = Webhook(
    name="hubspot.events",
    queue=EVENTS_QUEUE,
    payload="functions.hubspot.payloads:HubSpotEvents",
    authenticate="functions.hubspot.payloads:signed",
    read="functions.hubspot.payloads:read",
    max_bytes=LARGEST_BODY,
)
HANDLER = webhook(bp, "hubspot", "api/v1/hubspot/webhook", WEBHOOK, apply_events)
OLD_IDS = ("hubspot_lead_to_manychat", "hubspot_lead_to_manychat_improved", "hubspot_to_manychat")
for old_id in OLD_IDS:
    accepting(bp, f"{old_id}_old_webhook", f"api/v1/executions/webhook/{{namespace}}/{old_id}/{{key?}}", WEBHOOK)
INTEREST_ID = "hubspot_update_estado_interes"
INTEREST = Synchronous(
    routes=("api/v1/hubspot/interest", f"api/v1/executions/webhook/{{namespace}}/{INTEREST_ID}/{{key}}"), answer=answer_interest
)
BY_HAND = MappingProxyType({**dict.fromkeys(OLD_IDS, WEBHOOK), INTEREST_ID: INTEREST})
"""Events may be given by hand as the inputs; the interest is answered at once."""
