"""`/api/v1/crm/opportunities`: where each person stands, how they got there, and what Odoo knows of it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from shared.crm import editing, odoo_sync, resync
from shared.errors import RefusedError
from shared.problems import documented
from shared.settings import get_settings
from shared.store.models import MANYCHAT_ID_LENGTH, Opportunity, StageChange, StageMapping
from shared.store.session import reading
from shared.web import sync_delivery
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import Moment, Page, PageQuery, RowId, find, text
from shared.web.sync_delivery import SyncDelivery

router = APIRouter(prefix="/api/v1/crm/opportunities", tags=["Opportunities"], route_class=SecuredRoute)

LONGEST_HISTORY = 1000


class OpportunityQuery(PageQuery):
    """Filters of the list."""

    manychat_id: Annotated[str, text(MANYCHAT_ID_LENGTH)] | None = None
    stage_id: int | None = Field(default=None, ge=1, lt=2**31, description="Odoo's number of the present stage.")
    odoo_sync_status: Literal["pending", "success", "error", "shadowed"] | None = None
    advisor_id: int | None = Field(default=None, ge=1, lt=2**31, description="The medical or the commercial advisor.")
    since: Moment | None = Field(default=None, description="In its stage since this time or later.")
    until: Moment | None = Field(default=None, description="In its stage since before this time.")

    def applied(self, query: Select[Opportunity]) -> Select[Opportunity]:
        """`query`, narrowed down."""
        for name in ("manychat_id", "stage_id", "odoo_sync_status"):
            if (value := getattr(self, name)) is not None:
                query = query.where(getattr(Opportunity, name) == value)
        if self.advisor_id is not None:
            query = query.where(resync.of_advisor(self.advisor_id))
        if self.since is not None:
            query = query.where(Opportunity.state_date >= self.since)
        if self.until is not None:
            query = query.where(Opportunity.state_date < self.until)
        return query


class StageChangeOut(BaseModel):
    """A stage that was reported."""

    stage_id: int
    stage_name: str | None
    state_date: datetime
    summary: str | None
    applied: bool = Field(description="false: a newer stage was known already when this one arrived.")
    recorded_at: datetime


class OpportunityOut(BaseModel):
    """A person's opportunity. `odoo_...` tells how far Odoo's lead is in step; null where ODOO_SYNC_MODE wants no leads."""

    id: int
    manychat_id: str
    contact_id: int
    stage_id: int | None = Field(description="Odoo's number of the stage.")
    stage_name: str | None = Field(description="Odoo's name of the stage, as the stage map has it.")
    manychat_stage: str | None = Field(description="ManyChat's name of the stage.")
    state_date: datetime | None = Field(description="When the stage was reached.")
    summary: str | None
    entry_date: datetime | None
    medical_advisor_id: int | None
    commercial_advisor_id: int | None
    odoo_lead_id: int | None
    odoo_sync_status: str | None = Field(description="`pending`, `success`, `error` or null.")
    odoo_sync_error: str | None
    odoo_sync_attempts: int
    synced_at: datetime | None = Field(description="When Odoo last took it.")
    created_at: datetime
    updated_at: datetime
    stage_history: list[StageChangeOut] = Field(description=f"By `state_date`, oldest first; the newest {LONGEST_HISTORY}.")


class OpportunityDetail(OpportunityOut):
    """An opportunity with the state of its sync."""

    delivery: SyncDelivery | None = Field(description="The newest delivery to Odoo; null where there never was one.")


OWN_NAMES = {"stage_name", "manychat_stage", "odoo_lead_id", "synced_at", "stage_history", "delivery"}


@router.get("", summary="List opportunities")
def list_opportunities(query: Annotated[OpportunityQuery, Query()]) -> Page[OpportunityOut]:
    """Opportunities with their stages, past and present."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Opportunity)), Opportunity.id, query)
        return Page(items=_all_shown(session, rows), total=total, next=after)


