"""Somebody books a meeting, moves it, cancels it, misses it; or it takes place.

POST /api/calcom   signed by Cal.com; also the old system's simple form
  -> calcom-booking-queue
  -> bookings, the lead's status, journeys (journeys/booking.yaml begins, lead_followup waits)
  -> kommo.lead (its stage), kommo.note (one for every event)
  -> sequence_contacts, notion.contact (whoever of the campaign booked)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions.bookings import calcom, payloads
from functions.bookings.payloads import BookingEvent
from shared import flows
from shared.intake.endpoint import webhook
from shared.intake.inbox import Event
from shared.intake.webhook import Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

QUEUE = "calcom-booking-queue"
bp = func.Blueprint()


def apply_booking_event(session: Session, event: Event[BookingEvent]) -> str:
    """Take in what a calendar reports: "applied", "stale" where newer ones hold all of its facts, "ignored" what is not used.

    Listeners to `booking.received` lock rows of their own before a booking is touched; those to `booking.stored` follow it.
    """
    from functions.bookings import services

    payload = event.payload
    for _flow, listener in flows.listeners("booking.received"):
        listener(session, payload.email)
    outcome = services.take(session, payload, event.envelope, event.key)
    for _flow, listener in flows.listeners("booking.stored"):
        listener(session, payload.booking)
    return outcome


WEBHOOK = Webhook(
    name="calcom.booking",
    queue=QUEUE,
    payload=BookingEvent,
    authenticate=payloads.signed,
    read=calcom.read,
)
HANDLER = webhook(bp, "calcom", "api/calcom", WEBHOOK, apply_booking_event)
