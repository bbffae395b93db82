"""What a row of the old record must look like: the same leniency as for webhooks, so that both ways in agree."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.intake.fields import (
    AdvisorRef,
    Amount,
    ChannelName,
    Email,
    GivenName,
    Instant,
    Label,
    Lenient,
    LongText,
    ManychatId,
    Name,
    Number,
    OptionalInstant,
    OrNone,
    Phone,
    RequiredName,
    ShortText,
)

Yes = Annotated[bool, BeforeValidator(lambda value: True if value in (None, "") else value)]
OptionalNumber = Annotated[Number | None, OrNone]


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore")


class ChannelRow(_Row):
    """A channel."""

    id: OptionalNumber = None
    name: Annotated[RequiredName, Field(max_length=100)]
    description: Annotated[Annotated[str, Lenient, Field(max_length=255)] | None, OrNone] = None


class AdvisorRow(_Row):
    """An advisor; keeps its number, because events name it."""

    id: Number
    name: RequiredName
    email: Email = None
    phone: Annotated[Annotated[str, Lenient, Field(max_length=20)] | None, OrNone] = None
    role: ShortText = None
    status: Annotated[Annotated[str, Lenient, Field(max_length=20)] | None, OrNone] = None
    genre: Annotated[Annotated[str, Lenient, Field(max_length=20)] | None, OrNone] = None
    odoo_user_id: OptionalNumber = None
    is_active: Yes = True


class CampaignRow(_Row):
    """A campaign; keeps its number, because events name it."""

    id: Number
    name: Annotated[RequiredName, Field(max_length=100)]
    date_start: Instant
    date_end: OptionalInstant = None
    budget: Amount = None
    status: Annotated[Annotated[str, Lenient, Field(max_length=20)] | None, OrNone] = None
    channel_id: OptionalNumber = None


class ContactRow(_Row):
    """A person. `id` is the old number, by which `campaign_contacts` refer to them."""

    id: OptionalNumber = None
    manychat_id: ManychatId
    last_name: Name = None
    first_name: GivenName = None
    email: Email = None
    phone: Phone = None
    subscription_date: OptionalInstant = None
    entry_date: OptionalInstant = None
    initial_state: Label = None
    channel_id: OptionalNumber = None
    channel: ChannelName = None


class AssignmentRow(_Row):
    """A person in a campaign, named by ManyChat's id or by the old number."""

    manychat_id: Annotated[ManychatId | None, OrNone] = None
    contact_id: OptionalNumber = None
    campaign_id: Number
    commercial_advisor_id: AdvisorRef = None
    medical_advisor_id: AdvisorRef = None
    registration_date: OptionalInstant = None
    commercial_assignment_date: OptionalInstant = None
    commercial_process_start_date: OptionalInstant = None
    medical_assignment_date: OptionalInstant = None
    medical_process_start_date: OptionalInstant = None
    medical_process_end_date: OptionalInstant = None
    quotation_start_date: OptionalInstant = None
    sale_order_date: OptionalInstant = None
    successful_sale_date: OptionalInstant = None
    conversation_closed_date: OptionalInstant = None
    last_state: Label = None
    lead_state: ShortText = None
    summary: LongText = None


# In the order in which one refers to the other.
MODELS: dict[str, type[BaseModel]] = {
    "channels": ChannelRow,
    "advisors": AdvisorRow,
    "campaigns": CampaignRow,
    "contacts": ContactRow,
    "campaign_contacts": AssignmentRow,
}
__all__ = ["MODELS", "AdvisorRow", "AssignmentRow", "CampaignRow", "ChannelRow", "ContactRow"]
