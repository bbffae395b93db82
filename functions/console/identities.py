"""Who is who: say that identities are somebody else's, or that two people are one; seen first, and each undoes the other."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from functions.console.person import Person, called, no_such_person, read
from shared.console import masking, pages
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.crm import editing, people_edits
from shared.messages import consent
from shared.people import queries
from shared.store.session import reading, rehearse
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)

type Work = Callable[[Session], list[int]]
Rows = Annotated[list[int], Form()]


@router.post("/console/people/{person_id:id}/separate/rehearse")
def rehearse_separation(request: Request, person_id: RowId, operator: Signed, identity: Rows) -> Response:
    """Who would be who afterwards. Nothing is changed."""
    work = partial(people_edits.separate, number=person_id, leaving=frozenset(identity), actor=operator.actor)
    fields = [("identity", str(each)) for each in identity]
    return _rehearsed(request, person_id, work, "separate", fields)


@router.post("/console/people/{person_id:id}/separate")
def separate(person_id: RowId, operator: Signed, identity: Rows) -> Response:
    """These identities are somebody else's from now on, whatever events show later. Joining the two undoes it."""
    leaving = frozenset(identity)
    editing.committed(lambda session: people_edits.separate(session, person_id, leaving, operator.actor))
    return RedirectResponse(f"/console/people/{person_id}#identities", SEE_OTHER)


@router.post("/console/people/{person_id:id}/join/rehearse")
def rehearse_join(request: Request, person_id: RowId, operator: Signed, other: Annotated[int, Form()]) -> Response:
    """Who they would be together, and which stops would count for both. Nothing is changed."""
    work = partial(people_edits.join, first=person_id, second=other, actor=operator.actor)
    return _rehearsed(request, person_id, work, "join", [("other", str(other))])


@router.post("/console/people/{person_id:id}/join")
def join(person_id: RowId, operator: Signed, other: Annotated[int, Form()]) -> Response:
    """The two are one person, whatever kept them apart. A separation undoes it."""
    editing.committed(lambda session: people_edits.join(session, person_id, other, operator.actor))
    return RedirectResponse(f"/console/people/{person_id}#identities", SEE_OTHER)


def _rehearsed(request: Request, number: int, work: Work, what: str, fields: Sequence[tuple[str, str]]) -> Response:
    """The page of what `work` would do, with the form that does it."""
    with reading() as session:
        if queries.resolve(session, number) is None:
            raise no_such_person()
        name = called(session, number)

    def and_show(session: Session) -> tuple[list[Person], list[Any]]:
        found = [one for each in work(session) if (one := read(session, each)) is not None]
        known = [one for each in found for one in queries.identities(session, each.number)]
        stops = consent.stops(session, known)
        session.expunge_all()
        return found, list(stops)

    after, stops = rehearse(and_show)
    facts: dict[str, Any] = {"number": number, "name": name, "after": after, "stops": stops, "what": what, "fields": fields}
    heading = mark("Who would be who")
    return pages.render(request, "console/people_plan.html", here="people", heading=heading, shown=masking.masked, **facts)
