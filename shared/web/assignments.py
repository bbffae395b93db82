"""`/api/v1/manychat/campaign-contacts`: a person's row in a campaign, changed by whoever knows them by ManyChat's id."""

from datetime import datetime
from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from shared.crm import assignment_edits, editing
from shared.intake.fields import AdvisorRef, Label, LongText, ManychatId, OptionalInstant, ShortText
from shared.intake.fields import Number as RowNumber
from shared.problems import documented
from shared.store.models import CampaignContact, Contact
from shared.web.auth import Caller, SecuredRoute, actor


class ManychatRoute(SecuredRoute):
    """A route that ManyChat's flows call as well: the scope of its webhooks opens it, too."""

    also = ("webhook:manychat",)


router = APIRouter(prefix="/api/v1/manychat/campaign-contacts", tags=["Campaigns"], route_class=ManychatRoute)

ADVISOR = "By number, e-mail address or name; 0 takes the present one away."


class AssignmentChange(BaseModel):
    """Facts of a person in a campaign. Null, an empty text and a member that is left out change nothing."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"manychat_id": "123456", "medical_advisor_id": 4, "last_state": "Cotizado"}]}
    )

    manychat_id: ManychatId
    campaign_id: RowNumber | None = Field(default=None, description="By default the campaign they were registered in last.")
    medical_advisor_id: AdvisorRef = Field(default=None, description=ADVISOR)
    medical_assignment_date: OptionalInstant = Field(default=None, description="Now, where an advisor is set without it.")
    medical_process_start_date: OptionalInstant = None
    medical_process_end_date: OptionalInstant = None
    commercial_advisor_id: AdvisorRef = Field(default=None, description=ADVISOR)
    commercial_assignment_date: OptionalInstant = Field(default=None, description="Now, where an advisor is set without it.")
    commercial_process_start_date: OptionalInstant = None
    quotation_start_date: OptionalInstant = None
    sale_order_date: OptionalInstant = None
    successful_sale_date: OptionalInstant = None
    conversation_closed_date: OptionalInstant = None
    last_state: Label = None
    lead_state: ShortText = None
    summary: LongText = None


class AssignmentOut(BaseModel):
    """A person in a campaign."""

    id: int
    manychat_id: str
    contact_id: int
    campaign_id: int
    registration_date: datetime = Field(description="The earliest time of which anything was said.")
    medical_advisor_id: int | None
    medical_assignment_date: datetime | None
    medical_process_start_date: datetime | None
    medical_process_end_date: datetime | None
    commercial_advisor_id: int | None
    commercial_assignment_date: datetime | None
    commercial_process_start_date: datetime | None
    quotation_start_date: datetime | None
    sale_order_date: datetime | None
    successful_sale_date: datetime | None
    conversation_closed_date: datetime | None
    last_state: str | None
    lead_state: str | None
    summary: str | None
    odoo_sync_status: str | None = Field(description="`pending`, `success`, `error`, null, or `skipped`: nobody in Odoo yet.")
    odoo_sync_error: str | None
    created_at: datetime
    updated_at: datetime


@router.put(
    "/update-by-manychat-id",
    summary="Change a person's row in a campaign",
    response_description="The whole row as it is now.",
    responses=documented(404, 409),
)
def update_by_manychat_id(body: AssignmentChange, caller: Caller) -> AssignmentOut:
    """Sets the given facts; the rest stays. They are dated now: older events do not undo them. A `webhook` key may call it.

    404 where there is no such contact or campaign, or the contact is not in it. 409 where an advisor is not known, several are
    called the same, or it is not clear which campaign is meant.
    """
    values = body.model_dump(exclude={"manychat_id", "campaign_id"})
    work = partial(assignment_edits.update, manychat_id=body.manychat_id, campaign_id=body.campaign_id, values=values)
    row, contact = editing.committed(partial(work, actor=actor(caller)))
    return _shown(row, contact)


def _shown(row: CampaignContact, contact: Contact) -> AssignmentOut:
    values = {name: getattr(row, name) for name in AssignmentOut.model_fields if name != "manychat_id"}
    return AssignmentOut(manychat_id=contact.manychat_id, **values)
