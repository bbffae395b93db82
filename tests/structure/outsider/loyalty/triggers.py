"""The shop reports a customer's points.

POST /api/v1/loyalty/points
  -> events-queue
  -> loyalty_members; the journey loyalty_welcome
  -> stamps.card (the customer's card, kept in step)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from shared.intake.endpoint import EVENTS_QUEUE, webhook
from shared.intake.inbox import Event
from shared.intake.webhook import Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.loyalty.payloads import Points

bp = func.Blueprint()


def apply_points(session: Session, event: Event[Points]) -> str:
    """Keep the points: "applied", or "stale" where newer ones are known."""
    from functions.loyalty import services

    return services.keep(session, event.payload, event.key)


WEBHOOK = Webhook(name="shop.points", queue=EVENTS_QUEUE, payload="functions.loyalty.payloads:Points")
HANDLER = webhook(bp, "loyalty_points", "api/v1/loyalty/points", WEBHOOK, apply_points)
