"""ManyChat reports that a person's opportunity has reached a stage.

POST /api/v1/manychat/webhook/crm-opportunity
  -> manychat-crm-opportunities-queue
  -> contacts, opportunities, stage_history
  -> odoo.opportunity (a lead in Odoo's CRM, one for each person)

What a person writes to us becomes a note there (odoo.note).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.flow import Flow, IdentityKind
from shared.intake.endpoint import webhook
from shared.intake.fields import (  # pydantic reads them at run time
    NO_ADVISOR,
    AdvisorId,
    ChannelName,
    GivenName,
    LongText,
    ManychatId,
    Name,
    OptionalInstant,
    Phone,
    StageName,
)
from shared.intake.inbox import Event
from shared.intake.webhook import Payload, Webhook

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

QUEUE = "manychat-crm-opportunities-queue"
FLOW = Flow(
    name="opportunities",
    title="Opportunities from ManyChat",
    about="ManyChat reports that a person's opportunity has reached a stage. Contact, opportunity and stage history are kept, "
    "and Odoo's lead follows them.",
    senders=("manychat",),
    functions=("functions.opportunities:bp",),
    optional=False,
    queues=(QUEUE,),
    routers=(
        "shared.web.opportunities:router",
        "shared.web.stages:router",
        "shared.web.advisors:router",
        "shared.web.odoo_contacts:router",
    ),
    syncs=("shared.crm.odoo_sync:OPPORTUNITIES",),
    effects=("shared.crm.resync:RESYNC", "shared.messages.odoo_notes:NOTE"),
    listeners=MappingProxyType(
        {
            "message.received": "shared.messages.odoo_notes:note_received",
            "talk.tagged": "shared.journeys.talks.acts:tag",
            "talk.assigned": "shared.journeys.talks.acts:assign",
        }
    ),
    targets=MappingProxyType({"odoo": "shared.crm.odoo_sync:policy", "puente": "shared.crm.resync:policy"}),
    clients=("shared.vendors.odoo.system:ODOO",),
    stand_ins=("sandbox.odoo:Odoo",),
    identities=(IdentityKind(name="odoo_lead", title="Odoo's lead"),),
)
bp = func.Blueprint()


class StageReached(BaseModel):
    """The stage that was reached: Odoo's number, or ManyChat's name for it."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    stage_id: StageName
    summary: LongText = None
    date: OptionalInstant = None


class OpportunityPayload(Payload):
    """What ManyChat sends of an opportunity; also in the older shape `{manychat_id, stage_manychat, advisor_id}`."""

    model_config = ConfigDict(extra="allow")

    manychat_id: ManychatId = Field(description="who it is")
    last_name: Name = Field(default=None, description="the family name")
    first_name: GivenName = Field(default=None, description="the first name")
    phone: Phone = Field(default=None, description="the phone number")
    channel: ChannelName = Field(default=None, description="the channel")
    entry_date: OptionalInstant = Field(default=None, description="when they came")
    medical_advisor_id: AdvisorId = Field(default=None, description="the medical advisor's number; 0 says that there is none")
    commercial_advisor_id: AdvisorId = Field(
        default=None, description="the commercial advisor's number; 0 says that there is none"
    )
    state: StageReached = Field(
        description="the stage: `stage_id` (Odoo's number, or ManyChat's name of up to 100), "
        "`summary` (up to 1,000,000), `date`"
    )

    @model_validator(mode="before")
    @classmethod
    def _older_shape(cls, data: Any) -> Any:
        """The older shape names one stage and one advisor; there the advisor is the commercial one."""
        if not isinstance(data, dict):
            return data
        state = data.get("state")
        stage = data.get("stage_manychat")
        if isinstance(state, dict) and "stage_id" not in state:
            stage = state.get("stage_manychat") or state.get("stage") or stage
            data = data | {"state": state | ({"stage_id": stage} if stage else {})}
        elif state is None and stage is not None:
            data = data | {"state": {"stage_id": stage, "summary": data.get("summary"), "date": data.get("date")}}
        if data.get("commercial_advisor_id") is None and data.get("advisor_id") is not None:
            data = data | {"commercial_advisor_id": data["advisor_id"]}
        return data

    def subject(self) -> str:
        """The person, by ManyChat's id."""
        return self.manychat_id

    def occurred_at(self) -> datetime | None:
        """When the stage was reached."""
        return self.state.date


def apply_opportunity(session: Session, event: Event[OpportunityPayload]) -> str:
    """Bring contact and opportunity up to date and record the stage: "applied", or "stale" where newer ones hold all of it.

    Raises:
        PermanentError: `unknown-stage`.
    """
    return _applied(session, event, is_repeat=False)


def repeat_opportunity(session: Session, event: Event[OpportunityPayload]) -> str:
    """Take an undated report that comes again as what holds now: A, B and A within minutes end in A.

    "applied" where that changed anything; the history gets no second line where it did not.

    Raises:
        PermanentError: `unknown-stage`.
    """
    return _applied(session, event, is_repeat=True)


def _applied(session: Session, event: Event[OpportunityPayload], *, is_repeat: bool) -> str:
    from shared.crm import facts, odoo_sync, opportunities, people

    payload = event.payload
    at = facts.effective(event.envelope.time, event.envelope.received)
    known = people.merged_contact(
        session,
        payload.manychat_id,
        at,
        event.key,
        first_name=payload.first_name,
        last_name=payload.last_name,
        phone=payload.phone,
        channel=payload.channel,
    )
    opportunity = opportunities.locked_opportunity(session, known.contact)
    # Only now: while this waited for the locks, somebody may have given the stage another number and moved all who were in it.
    stage_id = opportunities.resolve_stage(session, payload.state.stage_id)
    changed = known.changed | facts.merge(opportunity, _opportunity_facts(payload), at, event.key)
    changed |= opportunities.change_stage(
        session, opportunity, stage_id, at, payload.state.summary, event.key, only_changes=is_repeat
    )
    if not changed:
        return "stale"
    odoo_sync.ask(session, known.contact, opportunity, event.key)
    return "applied"


def _opportunity_facts(payload: OpportunityPayload) -> dict[str, Any]:
    return {
        "entry_date": payload.entry_date,
        "medical_advisor_id": _advisor(payload.medical_advisor_id),
        "commercial_advisor_id": _advisor(payload.commercial_advisor_id),
    }


def _advisor(number: int | None) -> Any:
    from shared.crm.facts import CLEARED

    return CLEARED if number == NO_ADVISOR else number


WEBHOOK = Webhook(
    name="manychat.opportunity",
    queue=QUEUE,
    payload=OpportunityPayload,
    answer=lambda payload: {"manychat_id": payload.manychat_id},
    example={
        "manychat_id": "prueba-1",
        "first_name": "Prueba",
        "state": {"stage_id": 16, "summary": "Prueba de Puente", "date": "2026-03-01T10:00:00Z"},
    },
)
HANDLER = webhook(
    bp,
    "manychat_opportunity",
    "api/v1/manychat/webhook/crm-opportunity",
    WEBHOOK,
    apply_opportunity,
    repeat=repeat_opportunity,
)
