"""Stripe reports what becomes of a payment.

POST /api/v1/stripe/webhook, signed by Stripe
POST /api/v1/executions/webhook/{namespace}/stripe_payments_to_sheets_db_ai/{key}, as the replaced flow had it
  -> events-queue
  -> payments, payment_objects; journeys that `payment.received` ends or begins
  -> sheets.payment (the row, kept in step), openai.analysis, discord.payment and slack.payment (large payments)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from shared.intake.endpoint import EVENTS_QUEUE, accepting, webhook
from shared.intake.inbox import Event
from shared.intake.webhook import Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.payments.payloads import StripeEvent

bp = func.Blueprint()


def apply_event(session: Session, event: Event[StripeEvent]) -> str:
    """Bring the payment up to date: "applied", "stale", "kept" or "ignored" (see `services.take`)."""
    from functions.payments import services

    return services.take(session, event.payload, event.key)


WEBHOOK = Webhook(
    name="stripe.event",
    queue=EVENTS_QUEUE,
    payload="functions.payments.payloads:StripeEvent",
    authenticate="functions.payments.payloads:signed",
    read="functions.payments.reading:read",
)
HANDLER = webhook(bp, "stripe", "api/v1/stripe/webhook", WEBHOOK, apply_event)
OLD_ID = "stripe_payments_to_sheets_db_ai"
OLD_ROUTE = f"api/v1/executions/webhook/{{namespace}}/{OLD_ID}/{{key?}}"
accepting(bp, "stripe_old_webhook", OLD_ROUTE, WEBHOOK)
BY_HAND = {OLD_ID: WEBHOOK}
"""An event of Stripe's may be given by hand as the inputs: one that never came, out of Stripe's list of events."""
