"""An address for every page of the console, out of the routes of the app: what goes over all pages leaves none out."""

import re
from collections.abc import Iterator, Mapping

from fastapi import APIRouter

from shared import flows
from shared.console.routes import READS, ConsoleRoute
from tests.functions.console.filling import BROADCAST, JOURNEY, RUN

PLACES: Mapping[str, tuple[str, ...]] = {
    "/console/answers/{message_id:id}/person": ("/console/answers/1/person",),
    "/console/approvals/{approval_id:id}": ("/console/approvals/1", "/console/approvals/2"),
    "/console/broadcasts/executions/{execution_id}": (f"/console/broadcasts/executions/{RUN}",),
    "/console/broadcasts/{automation_id}": (f"/console/broadcasts/{BROADCAST}",),
    "/console/broadcasts/{automation_id}/audience": (f"/console/broadcasts/{BROADCAST}/audience",),
    "/console/broadcasts/{automation_id}/pace": (f"/console/broadcasts/{BROADCAST}/pace",),
    "/console/broadcasts/{automation_id}/start": (f"/console/broadcasts/{BROADCAST}/start",),
    "/console/broadcasts/{automation_id}/text": (f"/console/broadcasts/{BROADCAST}/text",),
    "/console/deliveries/{delivery_id:id}": ("/console/deliveries/1",),
    "/console/executions/{event_id:id}": ("/console/executions/1", "/console/executions/2"),
    "/console/flows/{name}": tuple(f"/console/flows/{name}" for name in ("leads", "contacts", "opportunities")),
    "/console/flows/{name}/try": ("/console/flows/opportunities/try", "/console/flows/leads/try"),
    "/console/journeys/{name}": (f"/console/journeys/{JOURNEY}", "/console/journeys/encuesta_de_interes"),
    "/console/journeys/{name}/versions/{version_id}": (f"/console/journeys/{JOURNEY}/versions/1",),
    "/console/journeys/{name}/{enrolment_id:id}": (f"/console/journeys/{JOURNEY}/1",),
    "/console/lists/{name}": tuple(f"/console/lists/{name}" for name in ("stages", "advisors", "channels")),
    "/console/outages/{outage_id:id}": ("/console/outages/1",),
    "/console/people/{person_id:id}": ("/console/people/1",),
    "/console/people/{person_id:id}/erase": ("/console/people/1/erase",),
    "/console/plans/{number:id}": ("/console/plans/1", "/console/plans/2"),
    "/console/records/{name}": ("/console/records/bookings", "/console/records/invoices"),
    "/console/records/{name}/{row_id:id}": ("/console/records/bookings/1",),
    "/console/records/{name}/{row_id:id}/person": ("/console/records/bookings/1/person",),
    "/console/reports/comparison/{number:id}": ("/console/reports/comparison/1",),
    "/console/stopped/{letter_id:id}": ("/console/stopped/1",),
    "/console/systems/{name}": ("/console/systems/odoo", "/console/systems/discord"),
    "/console/texts/{name}": ("/console/texts/lead_welcome", "/console/texts/broadcast_news?person=nobody"),
    "/console/texts/{name}/edit": ("/console/texts/broadcast_news/edit", "/console/texts/lead_welcome/edit?locale=en"),
    "/console/texts/{name}/versions/{number}": ("/console/texts/broadcast_news/versions/2",),
    "/console/tries/{trial_id:id}": ("/console/tries/1",),
}
"""For each page with a place in its address, with what it is opened, over the record of `filling.fill` and `fill_rest`."""
NO_PAGES: Mapping[str, str] = {
    "/console/journeys/{name}/picture": "an image, which stands on the journey's page",
    "/console/reports/{table}.csv": "a file",
    "/console/texts/{name}/file": "a file",
    "/console/texts/{name}/shown": "a mail as its recipient has it, which stands in the frame of its page",
    "/console/executions/newer": "the part of a list that says how many rows are new",
}
"""What is read under the console's address and is no page by itself, and what it is."""
FURTHER = ("/console?by=system", "/console/people?q=nobody", "/console/executions?since=&state=open", "/console/executions/999")
"""Pages that look otherwise with something in their address."""


def flat(router: APIRouter) -> Iterator[object]:
    """The routes of a router and of those that it includes."""
    for route in router.routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from flat(included)


def routes() -> list[ConsoleRoute]:
    """Every page and action of the console, of all flows."""
    every = (route for router in flows.parts("routers") for route in flat(router))
    return [route for route in every if isinstance(route, ConsoleRoute)]


def methods(route: ConsoleRoute) -> frozenset[str]:
    return frozenset(route.methods or ())


def of_page(path: str) -> tuple[str, ...]:
    """The addresses under which the page of a route is opened; none where it is no page by itself.

    Raises:
        AssertionError: it has places, and nobody has said with what they are filled.
    """
    if path in NO_PAGES:
        return ()
    if not re.search(r"[{}]", path):
        return (path,)
    assert path in PLACES, (
        f"{path} is a new page: say in PLACES of tests/functions/console/addresses.py with what it is opened, and have "
        "`fill_rest` in filling.py put that into the record; if it is no page, say in NO_PAGES what it is"
    )
    return PLACES[path]


def pages() -> dict[str, list[str]]:
    """Every page of the console by the path of its route, each with its addresses; `FURTHER` is under an empty path."""
    found = {route.path: [*of_page(route.path)] for route in routes() if methods(route) <= READS}
    return {path: addresses for path, addresses in found.items() if addresses} | {"": list(FURTHER)}
