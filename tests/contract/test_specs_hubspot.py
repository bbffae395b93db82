"""HubSpot: what our client sends and what the sandbox answers, held against HubSpot's own description."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import vendor_specs
from vendor_specs import Spec

from functions.hubspot import batches, changed
from functions.hubspot.batches import Budget, Change, Way
from functions.hubspot.client import HUBSPOT
from sandbox.hubspot import HubSpot
from sandbox.hubspot.shapes import TOKEN
from shared import clock
from shared.vendors import rest_client
from tests.support.sandbox import SandboxAdapter, call

ANA = {"email": "ana@example.com", "firstname": "Ana"}
STORIES: dict[str, Callable[[], Any]] = {
    "upsert": lambda: batches.write(Way.UPSERT, {"1": Change(key="eva@example.com", properties={"phone": "1"})}, Budget()),
    "create": lambda: batches.write(Way.CREATE, {"1": Change(properties={"phone": "1"})}, Budget()),
    "update": lambda: batches.write(Way.UPDATE, {"1": Change(key="50", properties={"phone": "1"})}, Budget()),
    "one refused": lambda: batches.write(
        Way.UPDATE, {"1": Change(key="50", properties={}), "2": Change(key="51", properties={})}, Budget()
    ),
    "upsert refused": lambda: batches.write(
        Way.UPSERT,
        {"1": Change(key="x@refused.example", properties={}), "2": Change(key="y@example.com", properties={})},
        Budget(),
    ),
    "conflict": lambda: batches.write(Way.CREATE, {"1": Change(properties=ANA), "2": Change(properties={})}, Budget()),
    "read": lambda: batches.read_by_ids({"50"}, ["email"], Budget()),
    "read some": lambda: batches.read_by_emails({"ana@example.com", "nobody@example.com"}, [], Budget()),
    "search": lambda: batches.find_by_phones({"+525512345678"}, ["lifecyclestage"], Budget()),
    "changed": lambda: changed.since(clock.now() - timedelta(days=3), 0, "firstname", ["firstname"]),
    "ping": HUBSPOT.ping,
}


@pytest.fixture
def spec() -> Spec:
    return vendor_specs.load("hubspot_crm_contacts_v3.json", prefix="/hubspot")


@pytest.fixture
def adapter(environment: pytest.MonkeyPatch) -> SandboxAdapter:
    """The sandbox behind our client, with one contact."""
    vendor = HubSpot()
    vendor.act("create", {"properties": ANA})
    found = SandboxAdapter(vendor)
    connection = HUBSPOT.connect(found.url, TOKEN, adapter=found)
    environment.setattr(rest_client.RestClient, "connected", lambda *_more, **_named: connection)
    return found


@pytest.mark.parametrize("story", STORIES)
def test_what_we_ask_is_described_and_so_is_the_answer(adapter: SandboxAdapter, spec: Spec, story: str) -> None:
    """Every member of both; also where a part of a batch is refused."""
    STORIES[story]()
    assert adapter.answers
    for request, status, raw in adapter.answers:
        spec.check_request(request)
        spec.check_answer(str(request.method), str(request.path_url).partition("?")[0], status, json.loads(raw))


def test_single_contact_is_described(adapter: SandboxAdapter, spec: Spec) -> None:
    """Read, made and changed by itself."""
    connection = HUBSPOT.connect(adapter.url, TOKEN, adapter=adapter)
    connection.answer("PATCH", "/crm/v3/objects/contacts/50", repeatable=True, json={"properties": {"firstname": "Eva"}})
    connection.answer("GET", "/crm/v3/objects/contacts/50", repeatable=True)
    for request, status, raw in adapter.answers:
        spec.check_request(request)
        spec.check_answer(str(request.method), str(request.path_url).partition("?")[0], status, json.loads(raw))


def test_refusals_are_described(adapter: SandboxAdapter, spec: Spec) -> None:
    """An error of HubSpot's has category, message and an id of the request."""
    vendor = adapter.vendor
    schema = spec.document["components"]["schemas"]["Error"]
    asked = [
        call("GET", "/crm/v3/objects/contacts"),
        call("GET", "/crm/v3/objects/contacts/9", Authorization=f"Bearer {TOKEN}"),
        call("POST", "/crm/v3/objects/contacts", {"properties": ANA}, Authorization=f"Bearer {TOKEN}"),
    ]
    answers = [vendor.answer(one) for one in asked]
    assert [answer.status for answer in answers] == [401, 404, 409]
    for answer in answers:
        body = json.loads(answer.body)
        assert set(schema["required"]) <= set(body)
        spec.check({name: value for name, value in body.items() if name != "status"}, schema)
