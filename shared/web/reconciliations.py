"""`/api/v1/odoo/reconciliations`: comparisons of our record with Odoo, asked for and reported."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from sqlalchemy import select

from shared import queues
from shared.crm import editing, reconciliations
from shared.problems import documented
from shared.setting_types import ApiKey
from shared.store.models import Reconciliation
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import Page, PageQuery, RowId, find

router = APIRouter(prefix="/api/v1/odoo/reconciliations", tags=["Odoo"], route_class=SecuredRoute)

State = Literal["asked", "done", "failed"]
LOCATION = {"Location": {"description": "Where its report will be.", "schema": {"type": "string"}}}


class ReconciliationQuery(PageQuery):
    """Filters of the list."""

    state: State | None = None
    dry_run: bool | None = None


class ReconciliationRequest(BaseModel):
    """What kind of comparison is wanted."""

    model_config = ConfigDict(extra="forbid")

    dry_run: StrictBool = Field(default=True, description="true: only report. false: repair what the policy allows.")


class ReconciliationSummary(BaseModel):
    """A comparison and its figures so far; they are null until the first page is done."""

    id: int
    state: State
    dry_run: bool
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None
    compared: int | None = Field(description="Records of ours that are said to be in step with Odoo.")
    in_step: int | None = Field(description="How many of them really are.")
    completeness: float | None = Field(description="`in_step` over `compared`, 0 to 1; 1 where there was nothing to compare.")
    repaired: int | None
    held_back: int | None = Field(description="Not repaired, for it would have been more than ODOO_RECONCILE_MAX_SHARE.")
    counts: dict[str, int] | None = Field(description="Differences by kind and fact, such as `by_hand:stage`.")
    error: str | None = Field(description="Why it failed.")


class ReconciliationReport(ReconciliationSummary):
    """A comparison with examples of what it found."""

    examples: dict[str, list[dict[str, Any]]] | None = Field(description="The first differences of each kind.")


class SystemReport(ReconciliationReport):
    """A comparison with a system other than Odoo."""

    system: str


@router.post(
    "",
    status_code=202,
    summary="Compare our record with Odoo",
    response_description="It will be done; `id` is the number of its report.",
    responses={202: {"headers": LOCATION}},
)
def ask_for_reconciliation(body: ReconciliationRequest, caller: Caller, response: Response) -> ReconciliationSummary:
    """Puts a comparison on its queue and answers at once. Without `dry_run: false` nothing is repaired."""
    asked = asked_by(caller, reconciliations.ODOO, dry_run=body.dry_run)
    response.headers["Location"] = f"/api/v1/odoo/reconciliations/{asked.id}"
    return asked


@router.get("", summary="List comparisons with Odoo")
def list_reconciliations(query: Annotated[ReconciliationQuery, Query()]) -> Page[ReconciliationSummary]:
    """Those of every night and those that were asked for, with their figures."""
    chosen = select(Reconciliation).where(Reconciliation.system == reconciliations.ODOO)
    for name in ("state", "dry_run"):
        if (value := getattr(query, name)) is not None:
            chosen = chosen.where(getattr(Reconciliation, name) == value)
    with reading() as session:
        rows, total, after = find(session, chosen, Reconciliation.id, query)
    return Page(items=[summary(row) for row in rows], total=total, next=after)


@router.get("/{reconciliation_id:id}", summary="One comparison with Odoo", responses=documented(404))
def get_reconciliation(reconciliation_id: RowId) -> ReconciliationReport:
    """The report: figures, completeness, and examples of each kind of difference."""
    with reading() as session:
        row = session.get(Reconciliation, reconciliation_id)
    if row is None or row.system != reconciliations.ODOO:
        raise editing.missing("reconciliation", reconciliation_id)
    return ReconciliationReport(**summary(row).model_dump(), examples=row.examples)


def asked_by(caller: ApiKey, system: str, *, dry_run: bool = True) -> ReconciliationSummary:
    """A comparison with a system, put on its queue for whoever calls.

    Raises:
        UnavailableError: the queue or the database cannot be written.
    """
    number = reconciliations.ask(queues.RECONCILE_QUEUE, actor(caller), dry_run=dry_run, system=system)
    with reading() as session:
        return summary(session.get_one(Reconciliation, number))


def reports(systems: Collection[str], query: PageQuery) -> Page[SystemReport]:
    """The comparisons with these systems, as a page of the list."""
    with reading() as session:
        chosen = select(Reconciliation).where(Reconciliation.system.in_(systems))
        rows, total, after = find(session, chosen, Reconciliation.id, query)
    found = [SystemReport(**summary(row).model_dump(), system=row.system, examples=row.examples) for row in rows]
    return Page(items=found, total=total, next=after)


def summary(row: Reconciliation) -> ReconciliationSummary:
    """The figures of a comparison, with whichever system."""
    values = {name: getattr(row, name) for name in ReconciliationSummary.model_fields if name != "completeness"}
    completeness = None
    if row.compared is not None and row.in_step is not None:
        completeness = row.in_step / row.compared if row.compared else 1.0
    return ReconciliationSummary(**values, completeness=completeness)
