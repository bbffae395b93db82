"""Somebody books a meeting, puts it off, cancels it, misses it; or it takes place.

POST /api/calcom   signed by Cal.com; also the old system's simple form
  -> calcom-booking-queue
  -> bookings, the lead's status, journeys (definitions/booking.yaml begins, definitions/lead_followup.yaml waits)
  -> kommo.lead (its stage), kommo.note (one for every word)
  -> sequence_contacts, notion.contact (whoever of the campaign booked)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from shared import queues
from shared.intake.inbox import Event, Flow, handle
from shared.intake.webhook import Webhook
from shared.leads import (
    bookings_read,
    bookings_words,
    kommo,  # noqa: F401  # registers what deliveries to Kommo do
    notes,  # noqa: F401  # likewise
)
from shared.leads.bookings_words import BookingWord
from shared.sequences import notion_sync  # noqa: F401  # registers what deliveries to Notion do

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

QUEUE = queues.declare("calcom-booking-queue")
bp = func.Blueprint()


def apply_word(session: Session, event: Event[BookingWord]) -> str:
    """Take in what the calendar says: "applied", "stale" where newer words have said it all, "ignored" what is not used."""
    from shared.leads import bookings
    from shared.sequences import meetings

    said = event.payload
    meetings.hold(session, said.email)
    outcome = bookings.take(session, said, event.envelope, event.key)
    meetings.follow_meeting(session, said.booking)
    return outcome


WEBHOOK = Webhook(
    name="calcom.booking",
    queue=QUEUE,
    payload=BookingWord,
    authenticate=bookings_words.signed,
    read=bookings_read.read,
)
FLOW = Flow(queue=QUEUE, payload=BookingWord, apply=apply_word)


@bp.route("api/calcom", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.queue_output("message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def calcom_webhook(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take a calendar's word in."""
    return await WEBHOOK.accept(req, message)


@bp.queue_trigger("message", queue_name=QUEUE, connection="AzureWebJobsStorage", data_type=func.DataType.BINARY)
def calcom_handler(message: func.QueueMessage) -> None:
    """Handle a calendar's word."""
    handle(FLOW, message)
