"""What meetings ask of Google's and Microsoft's calendars, and what the sandbox answers, held against their descriptions."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import discovery
import pytest
import vendor_specs

from shared import clock
from shared.vendors.rest_client import drop_connections
from tests.support import calendars
from tests.support.calendars import JUAN, MARIA, PEDRO, STRANGER, Office
from tests.support.messages import CONFIGURED, PostOffice
from tests.support.world import World

ROOT = "/google/calendar/v3"
TOKENS = ("/google/oauth2/token", "/oauth2/v2.0/token")


@pytest.fixture
def lived(
    request: pytest.FixtureRequest, world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
) -> Iterator[Office]:
    """An office in which a meeting was booked, moved, answered, listened to and cancelled."""
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    test_clock.moment = test_clock.moment.replace(hour=16, minute=0)
    with PostOffice().installed(environment) as post:
        office = calendars.install(request.param, world, environment, test_clock, post)
        office.busy(MARIA, datetime.fromisoformat("2026-03-03T15:00:00+00:00"))
        office.ask(attendees=[MARIA, PEDRO], description="Plan", location="Sala A")
        office.hear()
        later = office.meeting.starts_at + timedelta(days=1)
        office.do("POST", f"/{office.meeting.id}/reschedule", body={"start": later.isoformat()})
        office.by_hand("answer_event", email=PEDRO, response="declined")
        office.hear()
        office.do("POST", f"/{office.meeting.id}/cancel")
        office.ask(organizer_email=JUAN, attendees=[STRANGER], subject="B")
        yield office
        drop_connections()


@pytest.mark.parametrize("lived", ["google"], indirect=True)
def test_google_s_calendar(lived: Office) -> None:
    """Every path, parameter and member, of requests and of good answers; each method that we use was used."""
    spec = discovery.load("google_calendar_v3.json")
    used = set()
    for request, status, body in lived.calls.answers:
        if urlsplit(str(request.url)).path in TOKENS:
            continue
        method = spec.check_request(request, ROOT)
        used.add(method.removeprefix("calendar."))
        if status == 200:
            spec.check_answer(method, json.loads(body))
    assert {
        "freebusy.query",
        "events.insert",
        "events.get",
        "events.patch",
        "events.delete",
        "events.watch",
        "events.list",
    } <= used


GRAPH = {
    "getSchedule": "/users/{user-id}/calendar/microsoft.graph.getSchedule",
    "cancel": "/users/{user-id}/events/{event-id}/microsoft.graph.cancel",
}


@pytest.mark.parametrize("lived", ["outlook"], indirect=True)
def test_microsoft_s_calendar(lived: Office) -> None:
    """The paths are those of the description, and so are the members of bodies that it names."""
    document = vendor_specs.load("msgraph_v1_openapi_2022_slice.yaml").document
    used = set()
    for request, _status, _body in lived.calls.answers:
        path = urlsplit(str(request.url)).path.partition("/microsoft/v1.0")[2]
        if not path:
            continue
        template = GRAPH.get(path.rpartition("/")[2]) or _template(path)
        operation = document["paths"][template][str(request.method).lower()]
        used.add((request.method, template.rpartition("/")[2]))
        if request.body:
            known = _members(document, operation)
            assert set(json.loads(request.body)) <= known, (template, set(json.loads(request.body)) - known)
    wanted = {"microsoft.graph.getSchedule", "microsoft.graph.cancel", "events", "{event-id}", "subscriptions"}
    assert wanted <= {last for _method, last in used}


def _template(path: str) -> str:
    path = re.sub(r"^/users/[^/]+", "/users/{user-id}", path)
    path = re.sub(r"/events/[^/]+", "/events/{event-id}", path)
    return re.sub(r"^/subscriptions/[^/]+", "/subscriptions/{subscription-id}", path)


def _members(document: dict, operation: dict) -> set[str]:
    """The members that the description allows in a body, those of what it is made of included, in any case."""
    body = operation["requestBody"]
    while "$ref" in body:
        body = _at(document, body["$ref"])
    found = set(_names(document, body["content"]["application/json"]["schema"]))
    return found | {name[0].lower() + name[1:] for name in found} | {name[0].upper() + name[1:] for name in found}


def _names(document: dict, schema: dict) -> Iterator[str]:
    if "$ref" in schema:
        yield from _names(document, _at(document, schema["$ref"]))
    for part in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        yield from _names(document, part)
    yield from schema.get("properties", {})


def _at(document: dict, reference: str) -> dict:
    found = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found
