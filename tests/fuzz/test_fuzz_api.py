"""Every route of the REST API under hostile queries, paths and bodies: a documented answer to each, never a failure of ours."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.leads.tables import Lead
from shared import clock
from shared.store.models import Advisor, Campaign, Channel, Contact, DeadLetter, Delivery, Opportunity
from tests.fuzz.hostile import DATES, DEEP, TEXTS, VALUES
from tests.support.examples import examples
from tests.unit.web.calls import Api, description
from tests.unit.web.conftest import add, api, keys

__all__ = ["add", "api", "keys"]

METHODS = ("get", "post", "put", "patch", "delete")
FAILURES = frozenset(range(500, 600))
OUTSIDE = frozenset({502, 503, 504})  # the routes that ask Odoo, which is not there

ROUTES = [
    (method.upper(), path, operation)
    for path, operations in sorted(description()["paths"].items())
    for method, operation in sorted(operations.items())
    if method in METHODS
]


def packed(value: Any) -> str:
    """A cursor as `next` writes it, with anything in it."""
    return base64.urlsafe_b64encode(json.dumps(value).encode("utf-8", "surrogatepass")).decode().rstrip("=")


def parameters(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The schemas of an operation's query parameters."""
    return {one["name"]: one["schema"] for one in operation.get("parameters", ()) if one["in"] == "query"}


IDS = st.sampled_from(["0", "1", "1", "1", "2", "999999999999999999", "9" * 25, "-1", "1.0", "\u0661"])
EDGES = [
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00+23:59",
    "0001-01-01T00:00:00",
    "0001-01-01",
    "1900-01-01",
    "2026-02-29",
    "2026-03-01T10:00:00.1234567890Z",
    "2200-01-01",
    "9999-12-31T23:59:59.999999-14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31",
]
NUMBERS = ["1" + "0" * 25, "1" + "0" * 18, "9" * 18, str(2**63), "-1", "0", "1e5", "NaN", "\u0661\u0666", "1" * 5000]
INSIDE = ["\ud800", "a\udfffb", "\x00", 10**25, 2**63, 2**31, -1, 1.5, "", *EDGES, None, True, [], {}, "Ana"]
PLACES = [f"{at}~{number}~{number}" for at in EDGES for number in ("0", "1", "9" * 18, "9" * 25, "9" * 5000, "\u0663")]
CURSORS = st.builds(packed, VALUES) | st.sampled_from(PLACES)
DATES_AT_EDGES = st.sampled_from(EDGES)
QUERY = (
    DATES_AT_EDGES
    | st.sampled_from(NUMBERS)
    | CURSORS
    | TEXTS
    | DATES.map(str)
    | st.sampled_from(["true", "null", "ana%", "[", "\x00", "\n"])
)