@router.get("/{opportunity_id:id}", summary="One opportunity", responses=documented(404))
def get_opportunity(opportunity_id: RowId) -> OpportunityDetail:
    """The opportunity with its stage history, and how far Odoo is in step."""
    with reading() as session:
        row = session.get(Opportunity, opportunity_id)
        if row is None:
            raise editing.missing("opportunity", opportunity_id)
        return _detail(session, row)


@router.post(
    "/{opportunity_id:id}/sync",
    status_code=202,
    summary="Bring Odoo up to date now",
    response_description="It will be done; the opportunity with the delivery that does it.",
    responses=documented(404, 409),
)
def sync_opportunity(opportunity_id: RowId, caller: Caller) -> OpportunityDetail:
    """Asks for the sync, whether anything has changed or not; one that waits for its next attempt is tried at once.

    Doing it twice is harmless: a sync sends what our record says then. 409 where ODOO_SYNC_MODE wants no leads.
    """
    if get_settings().odoo_sync_mode == "contacts":
        raise RefusedError(409, "not-synced", "ODOO_SYNC_MODE wants no leads in Odoo.")

    def work(session: Session) -> OpportunityDetail:
        row = editing.locked_row(session, Opportunity, opportunity_id, "opportunity")
        odoo_sync.ask(session, row.contact, row)
        editing.log(session, actor(caller), "opportunity.sync", row.manychat_id)
        session.flush()
        return _detail(session, row)

    return editing.committed(work)


def _all_shown(session: Session, rows: Sequence[Opportunity]) -> list[OpportunityOut]:
    changes = _changes(session, [row.id for row in rows])
    past = {change.stage_id for some in changes.values() for change in some}
    stages = _stages(session, past | {row.stage_id for row in rows if row.stage_id is not None})
    return [_shown(row, changes[row.id], stages) for row in rows]


def _detail(session: Session, row: Opportunity) -> OpportunityDetail:
    (shown,) = _all_shown(session, [row])
    delivery = sync_delivery.newest(session, odoo_sync.OPPORTUNITIES, row)
    return OpportunityDetail(**shown.model_dump(), delivery=delivery)


def _changes(session: Session, opportunity_ids: Sequence[int]) -> dict[int, list[StageChange]]:
    """The newest changes of each opportunity, oldest of them first."""
    newest_first = (StageChange.state_date.desc(), StageChange.id.desc())
    place = func.row_number().over(partition_by=StageChange.opportunity_id, order_by=newest_first)
    numbered = select(StageChange, place.label("place")).where(StageChange.opportunity_id.in_(opportunity_ids)).subquery()
    change = aliased(StageChange, numbered)
    query = select(change).where(numbered.c.place <= LONGEST_HISTORY).order_by(change.state_date, change.id)
    found: dict[int, list[StageChange]] = defaultdict(list)
    for row in session.scalars(query):
        found[row.opportunity_id].append(row)
    return found


def _stages(session: Session, stage_ids: set[int]) -> dict[int, StageMapping]:
    """The stage map's first row for each stage."""
    query = select(StageMapping).where(StageMapping.odoo_stage_id.in_(stage_ids)).order_by(StageMapping.id.desc())
    return {stage.odoo_stage_id: stage for stage in session.scalars(query)}


def _shown(row: Opportunity, changes: Sequence[StageChange], stages: dict[int, StageMapping]) -> OpportunityOut:
    same = {name: getattr(row, name) for name in OpportunityOut.model_fields if name not in OWN_NAMES}
    stage = stages.get(row.stage_id) if row.stage_id is not None else None
    return OpportunityOut(
        **same,
        stage_name=stage.odoo_name if stage else None,
        manychat_stage=stage.manychat_name if stage else None,
        odoo_lead_id=row.odoo_id,
        synced_at=row.odoo_synced_at,
        stage_history=[_change_shown(change, stages) for change in changes],
    )


def _change_shown(change: StageChange, stages: dict[int, StageMapping]) -> StageChangeOut:
    stage = stages.get(change.stage_id)
    return StageChangeOut(
        stage_id=change.stage_id,
        stage_name=stage.odoo_name if stage else None,
        state_date=change.state_date,
        summary=change.summary,
        applied=change.applied,
        recorded_at=change.recorded_at,
    )
