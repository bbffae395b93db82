"""`/api/v1/leads`: who has asked for a service through the form, and everything that was done about it."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, select

from functions.leads import log
from functions.leads.log import LogPlace
from functions.leads.tables import Lead
from shared.crm import editing
from shared.crm.people import e164
from shared.intake.fields import Text
from shared.problems import documented
from shared.readers.email import key as address_key
from shared.settings import get_settings
from shared.store.session import reading
from shared.web.auth import SecuredRoute
from shared.web.cursor import After, Cursor
from shared.web.paging import Moment, Page, RowId, text
from shared.web.sorting import LONGEST_SEARCH, SortedQuery, containing, find_sorted

router = APIRouter(prefix="/api/v1/leads", tags=["Leads"], route_class=SecuredRoute)

SORTS = {"id": Lead.id, "received_at": Lead.received_at}
JSON_LINES = "application/x-ndjson"
LOG_CURSOR = Cursor(datetime, int, int, int)


class LeadQuery(SortedQuery):
    """Filters of the list. Numbers of leads have no order of their own, so lists go by when they came."""

    sort: Literal["received_at", "-received_at"] | None = Field(default=None, description="Not together with `order`.")
    q: Annotated[str, Text(LONGEST_SEARCH, at_least=1)] | None = Field(
        default=None, description="A part of the name, the company or the e-mail address, or of the phone number."
    )
    email: Annotated[str, text(254)] | None = None
    phone: Annotated[str, text(100)] | None = Field(
        default=None, description="In any spelling; a number without a country code is taken to be of DEFAULT_PHONE_REGION."
    )
    status: Literal["new", "booked", "paid"] | None = None
    service: Annotated[str, text(200)] | None = None
    source: Annotated[str, text(200)] | None = None
    kommo_sync_status: Literal["pending", "success", "error", "shadowed"] | None = None
    since: Moment | None = Field(default=None, description="Received at this time or later.")
    until: Moment | None = Field(default=None, description="Received before this time.")

    @property
    def by(self) -> str:
        """The field to sort by, with a minus for the largest first."""
        return self.sort or ("-received_at" if self.order == "newest" else "received_at")

    def applied(self, query: Select[Lead]) -> Select[Lead]:
        """`query`, narrowed down."""
        for name in ("status", "service", "source", "kommo_sync_status"):
            if (value := getattr(self, name)) is not None:
                query = query.where(getattr(Lead, name) == value)
        if self.email is not None:
            query = query.where(Lead.email == address_key(self.email))
        if self.phone is not None:
            query = query.where(_has_phone(self.phone))
        if self.q is not None:
            query = query.where(containing(self.q, Lead.name, Lead.company, Lead.email, phone=Lead.phone))
        if self.since is not None:
            query = query.where(Lead.received_at >= self.since)
        return query if self.until is None else query.where(Lead.received_at < self.until)


def _has_phone(phone: str) -> ColumnElement[bool]:
    number = e164(phone.strip(), get_settings().default_phone_region)
    return Lead.phone == number if number else Lead.phone_original == phone


class LeadOut(BaseModel):
    """A lead. `kommo_...` is how far Kommo is in step; null where Kommo is not used."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="Our number, which the form's answer and the booking link carry.")
    name: str
    email: str
    phone: str | None = Field(description="In E.164; null where what was sent is no possible number.")
    phone_original: str = Field(description="As it was sent.")
    company: str
    service: str
    source: str
    status: Literal["new", "booked", "paid"]
    captcha: str | None = Field(description="`passed`, `unchecked` (it could not be asked), or null where none is set up.")
    received_at: datetime
    said_at: datetime = Field(description="When the newest form about it came.")
    forms: int = Field(description="How many forms about it came with facts of their own; those of the first are kept.")
    first_contact_at: datetime | None = Field(description="When messages to them may begin; null where they are not contacted.")
    kommo_lead_id: int | None
    kommo_contact_id: int | None
    kommo_sync_status: str | None = Field(description="`pending`, `success`, `error` or null.")
    kommo_sync_error: str | None
    kommo_sync_attempts: int
    synced_at: datetime | None = Field(description="When Kommo last took it.")


class LogQuery(BaseModel):
    """Which part of the log, and in which form."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=200, ge=1, le=1000, description="Most entries in one answer; JSON Lines hold all.")
    after: After | None = Field(default=None, description="The `next` of the page before; the first page if left out.")
    format: Literal["json", "jsonl"] | None = Field(
        default=None, description=f"`jsonl`, or `Accept: {JSON_LINES}`, for the whole log as JSON Lines."
    )


class LogEntry(BaseModel):
    """One action, as the old system logged it."""

    timestamp: datetime
    channel: str = Field(description="`kommo`, `email`, `call`, `message`, `error`, `form`, `booking`, `journey`.")
    data: dict[str, Any] = Field(description="`action`, `lead_id`, `status`, and what else is known: `provider`, `sid`, ...")


class LeadLog(BaseModel):
    """One page of a log, oldest first."""

    items: list[LogEntry]
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


@router.get("", summary="List leads")
def list_leads(query: Annotated[LeadQuery, Query()]) -> Page[LeadOut]:
    """Leads, the newest first."""
    with reading() as session:
        rows, total, after = find_sorted(session, query.applied(select(Lead)), SORTS, query)
    return Page(items=[_shown(row) for row in rows], total=total, next=after)


@router.get("/{lead_id:id}", summary="One lead", responses=documented(404))
def get_lead(lead_id: RowId) -> LeadOut:
    """The lead as our record knows it now."""
    with reading() as session:
        row = session.get(Lead, lead_id)
    if row is None:
        raise editing.missing("lead", lead_id)
    return _shown(row)


@router.get(
    "/{lead_id:id}/log",
    summary="A lead's log",
    response_model=LeadLog,
    responses=documented(404) | {200: {"content": {JSON_LINES: {"schema": {"type": "string"}}}}},
)
def get_log(lead_id: RowId, query: Annotated[LogQuery, Query()], accept: Annotated[str, Header()] = "") -> Any:
    """Every action on the lead, oldest first: form, bookings, decisions of journeys, what was planned and what came of it."""
    after = LogPlace(*LOG_CURSOR.place(query.after)) if query.after is not None else None
    with reading() as session:
        lead = session.get(Lead, lead_id)
        if lead is None:
            raise editing.missing("lead", lead_id)
        found = log.entries(session, lead)
    found = [entry for entry in found if after is None or entry.place > after]
    if query.format == "jsonl" or (query.format is None and JSON_LINES in accept):
        lines = (json.dumps(entry.as_json(), ensure_ascii=False) + "\n" for entry in found)
        return Response("".join(lines), media_type=JSON_LINES)
    shown = found[: query.limit]
    return LeadLog(
        items=[LogEntry(**entry.as_json()) for entry in shown],
        next=LOG_CURSOR.text(*shown[-1].place) if len(found) > query.limit else None,
    )


def _shown(row: Lead) -> LeadOut:
    same = {name: getattr(row, name) for name in LeadOut.model_fields if name != "synced_at"}
    return LeadOut(**same, synced_at=row.kommo_synced_at)
