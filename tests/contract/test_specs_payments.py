"""The sandbox's Stripe and OpenAI, and what our client sends OpenAI, held against the vendors' own files."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import vendor_specs
from vendor_specs import Spec

from functions.payments import analysis
from sandbox.openai import KEY, OpenAI
from sandbox.stripe import Stripe
from shared.settings import get_settings
from shared.vendors.openai import OPENAI
from tests.support.sandbox import SandboxAdapter, call

STORY = ["pay", "subscribe", "voucher", "decline"]
# What the vendor's samples lack, though its reference has them: an invoice's payments are included on request.
NOT_IN_SAMPLES = {"invoice": {"payments"}}


@pytest.fixture(scope="module")
def samples() -> dict[str, Any]:
    """Stripe's sample of each object."""
    found: dict[str, Any] = json.loads((Path(os.environ["VENDOR_SPECS"]) / "stripe_fixtures3.json").read_text())["resources"]
    return found


@pytest.fixture(scope="module")
def spec() -> Spec:
    return vendor_specs.load("openai.json", prefix="/openai/v1")


def sent_by(action: str) -> list[dict[str, Any]]:
    """The events that an action sends, and those of what may follow it."""
    vendor, events = Stripe(), []
    vendor.courier = lambda webhook: events.append(json.loads(webhook.body))
    row = vendor.act(action, {"order": "881"})
    for after in {"pay": ["refund", "fail_refund", "dispute"], "voucher": ["settle"], "decline": ["retry"]}.get(action, []):
        vendor.act(after, {"id": row["id"], "amount": 100})
    return events


@pytest.mark.parametrize("action", STORY)
def test_its_events_are_stripes(samples: dict[str, Any], action: str) -> None:
    """Every member is one of Stripe's sample of that object, and of the same type where both have a value."""
    events = sent_by(action)
    assert len(events) >= 2
    for event in events:
        assert set(event) <= set(samples["event"])
        found, kind = event["data"]["object"], event["data"]["object"]["object"]
        sample = samples[kind]
        assert set(found) - set(sample) - NOT_IN_SAMPLES.get(kind, set()) == set(), event["type"]
        for name in set(found) & set(sample):
            if found[name] is not None and sample[name] is not None:
                assert isinstance(found[name], type(sample[name])), f"{event['type']}: {name}"


def exchange(environment: pytest.MonkeyPatch, outcome: str) -> tuple[Any, int, Any]:
    """Our request for an analysis, and what the sandbox answers it."""
    environment.setenv("OPENAI_API_KEY", KEY)
    get_settings.cache_clear()
    vendor = OpenAI()
    vendor.act("answer", {"outcome": outcome})
    adapter = SandboxAdapter(vendor)
    text = {"type": "json_schema", "name": "revenue_analysis", "strict": True, "schema": analysis.SCHEMA}
    body = analysis.request_of({"amount": "1.00"}, [])
    assert body["text"]["format"] == text
    OPENAI.connect(adapter.url, KEY, adapter=adapter).answer("POST", "/v1/responses", repeatable=True, json=body)
    ((request, status, raw),) = adapter.answers
    return request, status, json.loads(raw)


@pytest.mark.parametrize("outcome", ["completed", "refused", "incomplete", "failed"])
def test_what_we_ask_openai_is_described_and_so_is_the_answer(
    spec: Spec, environment: pytest.MonkeyPatch, outcome: str
) -> None:
    """The request with its schema, and each kind of answer. Parts are checked: `allOf` joins them."""
    request, status, answer = exchange(environment, outcome)
    asked = json.loads(request.body)
    schemas = spec.document["components"]["schemas"]
    known = set().union(*(_members(schemas, part) for part in schemas["CreateResponse"]["allOf"]))
    assert (status, set(asked) - known) == (200, set())
    spec.check(asked["text"]["format"], schemas["TextResponseFormatJsonSchema"])
    known = set().union(*(_members(schemas, part) for part in schemas["Response"]["allOf"]))
    assert set(answer) - known == set()
    assert set(_required(schemas["Response"])) - set(answer) == set()
    for message in answer["output"]:
        spec.check(message, schemas["OutputMessage"])
    spec.check(answer["usage"], schemas["ResponseUsage"])
    spec.check(answer["error"], schemas["ResponseError"])


def test_its_refusals_are_openais(spec: Spec) -> None:
    """An error is an object with message, type, parameter and code."""
    vendor = OpenAI()
    answers = [
        vendor.answer(call("POST", "/v1/responses", {"model": "x"})),
        vendor.answer(call("POST", "/v1/responses", {}, Authorization=f"Bearer {KEY}")),
        vendor.fail("no_quota", call("POST", "/v1/responses")),
    ]
    assert [answer.status for answer in answers] == [401, 400, 429]
    for answer in answers:
        spec.check(json.loads(answer.body), spec.document["components"]["schemas"]["ErrorResponse"])


def _members(schemas: dict[str, Any], part: dict[str, Any]) -> set[str]:
    if "$ref" in part:
        return _members(schemas, schemas[part["$ref"].rpartition("/")[2]])
    own = set(part.get("properties", {}))
    return own.union(*(_members(schemas, one) for one in part.get("allOf", [])))


def _required(schema: dict[str, Any]) -> list[str]:
    return [name for part in schema["allOf"] for name in part.get("required", [])]
