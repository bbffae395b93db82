"""Reports: effectiveness and cost, what happened in a period, how long changes took, comparisons with others; CSV as well."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from functions.console.report_tables import BY_NAME, TABLES
from shared.console import listing, pages
from shared.console.navigation import Entry
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import RefusedError
from shared.plans import backfills, running
from shared.readers import sheet_cells
from shared.store.models import Reconciliation
from shared.store.session import reading
from shared.watch.day_figures import last_days
from shared.watch.summary import summary
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="reports", title=mark("Reports"), path="/console/reports", group="made-of", icon="reports", place=3)

Days = Literal["1", "7", "30"]
Summary = Literal["events", "contacts_by_channel", "opportunities_by_stage", "assignments"]
TITLES: Mapping[Summary, str] = {
    "events": mark("Events"),
    "contacts_by_channel": mark("Contacts by channel"),
    "opportunities_by_stage": mark("Opportunities by stage"),
    "assignments": mark("Assignments"),
}
LAG = "sync_lag"
COMPARED = ("system", "asked_at", "finished_at", "state", "compared", "in_step", "repaired", "held_back", "error")
MOST_COMPARED = 1000


@router.get("/console/reports")
def reports(request: Request, days: Annotated[Days, Query()] = "7", after: str | None = None) -> Response:
    """The figures of the last days, and the comparisons with other systems."""
    now = pages.reader_of(request).now
    found = summary(now - timedelta(days=int(days)), now)
    since, until = last_days(int(days), now)
    with reading() as session:
        effects = [(table, list(table.rows(session, since, until))) for table in TABLES]
        page = listing.page(session, select(Reconciliation), Reconciliation.id, after, 20)
        session.expunge_all()
    tables = {name: (TITLES[name], _columns(found[name]), found[name]) for name in TITLES}
    facts: dict[str, Any] = {"days": days, "effects": effects, "tables": tables, "lag": found[LAG], "page": page}
    facts |= {"more": listing.address(request, after=page.next) if page.next else None}
    return pages.render(request, "console/reports.html", here="reports", heading=mark("Reports"), **facts)


@router.get("/console/reports/{table}.csv")
def as_csv(request: Request, table: str, days: Annotated[Days, Query()] = "7") -> Response:
    """One table of the report as a file. What a spreadsheet would take for a formula is written with a quote before it."""
    now = pages.reader_of(request).now
    columns, rows = _filed(table, int(days), now)
    written = io.StringIO()
    writer = csv.DictWriter(written, columns)
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    headers = pages.HEADERS | {"Content-Disposition": f'attachment; filename="{table}.csv"'}
    return Response(written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/console/reports/comparison/{number:id}")
def comparison(request: Request, number: RowId) -> Response:
    """What a comparison with a system found."""
    with reading() as session:
        row = session.get(Reconciliation, number)
        session.expunge_all()
    if row is None:
        raise RefusedError(404, "no-such-reconciliation", mark("There is no such comparison, or no longer."))
    return pages.render(request, "console/comparison.html", here="reports", heading=row.system, row=row)


@router.post("/console/reports/comparison/{number:id}/backfill")
def backfill(number: RowId, operator: Signed) -> Response:
    """What mending the differences of a comparison would do; nothing of it is done."""
    with reading() as session:
        wanted = backfills.asked(session, number)
    begun = running.begin(backfills.NAME, wanted, operator.actor, operator.name)
    return RedirectResponse(f"/console/plans/{begun}", SEE_OTHER)


def _filed(table: str, days: int, now: datetime) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
    """The columns and rows of a table. Raises RefusedError, 404, where there is no such table."""
    if table in BY_NAME:
        with reading() as session:
            return list(BY_NAME[table].columns), list(BY_NAME[table].rows(session, *last_days(days, now)))
    if table == "comparisons":
        return COMPARED, _compared(now - timedelta(days=days))
    if table not in (*TITLES, LAG):
        raise RefusedError(404, "not-found", mark("There is nothing at this address, or no longer."))
    found = summary(now - timedelta(days=days), now)
    rows: Sequence[Mapping[str, Any]] = [found[LAG]] if table == LAG else found[table]
    return _columns(rows), rows


def _compared(since: datetime) -> list[dict[str, Any]]:
    """The comparisons asked for since then, newest first, as many as a file may have rows."""
    query = select(Reconciliation).where(Reconciliation.asked_at >= since).order_by(Reconciliation.id.desc())
    with reading() as session:
        return [{name: getattr(row, name) for name in COMPARED} for row in session.scalars(query.limit(MOST_COMPARED))]


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(rows[0]) if rows else []


def _cell(value: Any) -> Any:
    return sheet_cells.written(value) if isinstance(value, str) else value