SIMPLE = {
    "integer": st.sampled_from([1, 1, 2, 0, 2**31 - 1]),
    "number": st.sampled_from([1, 0.5, 1e300]),
    "boolean": st.booleans(),
    "null": st.none(),
}
WORDS = st.sampled_from(["Ana", "ana@example.com", "+525512345678", "1", "2026-03-01", "WhatsApp", "[a-z"])


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema may mean: enough for a body to get past the first check."""
    schema = resolved(schema)
    kind = schema.get("type")
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return st.one_of([fitting(choice) for choice in choices])
    if kind == "object":
        return st.fixed_dictionaries({name: fitting(inner) for name, inner in schema.get("properties", {}).items()})
    if kind == "array":
        return st.lists(fitting(schema.get("items", {})), min_size=1, max_size=2)
    return SIMPLE.get(kind or "", DATES_AT_EDGES if schema.get("format") == "date-time" else WORDS)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """What a reference names."""
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = description()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


@st.composite
def body_of(draw: st.DrawFn, schema: dict[str, Any]) -> Any:
    """A body of the right form with a few members wrong, missing or too many; now and then something else altogether."""
    if draw(st.integers(0, 9)) == 0:
        return draw(VALUES | DEEP)
    body = draw(fitting(schema))
    if isinstance(body, dict):
        for name in draw(st.lists(st.sampled_from([*body, "extra"]), max_size=2)):
            body[name] = draw(VALUES | DATES_AT_EDGES)
        for name in draw(st.lists(st.sampled_from(sorted(body)), max_size=3)) if body else ():
            body.pop(name, None)
    return body


@st.composite
def requests_to(draw: st.DrawFn, path: str, operation: dict[str, Any]) -> tuple[str, Any, dict[str, str]]:
    """An address, a body and headers for an operation."""
    query, headers = [], {}
    for parameter in operation.get("parameters", ()):
        name, schema = parameter["name"], parameter.get("schema", {})
        odd = draw(st.integers(0, 2)) == 0
        if parameter["in"] == "path":
            value = draw(IDS if resolved(schema).get("type") == "integer" else TEXTS | st.just("x"))
            path = path.replace(f"{{{name}}}", quote(str(value)[:300].encode("utf-8", "surrogatepass"), safe=""))
        elif parameter["in"] == "query" and (parameter.get("required") or draw(st.integers(0, 2)) == 0):
            value = draw(QUERY if odd else fitting(schema) | CURSORS)
            query.append((name, str(value)))
        elif parameter["in"] == "header" and odd:
            headers[name.lower()] = draw(st.sampled_from(['"1"', "*", 'W/"x"', "\x7f", "ñ", "x" * 5000, '"1', ""]))
    content = operation.get("requestBody", {}).get("content", {})
    body = draw(body_of(content["application/json"]["schema"])) if "application/json" in content else None
    pairs = ((quote(n), quote(v.encode("utf-8", "surrogatepass"), safe="")) for n, v in query)
    return path + ("?" + "&".join(f"{n}={v}" for n, v in pairs) if query else ""), body, headers


@pytest.fixture
def filled(add: Callable[..., Any], test_clock: clock.TestClock) -> None:
    """One row of each kind, each with the number 1. The clock stands still: waiting for an Odoo that is away costs no time."""
    now = clock.now()
    lead = dict.fromkeys(("name", "email", "phone_original", "company", "service", "source"), "ana@example.com")
    letter = dict.fromkeys(("key", "original_queue", "reason", "error_message"), "unknown-stage")
    add(
        Channel(name="WhatsApp", key="whatsapp"),
        Advisor(name="Carla"),
        Campaign(name="Marzo", date_start=now),
        Contact(manychat_id="1", first_name="Ana"),
        Contact(manychat_id="2"),
        Opportunity(manychat_id="1", contact_id=1),
        Lead(id=1, received_at=now, said_at=now, **lead),
        Delivery(kind="message", target="t", action="a", subject="1", state="dead", due_at=now),
        DeadLetter(original_event="{}", error_time=now, **letter),
    )


@pytest.mark.share(70)
@pytest.mark.parametrize("tries", [pytest.param(60, marks=pytest.mark.slow), 20])
@pytest.mark.parametrize(("method", "path", "operation"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
@pytest.mark.share(24)
def test_no_query_and_no_body_is_a_failure_of_ours(
    api: Api, filled: None, method: str, path: str, operation: dict[str, Any], tries: int
) -> None:
    """Whatever stands in the address, the headers and the body: an answer that is described, and none is a 500."""

    @settings(max_examples=examples(tries), deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(requests_to(path, operation))
    def attack(asked: tuple[str, Any, dict[str, str]]) -> None:
        address, body, headers = asked
        answer = api(method, address, body=body, headers=headers)
        assert answer.status not in FAILURES - OUTSIDE, answer.body

    attack()


BODIES = [
    (method, path, operation["requestBody"]["content"]["application/json"]["schema"])
    for method, path, operation in ROUTES
    if "application/json" in operation.get("requestBody", {}).get("content", {})
]
ANSWERS = {200, 404, 422}
LISTS = [(path, operation) for method, path, operation in ROUTES if method == "GET" and "after" in parameters(operation)]
DATED = [(path, name) for method, path, operation in ROUTES for name, schema in parameters(operation).items()
         if method == "GET" and "date-time" in json.dumps(schema)]  # fmt: skip


def address(path: str) -> str:
    """The path with the number 1 wherever it takes one."""
    return re.sub(r"{name}", "booking", re.sub(r"{\w+_id}", "1", path))


def sorts(operation: dict[str, Any]) -> list[str]:
    """The orders that a list knows."""
    schema = parameters(operation).get("sort", {})
    return [name for choice in schema.get("anyOf", [schema]) for name in choice.get("enum", ())]


FORGED = [(value, number) for value in INSIDE for number in (1, 10**25)]
OUTWORN = [*NUMBERS, *PLACES, *(f"{place}~0" for place in PLACES)]


@pytest.mark.share(12)
@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 15])
@pytest.mark.parametrize(("path", "operation"), LISTS, ids=[path for path, _ in LISTS])
def test_no_forged_cursor_is_a_failure_of_ours(
    api: Api, filled: None, path: str, operation: dict[str, Any], every: int
) -> None:
    """A cursor that names this list's own order, with anything for the value and the number: 200, or 422 that says so.

    Among every fifteen lists each forged cursor is tried; each one on each list where time allows it.
    """
    allowed = ANSWERS | OUTSIDE if "/odoo/contacts" in path else ANSWERS
    first = LISTS.index((path, operation)) % every
    for sort in [None, *sorts(operation)]:
        for value, number in FORGED[first::every]:
            sent = {"after": packed([sort or "-id", value, number])} | ({"sort": sort} if sort else {})
            assert api.get(address(path), **sent).status in allowed, sent
    for place in OUTWORN[first::every]:
        assert api.get(address(path), after=place).status in allowed, place


@pytest.mark.share(7)
@pytest.mark.parametrize(("path", "name"), DATED, ids=[f"{path} {name}" for path, name in DATED])
def test_no_date_at_an_edge_is_a_failure_of_ours(api: Api, filled: None, path: str, name: str) -> None:
    """The first and the last moments of the calendar, moved beyond it by an offset: an answer, or 422."""
    for moment in EDGES:
        assert api.get(address(path), **{name: moment}).status in ANSWERS, moment


@pytest.mark.share(20)
@pytest.mark.parametrize(("method", "path", "schema"), BODIES, ids=[f"{method} {path}" for method, path, _ in BODIES])
@pytest.mark.share(6)
def test_no_body_with_a_date_at_an_edge_is_a_failure_of_ours(
    api: Api, filled: None, method: str, path: str, schema: dict[str, Any]
) -> None:
    """The same in each field of a body that takes a date, or a number of any size."""

    @settings(max_examples=examples(20), deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(fitting(schema), st.sampled_from([*EDGES, 10**25, 10**400, 2**63, 1e308, -1]))
    def attack(body: dict[str, Any] | None, edge: Any) -> None:
        for name in body or ():  # a body that may be left out
            assert api(method, address(path), body=body | {name: edge}).status not in FAILURES - OUTSIDE, name

    attack()
