"""Records: the flows' own lists (bookings, payments, invoices, ...), and what is known of one row."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.console import people
from shared.console import listing, pages, records
from shared.console.listing import blank
from shared.console.navigation import Entry
from shared.console.records import Records
from shared.console.routes import SEE_OTHER, ConsoleRoute
from shared.console.words import mark
from shared.errors import RefusedError
from shared.store.models import Delivery
from shared.store.session import reading
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="records", title=mark("Records"), path="/console/records", group="made-of", icon="records", place=2)
MOST_DELIVERIES = 20


class Filters(BaseModel):
    """What a list is narrowed to."""

    state: Annotated[str | None, BeforeValidator(blank), Field(max_length=40)] = None
    q: Annotated[str | None, BeforeValidator(blank), Field(max_length=100)] = None
    after: Annotated[str | None, BeforeValidator(blank)] = None


@router.get("/console/records")
def index(request: Request) -> Response:
    """Every list that a flow brings."""
    lists = sorted(records.by_name().values(), key=lambda one: one.title)
    return pages.render(request, "console/records.html", here="records", heading=mark("Records"), lists=lists)


@router.get("/console/records/{name}")
def rows(request: Request, name: str, filters: Annotated[Filters, Query()]) -> Response:
    """One list, newest first."""
    chosen = records.named(name)
    with reading() as session:
        page = listing.page(session, chosen.query(filters.state, filters.q), chosen.model.id, filters.after)
        session.expunge_all()
    facts: dict[str, Any] = {"records": chosen, "filters": filters, "page": page}
    facts |= {"more": listing.address(request, after=page.next) if page.next else None}
    return pages.render(request, "console/record_list.html", here="records", heading=chosen.title, **facts)


@router.get("/console/records/{name}/{row_id:id}")
def row(request: Request, name: str, row_id: RowId) -> Response:
    """One row: its facts, and the newest deliveries about whom it is about."""
    chosen = records.named(name)
    with reading() as session:
        found = _found(session, chosen, row_id)
        facts, called, subject = chosen.facts(found), chosen.called(found), chosen.subject(found)
        query = select(Delivery).where(Delivery.subject == (subject or "")).order_by(Delivery.id.desc()).limit(MOST_DELIVERIES)
        deliveries = session.scalars(query).all() if subject else []
        session.expunge_all()
    shown: dict[str, Any] = {"records": chosen, "facts": facts, "called": called, "subject": subject, "deliveries": deliveries}
    return pages.render(request, "console/record.html", here="records", heading=called, **shown)


@router.get("/console/records/{name}/{row_id:id}/person")
def person(name: str, row_id: RowId) -> Response:
    """The page of whoever a row is about, whose address stands in no address of ours; the search where nobody is known."""
    chosen = records.named(name)
    with reading() as session:
        subject = chosen.subject(_found(session, chosen, row_id))
        known = sorted(people.numbers(session, subject)) if subject else []
    return RedirectResponse(f"/console/people/{known[0]}" if known else "/console/people", SEE_OTHER)


def _found(session: Session, chosen: Records, row_id: int) -> Any:
    """The row. Raises RefusedError, 404."""
    found = session.get(chosen.model, row_id)
    if found is None:
        raise RefusedError(404, "not-found", mark("There is nothing at this address, or no longer."))
    return found
