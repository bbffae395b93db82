"""ManyChat reports that a person was assigned to advisors within a campaign.

POST /api/v1/manychat/webhook/campaign-assignment
  -> manychat-campaign-queue
  -> contacts, campaign_contacts, campaign_history
  -> odoo.campaign (a utm.campaign for each campaign) and odoo.campaign_contact (on lead, partner, or as a record), if wanted
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import azure.functions as func
from pydantic import ConfigDict, Field

from shared.flow import Flow
from shared.intake.endpoint import webhook
from shared.intake.fields import AdvisorRef, Instant, Label, LongText, ManychatId, Number, ShortText
from shared.intake.inbox import Event
from shared.intake.webhook import Payload, Webhook

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

QUEUE = "manychat-campaign-queue"
FLOW = Flow(
    name="campaigns",
    title="Campaign assignments from ManyChat",
    about="ManyChat reports that a person was assigned to advisors within a campaign. The assignment is kept with all that was "
    "ever reported of it, and Odoo shows it where that is wanted.",
    senders=("manychat",),
    functions=("functions.campaigns:bp",),
    optional=False,
    queues=(QUEUE,),
    routers=("shared.web.campaigns:router", "shared.web.assignments:router"),
    syncs=("shared.crm.odoo_sync:CAMPAIGNS", "shared.crm.odoo_sync:MEMBERS"),
    privacy="shared.privacy.campaigns:PERSONAL_DATA",
    stand_ins=("sandbox.odoo:Odoo",),
)
bp = func.Blueprint()


class AssignmentPayload(Payload):
    """What the clinic's ManyChat flow sends. An advisor may be named by number, e-mail address or name; 0 says: none."""

    model_config = ConfigDict(extra="allow")

    manychat_id: ManychatId = Field(description="who it is")
    campaign_id: Number = Field(description="the campaign's number")
    datetime_actual: Instant = Field(description="when ManyChat sent it")
    ultimo_estado: Label = Field(default=None, description="the last state")
    comercial_id: AdvisorRef = Field(
        default=None, description="the commercial advisor by number, e-mail address or name; 0 says that there is none"
    )
    medico_id: AdvisorRef = Field(default=None, description="the medical advisor, in the same way")
    tipo_asignacion: ShortText = Field(default=None, description="the kind of assignment")
    summary: LongText = Field(default=None, description="a text")

    def subject(self) -> str:
        """The person, by ManyChat's id."""
        return self.manychat_id

    def occurred_at(self) -> datetime:
        """When ManyChat sent it."""
        return self.datetime_actual


def apply_assignment(session: Session, event: Event[AssignmentPayload]) -> str:
    """Bring the person's row in the campaign up to date: "applied", or "stale" where newer events hold all of its facts.

    A person not yet known is made, and completed when their own event comes.

    Raises:
        PermanentError: `unknown-campaign`, `unknown-advisor`, `ambiguous-advisor`.
    """
    from shared.crm import campaigns, facts, odoo_sync, people

    payload = event.payload
    campaign = campaigns.known_campaign(session, payload.campaign_id)
    given = {
        "commercial_advisor_id": _advisor(session, payload.comercial_id),
        "medical_advisor_id": _advisor(session, payload.medico_id),
        "last_state": payload.ultimo_estado,
        "lead_state": payload.tipo_asignacion,
        "summary": payload.summary,
    }
    at = facts.effective(event.envelope.time, event.envelope.received)
    contact = people.locked_contact(session, payload.manychat_id)
    row = campaigns.locked_assignment(session, contact, campaign, at)
    is_new = not row.fact_times
    changed = campaigns.assign(session, row, given, at, event.key)
    if changed or is_new:
        odoo_sync.MEMBERS.request(session, row, event.key)
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
    answer=lambda payload: {"manychat_id": payload.manychat_id},
)
HANDLER = webhook(bp, "manychat_campaign", "api/v1/manychat/webhook/campaign-assignment", WEBHOOK, apply_assignment)
