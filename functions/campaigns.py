"""ManyChat reports that a person was assigned to advisors within a campaign.

POST /api/v1/manychat/webhook/campaign-assignment
  -> manychat-campaign-queue
  -> contacts, campaign_contacts, campaign_history
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import azure.functions as func
from pydantic import ConfigDict

from shared import queues
from shared.intake.fields import AdvisorRef, Instant, LongText, ManychatId, Name, Number, ShortText
from shared.intake.inbox import Event, Flow, handle
from shared.intake.webhook import Payload, Webhook

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

QUEUE = queues.declare("manychat-campaign-queue")
bp = func.Blueprint()


class AssignmentPayload(Payload):
    """What the clinic's ManyChat flow sends. An advisor may be named by number, e-mail address or name; 0 says: none."""

    model_config = ConfigDict(extra="allow")

    manychat_id: ManychatId
    campaign_id: Number
    datetime_actual: Instant
    ultimo_estado: Name = None
    comercial_id: AdvisorRef = None
    medico_id: AdvisorRef = None
    tipo_asignacion: ShortText = None
    summary: LongText = None

    def subject(self) -> str:
        """The person, by ManyChat's id."""
        return self.manychat_id

    def occurred_at(self) -> datetime:
        """When ManyChat sent it."""
        return self.datetime_actual


def apply_assignment(session: Session, event: Event[AssignmentPayload]) -> str:
    """Bring the person's row in the campaign up to date: "applied", or "stale" where newer events have said it all.

    A person not yet known is made, and completed when their own event comes.

    Raises:
        PermanentError: `unknown-campaign`, `unknown-advisor`, `ambiguous-advisor`.
    """
    from shared.crm import campaigns, facts, people

    said = event.payload
    campaign = campaigns.known_campaign(session, said.campaign_id)
    words = {
        "commercial_advisor_id": _advisor(session, said.comercial_id),
        "medical_advisor_id": _advisor(session, said.medico_id),
        "last_state": said.ultimo_estado,
        "lead_state": said.tipo_asignacion,
        "summary": said.summary,
    }
    at = facts.effective(event.envelope.time, event.envelope.received)
    contact = people.locked_contact(session, said.manychat_id)
    row = campaigns.locked_assignment(session, contact, campaign, at)
    is_new = not row.fact_times
    changed = campaigns.assign(session, row, words, at, event.key)
    return "applied" if changed or is_new else "stale"


def _advisor(session: Session, wanted: int | str | None) -> Any:
    from shared.crm import campaigns, facts

    if wanted is None:
        return None
    return facts.CLEARED if wanted == 0 else campaigns.known_advisor(session, wanted).id


WEBHOOK = Webhook(
    name="manychat.campaign-assignment",
    queue=QUEUE,
    payload=AssignmentPayload,
    answer=lambda said: {"manychat_id": said.manychat_id},
)
FLOW = Flow(queue=QUEUE, payload=AssignmentPayload, apply=apply_assignment)


@bp.route("api/v1/manychat/webhook/campaign-assignment", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.queue_output("message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def manychat_campaign_webhook(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take the event in."""
    return await WEBHOOK.accept(req, message)


@bp.queue_trigger("message", queue_name=QUEUE, connection="AzureWebJobsStorage", data_type=func.DataType.BINARY)
def manychat_campaign_handler(message: func.QueueMessage) -> None:
    """Handle the event."""
    handle(FLOW, message)
