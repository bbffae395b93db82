"""Somebody sends a photo or PDF of a ticket, or answers a question about one.

POST /api/v1/tickets/webhook, signed by Twilio or Meta, or with an API key
POST /api/v1/executions/webhook/{namespace}/whatsapp_ticket_to_sheet_doc/{key}, as the replaced flow had it
  -> events-queue
  -> tickets
  -> ticket-media.fetch -> openai.ticket, or documentintelligence.begin and .result
  -> a question by WhatsApp, or ticket-sheet.row, ticket-docs.document, discord.ticket, slack.ticket, an answer by WhatsApp

Messages to the company's WhatsApp number come by `message.received` (`functions.tickets.listeners`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from shared.intake.endpoint import EVENTS_QUEUE, accepting, webhook
from shared.intake.inbox import Event
from shared.intake.webhook import Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.tickets.payloads import TicketMessages

bp = func.Blueprint()


def apply_messages(session: Session, event: Event[TicketMessages]) -> str:
    """Take in the tickets and answers: "applied", "stale" or "ignored"; of several messages, the best of them."""
    from functions.tickets import services

    at, known = event.envelope.received, set[str]()
    for message in event.payload.messages:
        known.add(services.take(session, message, at, event.key))
    return next((word for word in (services.APPLIED, services.STALE) if word in known), services.IGNORED)


WEBHOOK = Webhook(
    name="tickets.message",
    queue=EVENTS_QUEUE,
    payload="functions.tickets.payloads:TicketMessages",
    authenticate="functions.tickets.payloads:authenticate",
    read="functions.tickets.payloads:read",
)
HANDLER = webhook(bp, "tickets", "api/v1/tickets/webhook", WEBHOOK, apply_messages)
OLD_ID = "whatsapp_ticket_to_sheet_doc"
OLD_ROUTE = f"api/v1/executions/webhook/{{namespace}}/{OLD_ID}/{{key?}}"
accepting(bp, "tickets_old_webhook", OLD_ROUTE, WEBHOOK)
BY_HAND = {OLD_ID: WEBHOOK}
