"""The shop reports a customer's points.

POST /api/v1/loyalty/points
  -> events-queue
  -> loyalty_members; the journey loyalty_welcome
  -> stamps.card (the customer's card, kept in step)
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import azure.functions as func
from pydantic import Field

from shared.intake.endpoint import EVENTS_QUEUE, webhook
from shared.intake.fields import Instant, Name, Text
from shared.intake.inbox import Event
from shared.intake.webhook import Payload, Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

bp = func.Blueprint()


class Points(Payload):
    """What the shop sends: all the points that the customer has at that moment, not those that were added."""

    email: Annotated[str, Text(254, at_least=3)]
    points: Annotated[int, Field(ge=0, lt=10**9)]
    at: Instant
    name: Name = None

    def subject(self) -> str:
        """The customer, by their address."""
        return self.email.lower()

    def occurred_at(self) -> datetime:
        """When the shop counted."""
        return self.at


def apply_points(session: Session, event: Event[Points]) -> str:
    """Keep the points: "applied", or "stale" where newer ones are known."""
    from functions.loyalty import services

    return services.keep(session, event.payload, event.key)


WEBHOOK = Webhook(name="shop.points", queue=EVENTS_QUEUE, payload=Points)
HANDLER = webhook(bp, "loyalty_points", "api/v1/loyalty/points", WEBHOOK, apply_points)
