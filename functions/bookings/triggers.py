"""Somebody books a meeting, moves it, cancels it, misses it; or it takes place.

POST /api/calcom     signed by Cal.com; also the old system's simple form
POST /api/calendly   signed by Calendly
  -> calcom-booking-queue
  -> bookings, the lead's status, journeys (journeys/booking.yaml begins, lead_followup waits)
  -> kommo.lead (its stage), kommo.note (one for every event)
  -> sequence_contacts, sequences, notion.contact (whoever of the campaign booked)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared import flows
from shared.intake.endpoint import accepting, handling_by_type
from shared.intake.inbox import Event, Handler
from shared.intake.webhook import Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.bookings.payloads import BookingEvent

QUEUE = "calcom-booking-queue"
bp = func.Blueprint()


def apply_booking_event(session: Session, event: Event[BookingEvent]) -> str:
    """Take in what a calendar reports: "applied", "stale" where newer ones hold all of its facts, "ignored" what is not used.

    Listeners to `booking.received` lock rows of their own before a booking is touched; those to `booking.stored` follow it.
    """
    from functions.bookings import parts, payloads, services

    if event.payload.trigger not in payloads.MEANINGFUL:
        return "ignored"
    events = [replace(event, payload=part) for part in parts.of_event(session, event.payload)]
    for each in events:
        email = services.email_of(session, each.payload)
        for _flow, listener in flows.listeners("booking.received"):
            listener(session, each.payload, email)
    outcomes = [services.take(session, each.payload, each.envelope, each.key) for each in events]
    for each in events:
        for _flow, listener in flows.listeners("booking.stored"):
            listener(session, each)
    return "applied" if "applied" in outcomes else outcomes[0] if outcomes else "ignored"


WEBHOOK = Webhook(
    name="calcom.booking",
    queue=QUEUE,
    payload="functions.bookings.payloads:BookingEvent",
    authenticate="functions.bookings.payloads:signed",
    read="functions.bookings.calcom:read",
)
CALENDLY = Webhook(
    name="calendly.invitee",
    queue=QUEUE,
    payload="functions.bookings.calendly:CalendlyEvent",
    authenticate="functions.bookings.payloads:signed_by_calendly",
    read="functions.bookings.calendly:read",
)
HANDLERS: dict[str, Handler[Any]] = {
    webhook.name: Handler(queue=QUEUE, payload=webhook.payload, apply=apply_booking_event) for webhook in (WEBHOOK, CALENDLY)
}

accepting(bp, "calcom_webhook", "api/calcom", WEBHOOK)
accepting(bp, "calendly_webhook", "api/calendly", CALENDLY)


handling_by_type(
    bp,
    "calcom_handler",
    QUEUE,
    lambda: HANDLERS,
    "Take in what a calendar reports of a booking, by the type of the event; one of no known type becomes a dead letter.",
)
