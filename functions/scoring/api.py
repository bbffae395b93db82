"""`/api/v1/scored-leads`: leads of ManyChat with their score, and how far HubSpot has them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, select

from functions.scoring.compare import SYSTEM
from functions.scoring.tables import ID_LENGTH, ScoredLead
from shared.readers.email import key as address_key
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute
from shared.web.paging import Moment, Page, PageQuery, find, text
from shared.web.reconciliations import ReconciliationSummary, SystemReport, asked_by, reports

router = APIRouter(prefix="/api/v1/scored-leads", tags=["Scored leads"], route_class=SecuredRoute)


class ScoredLeadQuery(PageQuery):
    """Filters of the list."""

    ext_id: Annotated[str, text(ID_LENGTH)] | None = Field(default=None, description="ManyChat's id.")
    email: Annotated[str, text(254)] | None = Field(default=None, description="In any case.")
    priority: Literal["high", "medium", "low"] | None = None
    hubspot_sync_status: Literal["pending", "success", "error", "skipped"] | None = None
    since: Moment | None = Field(default=None, description="Reported at this time or later.")

    def applied(self, query: Select[ScoredLead]) -> Select[ScoredLead]:
        """`query`, narrowed down."""
        given = {
            ScoredLead.ext_id: self.ext_id,
            ScoredLead.email: address_key(self.email) if self.email else None,
            ScoredLead.priority: self.priority,
            ScoredLead.hubspot_sync_status: self.hubspot_sync_status,
        }
        query = query.where(*(column == value for column, value in given.items() if value is not None))
        return query if self.since is None else query.where(ScoredLead.reported_at >= self.since)


class ScoredLeadOut(BaseModel):
    """A lead as its newest report has it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    source: str
    ext_id: str = Field(description="ManyChat's id.")
    first_name: str | None
    last_name: str | None
    email: str | None = Field(description="null where the one that was given is no address.")
    phone: str | None
    score: int
    priority: Literal["high", "medium", "low"]
    utm_source: str | None
    utm_campaign: str | None
    validation_errors: str = Field(description="Words between commas, such as `invalid_email_format`.")
    hubspot_contact_id: str | None
    hubspot_sync_status: str | None
    hubspot_sync_error: str | None
    hubspot_synced_at: datetime | None
    reported_at: datetime
    created_at: datetime
    updated_at: datetime


@router.get("", summary="List scored leads")
def list_scored_leads(query: Annotated[ScoredLeadQuery, Query()]) -> Page[ScoredLeadOut]:
    """Leads with an e-mail address or a phone number; others are kept as events only."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(ScoredLead)), ScoredLead.id, query)
        return Page(items=[ScoredLeadOut.model_validate(row) for row in rows], total=total, next=after)


@router.post("/comparisons", status_code=202, summary="Compare scored leads with their contacts in HubSpot")
def ask_for_scored_lead_comparison(caller: Caller) -> ReconciliationSummary:
    """Puts a comparison on its queue and answers at once. It only reports; what differs is mended by a plan."""
    return asked_by(caller, SYSTEM)


@router.get("/comparisons", summary="List comparisons of scored leads with HubSpot")
def list_scored_lead_comparisons(query: Annotated[PageQuery, Query()]) -> Page[SystemReport]:
    """Those of every night and those that were asked for: `missing` and `unsent` contacts, and properties that differ."""
    return reports((SYSTEM,), query)
