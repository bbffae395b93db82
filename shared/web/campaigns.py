"""`/api/v1/campaigns`: the efforts to win people over."""

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, select

from shared import clock
from shared.crm import catalogue, editing
from shared.intake.fields import Text
from shared.problems import documented
from shared.store.models import Campaign
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Amount, Change, Number, When, Words20, Words100
from shared.web.conditions import MADE, ONE, IfMatch, guard, tag
from shared.web.paging import Moment, Page, RowId, text
from shared.web.sorting import LONGEST_SEARCH, SortedQuery, containing, find_sorted

router = APIRouter(prefix="/api/v1/campaigns", tags=["Campaigns"], route_class=SecuredRoute)

EDITABLE = ("name", "date_start", "date_end", "budget", "status", "channel_id")
SORTS = {"id": Campaign.id, "name": Campaign.name, "date_start": Campaign.date_start}
OWN_NUMBER = "By default the next free one. Give it where events name the campaign by a number already."


class CampaignQuery(SortedQuery):
    """Filters of the list."""

    sort: Literal["id", "-id", "name", "-name", "date_start", "-date_start"] | None = Field(
        default=None, description="Not together with `order`."
    )
    q: Annotated[str, Text(LONGEST_SEARCH, at_least=1)] | None = Field(default=None, description="A part of the name.")
    status: Annotated[str, text(20)] | None = None
    channel_id: int | None = Field(default=None, ge=1, lt=2**31)
    running_at: Moment | None = Field(default=None, description="Begun by then and not yet ended.")

    def applied(self, query: Select[Campaign]) -> Select[Campaign]:
        """`query`, narrowed down."""
        for name in ("status", "channel_id"):
            if (value := getattr(self, name)) is not None:
                query = query.where(getattr(Campaign, name) == value)
        if self.running_at is not None:
            ends_later = Campaign.date_end.is_(None) | (Campaign.date_end > self.running_at)
            query = query.where(Campaign.date_start <= self.running_at, ends_later)
        if self.q is not None:
            query = query.where(containing(self.q, Campaign.name))
        return query


class CampaignOut(BaseModel):
    """A campaign."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    date_start: datetime
    date_end: datetime | None
    budget: Decimal | None = Field(description="A text with two decimals.")
    status: str | None
    channel_id: int | None
    odoo_id: int | None = Field(description="Number of Odoo's campaign.")
    odoo_sync_status: str | None = Field(description="`pending`, `success`, `error` or null.")
    odoo_sync_error: str | None
    created_at: datetime
    updated_at: datetime


class CampaignChange(Change):
    """A campaign in part: what is left out stays, null takes it away."""

    read_only: ClassVar = frozenset(CampaignOut.model_fields) - set(EDITABLE)

    name: Words100 = Field(default_factory=str)
    date_start: When = Field(default_factory=clock.now)
    date_end: When | None = Field(default=None, description="After `date_start`.")
    budget: Amount | None = Field(default=None, description="A number or a text, at most two decimals.")
    status: Words20 | None = None
    channel_id: Number | None = None


class CampaignIn(CampaignChange):
    """A campaign."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Primavera", "date_start": "2026-03-01T00:00:00Z", "budget": "1500.00"}]}
    )

    name: Words100
    date_start: When


class NewCampaign(CampaignIn):
    """A campaign to be added."""

    id: Number | None = Field(default=None, description=OWN_NUMBER)


@router.get("", summary="List campaigns")
def list_campaigns(query: Annotated[CampaignQuery, Query()]) -> Page[CampaignOut]:
    """Campaigns, by name, status, channel and time."""
    with reading() as session:
        rows, total, after = find_sorted(session, query.applied(select(Campaign)), SORTS, query)
    return Page(items=[CampaignOut.model_validate(row) for row in rows], total=total, next=after)


@router.post("", status_code=201, summary="Add a campaign", responses=documented(409) | MADE)
def create_campaign(body: NewCampaign, caller: Caller, response: Response) -> CampaignOut:
    """Adds a campaign. 409 where a number is given that is taken, or there is no such channel."""
    row = editing.committed(partial(catalogue.create_campaign, values=body.model_dump(), actor=actor(caller)))
    tag(response, row, EDITABLE, f"/api/v1/campaigns/{row.id}")
    return CampaignOut.model_validate(row)


@router.get("/{campaign_id:id}", summary="One campaign", responses=documented(404) | ONE)
def get_campaign(campaign_id: RowId, response: Response) -> CampaignOut:
    """The campaign."""
    with reading() as session:
        row = session.get(Campaign, campaign_id)
    if row is None:
        raise editing.missing("campaign", campaign_id)
    tag(response, row, EDITABLE)
    return CampaignOut.model_validate(row)


@router.put("/{campaign_id:id}", summary="Replace a campaign", responses=documented(404, 409, 412) | ONE)
def replace_campaign(
    campaign_id: RowId, body: CampaignIn, caller: Caller, response: Response, if_match: IfMatch = None
) -> CampaignOut:
    """Sets everything; what is left out is taken away."""
    return _changed(campaign_id, body.model_dump(), caller, response, if_match)


@router.patch("/{campaign_id:id}", summary="Change a campaign", responses=documented(404, 409, 412) | ONE)
def change_campaign(
    campaign_id: RowId, body: CampaignChange, caller: Caller, response: Response, if_match: IfMatch = None
) -> CampaignOut:
    """Sets what is given, null taking it away."""
    return _changed(campaign_id, body.given(), caller, response, if_match)


@router.delete("/{campaign_id:id}", status_code=204, summary="Delete a campaign", responses=documented(404, 409, 412))
def delete_campaign(campaign_id: RowId, caller: Caller, if_match: IfMatch = None) -> None:
    """Deletes a campaign in which nobody is; 409 names who is."""
    check = guard(if_match, EDITABLE)
    editing.committed(partial(catalogue.delete_campaign, campaign_id=campaign_id, actor=actor(caller), guard=check))


def _changed(
    campaign_id: int, values: dict[str, object], caller: Caller, response: Response, if_match: str | None
) -> CampaignOut:
    change = partial(catalogue.change_campaign, campaign_id=campaign_id, values=values)
    row = editing.committed(partial(change, actor=actor(caller), guard=guard(if_match, EDITABLE)))
    tag(response, row, EDITABLE)
    return CampaignOut.model_validate(row)
