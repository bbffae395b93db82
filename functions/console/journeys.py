"""Journeys: who gets what and when and got it, how many people are where, versions with their difference, and pausing one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import select

from shared.console import differences, listing, pages, phrases, words
from shared.console.listing import blank
from shared.console.navigation import Entry
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import RefusedError
from shared.journeys import figures, forecast, history, load, pauses, picture, versions
from shared.journeys.definition import Journey
from shared.journeys.figures import Figures
from shared.journeys.forecast_lines import Line
from shared.journeys.speech import Speech
from shared.messages import templates
from shared.store.journey_models import Enrolment, JourneyPause
from shared.store.session import reading
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="journeys", title=mark("Journeys"), path="/console/journeys", group="going-out", icon="journeys", place=1)


UNSETTLED = frozenset(("waiting", "planned"))
"""States of a step that is still to come."""


class Filters(BaseModel):
    """Which enrolments are listed."""

    state: Annotated[str | None, BeforeValidator(blank), Field(max_length=16)] = None
    after: Annotated[str | None, BeforeValidator(blank)] = None


@dataclass(frozen=True)
class Row:
    """A journey in the list: since when it stands still, and its figures, where it was counted."""

    journey: Journey
    paused_at: datetime | None
    figures: Figures | None


@dataclass(frozen=True)
class StepRow:
    """A step of a journey: what somebody who enters now would get of it, and what became of it for those before them."""

    line: Line
    has_text: bool
    now: Mapping[str, int]
    newest: Mapping[str, int]

    @property
    def settled(self) -> int:
        """For how many of the newest it is settled."""
        return sum(number for state, number in self.newest.items() if state not in UNSETTLED)


@router.get("/console/journeys")
def journeys(request: Request) -> Response:
    """All journeys, with how many people stand where, as a job has counted them."""
    defined = load.definitions()
    with reading() as session:
        counted = figures.of(session, list(defined))
        paused = {name: pauses.is_paused(session, name) for name in defined}
        listed = [Row(one, _since(paused[name]), counted.get(name)) for name, one in defined.items()]
    return pages.render(request, "console/journeys.html", here="journeys", heading=mark("Journeys"), listed=listed)


@router.get("/console/journeys/{name}")
def journey(request: Request, name: str, filters: Annotated[Filters, Query()]) -> Response:
    """One journey: its steps, what each would do for somebody now and has done for others, its versions, who is in it."""
    found = load.journey(name)
    lines = forecast.forecast(found, forecast.newcomer({}))
    with reading() as session:
        counted = figures.of(session, [name]).get(name)
        query = select(Enrolment).where(Enrolment.journey == name)
        query = query if filters.state is None else query.where(Enrolment.state == filters.state)
        page = listing.page(session, query, Enrolment.id, filters.after)
        facts: dict[str, Any] = {
            "paused_at": _since(pauses.is_paused(session, name)),
            "versions": versions.known(session, name),
        }
        session.expunge_all()
    facts |= {
        "journey": found,
        "figures": counted,
        "steps": [_step(line, counted) for line in lines],
        "page": page,
        "filters": filters,
        "version": found.version(),
        "definition": versions.text_now(found),
        "more": listing.address(request, after=page.next) if page.next else None,
    }
    return pages.render(request, "console/journey.html", here="journeys", heading=_title(request, name), **facts)


def _since(pause: JourneyPause | None) -> datetime | None:
    return pause.paused_at if pause else None


def _step(line: Line, counted: Figures | None) -> StepRow:
    has_text = templates.find(line.template) is not None
    if counted is None:
        return StepRow(line, has_text, {}, {})
    return StepRow(line, has_text, counted.now.get(line.step, {}), counted.newest.get(line.step, {}))


def _title(request: Request, name: str) -> str:
    """What it is called, in the reader's language."""
    return str(pages.declared(request, words.JOURNEY, load.journey(name).title))


@router.get("/console/journeys/{name}/picture")
def drawn(request: Request, name: str) -> Response:
    """The journey as a picture, for somebody who enters now."""
    found, reader = load.journey(name), pages.reader_of(request)
    speech = Speech(
        words=partial(phrases.shown, reader.language),
        title=lambda title: pages.declared(request, words.JOURNEY, title),
        locale=str(reader.locale),
    )
    svg = picture.picture_of(found, forecast.forecast(found, forecast.newcomer({})), speech)
    return Response(svg, media_type="image/svg+xml", headers=pages.HEADERS)


@router.get("/console/journeys/{name}/versions/{version_id}")
def version(request: Request, name: str, version_id: RowId) -> Response:
    """A version by which people have entered: what it changed, and what has changed since."""
    found = load.journey(name)
    with reading() as session:
        every = versions.known(session, name)
        session.expunge_all()
    place = next((place for place, one in enumerate(every) if one.id == version_id), None)
    if place is None:
        raise RefusedError(404, "no-such-version", mark("This journey has no such version."))
    text = versions.text_of(every[place].definition)
    before = versions.text_of(every[place + 1].definition) if place + 1 < len(every) else None
    facts: dict[str, Any] = {
        "title": name,
        "row": every[place],
        "is_running": every[place].hash == found.version(),
        "since": differences.lines(before, text) if before is not None else None,
        "until_now": differences.lines(text, versions.text_now(found)),
        "text": text,
    }
    return pages.render(request, "console/journey_version.html", here="journeys", heading=_title(request, name), **facts)


@router.get("/console/journeys/{name}/{enrolment_id:id}")
def enrolment(request: Request, name: str, enrolment_id: RowId) -> Response:
    """One person in a journey: every step with why it goes when it goes, or why it does not."""
    with reading() as session:
        row = session.get(Enrolment, enrolment_id)
        if row is None or row.journey != name:
            raise RefusedError(404, "no-such-enrolment", mark("There is nobody of that number in this journey."))
        story = history.story(session, row)
        session.expunge_all()
    return pages.render(request, "console/enrolment.html", here="journeys", heading=_title(request, name), story=story)


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
