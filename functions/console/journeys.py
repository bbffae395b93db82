"""Journeys: who gets what and when, how many people are where, and pausing one."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import func, select

from shared.console import listing, pages
from shared.console.listing import blank
from shared.console.navigation import Entry
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import RefusedError
from shared.journeys import history, load, pauses
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.session import reading
from shared.web import journeys as api
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="journeys", title=mark("Journeys"), path="/console/journeys", group="going-out", icon="journeys", place=1)


class Filters(BaseModel):
    """Which enrolments are listed."""

    state: Annotated[str | None, BeforeValidator(blank), Field(max_length=16)] = None
    after: Annotated[str | None, BeforeValidator(blank)] = None


@router.get("/console/journeys")
def journeys(request: Request) -> Response:
    """All journeys, with how many people stand where."""
    listed = api.list_journeys()
    return pages.render(request, "console/journeys.html", here="journeys", heading=mark("Journeys"), listed=listed)


@router.get("/console/journeys/{name}")
def journey(request: Request, name: str, filters: Annotated[Filters, Query()]) -> Response:
    """One journey: its steps with how many people have each before them, and who is in it."""
    found = load.journey(name)
    with reading() as session:
        query = select(Enrolment).where(Enrolment.journey == name)
        query = query if filters.state is None else query.where(Enrolment.state == filters.state)
        page = listing.page(session, query, Enrolment.id, filters.after)
        counted = session.execute(
            select(EnrolmentStep.step, EnrolmentStep.state, func.count())
            .join(Enrolment, Enrolment.id == EnrolmentStep.enrolment_id)
            .where(Enrolment.journey == name, Enrolment.state.in_(("active", "suspended")))
            .group_by(EnrolmentStep.step, EnrolmentStep.state)
        ).all()
        session.expunge_all()
    steps: dict[str, dict[str, int]] = {}
    for step, state, number in counted:
        steps.setdefault(step, {})[state] = number
    facts: dict[str, Any] = {"journey": api.get_journey(name), "steps": steps, "page": page, "filters": filters}
    facts |= {"title": found.name, "more": listing.address(request, after=page.next) if page.next else None}
    return pages.render(request, "console/journey.html", here="journeys", heading=name, **facts)


@router.get("/console/journeys/{name}/{enrolment_id:id}")
def enrolment(request: Request, name: str, enrolment_id: RowId) -> Response:
    """One person in a journey: every step with why it goes when it goes, or why it does not."""
    with reading() as session:
        row = session.get(Enrolment, enrolment_id)
        if row is None or row.journey != name:
            raise RefusedError(404, "no-such-enrolment", mark("There is nobody of that number in this journey."))
        story = history.story(session, row)
        session.expunge_all()
    return pages.render(request, "console/enrolment.html", here="journeys", heading=name, story=story)


@router.post("/console/journeys/{name}/pause")
def pause(name: str, operator: Signed) -> Response:
    """Let it stand still; nobody is lost."""
    load.journey(name)
    pauses.pause(name, operator.actor)
    return RedirectResponse(f"/console/journeys/{name}", SEE_OTHER)


@router.post("/console/journeys/{name}/resume")
def resume(name: str, operator: Signed) -> Response:
    """Let it go on; due times move by the length of the pause."""
    load.journey(name)
    pauses.resume(name, operator.actor)
    return RedirectResponse(f"/console/journeys/{name}", SEE_OTHER)
