"""`POST /api/v1/executions/trigger`: flows started by hand, as callers of the replaced system do it."""

import base64
import json
import logging
from typing import Any

import pytest
from azure.functions import QueueMessage

from shared import flows
from shared.flow import EVENTS_QUEUE
from shared.intake import by_hand
from shared.intake.envelope import parse
from shared.intake.inbox import handle
from tests.support import stripe
from tests.support.world import FakeStorage
from tests.unit.web.calls import Answer, Api

PATH = "/api/v1/executions/trigger"
STRIPE = "stripe_payments_to_sheets_db_ai"
SECRET = "sk_live_never_to_be_seen"  # of the tests alone
ANA = {"email": "ana@example.com", "first_name": "Ana"}


def start(api: Api, flow: str, inputs: Any = None, **more: Any) -> Answer:
    """Start a flow in a namespace that nobody knows."""
    return api.post(PATH, body={"namespace": "ventas.mx", "flowId": flow, "inputs": inputs or {}}, **more)


def basic(password: str, user: str = "admin@example.com") -> dict[str, str]:
    """The header of Basic authentication."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_sign_up_is_queued_as_its_webhook_would(api: Api, storage: FakeStorage) -> None:
    """The answer has the execution, the flow as it was named, and its state."""
    answer = start(api, "signup-handler", ANA)
    (queued,) = storage.bodies(EVENTS_QUEUE)
    assert (answer.status, answer.json) == (
        202,
        {
            "id": queued["id"],
            "namespace": "ventas.mx",
            "flowId": "signup-handler",
            "state": {"current": "CREATED"},
            "warnings": [],
            "left_out": [],
        },
    )
    assert (queued["type"], queued["source"], queued["subject"], queued["data"]) == (
        "christmas.signup",
        "christmas",
        "ana@example.com",
        ANA,
    )


@pytest.mark.parametrize("flow", [STRIPE, "payments"])
def test_payment_arrives_by_the_events_own_id(api: Api, storage: FakeStorage, flow: str) -> None:
    """Unsigned, as the key's scope opens it; started twice it is applied once."""
    event = stripe.event("charge.succeeded", stripe.charge("ch_hand", payment_intent=None))
    assert [start(api, flow, event).json["id"] for _ in range(2)] == [event["id"]] * 2
    for _ in range(2):
        queued = storage.take(EVENTS_QUEUE)
        assert queued is not None
        handle(flows.handlers()["stripe.event"], QueueMessage(body=queued.body))
    found = api.get("/api/v1/payments").json["items"]
    assert [(one["payment_id"], one["status"]) for one in found] == [("ch_hand", "succeeded")]


def test_each_that_is_declared_can_be_started_and_says_so(api: Api, storage: FakeStorage) -> None:
    """Its own payload model reads the inputs: none is what any of them takes, but for those that need none."""
    of_flows = {flow.name: by_hand.webhooks_of(flow) for flow in flows.installed()}
    declared = {name: sorted(several) for name, several in of_flows.items()}
    at_once = {
        one for several in of_flows.values() for one, chosen in several.items() if isinstance(chosen, by_hand.Synchronous)
    }
    shown = {flow["id"]: flow["by_hand"] for flow in api.get("/api/v1/flows").json["items"]}
    assert shown == declared
    ids = [one for several in declared.values() for one in several]
    assert len(ids) == len(set(ids)) >= 6
    need_none = {
        one
        for several in of_flows.values()
        for one, chosen in several.items()
        if one not in at_once and not any(field.is_required() for field in chosen.model.model_fields.values())
    }
    assert need_none == {"invoice_payment_reminders"}
    for flow_id in sorted(set(ids) - need_none):
        answer = start(api, flow_id, {"nothing": "of use"})
        assert answer.status == 422, flow_id
        assert flow_id in at_once or answer.json["type"] == "urn:puente:problem:invalid-fields", flow_id
        assert api.get(f"/api/v1/flows/x/{flow_id}").status == 200
    assert storage.queues == {}


def test_secrets_are_neither_queued_nor_logged_and_named(
    api: Api, storage: FakeStorage, caplog: pytest.LogCaptureFixture
) -> None:
    """Those that look like one, and those that the flow declares."""
    caplog.set_level(logging.DEBUG)
    secrets = {"notion_token": SECRET, "discord_webhook_url": SECRET, "extra": {"apiKey": SECRET}}
    answer = start(api, "signup-handler", ANA | secrets)
    (queued,) = storage.bodies(EVENTS_QUEUE)
    assert queued["data"] == ANA | {"extra": {}}
    (warning,) = answer.json["warnings"]
    assert warning.endswith(": notion_token, discord_webhook_url, extra.apiKey")
    assert SECRET not in json.dumps(queued) + caplog.text + answer.body.decode()


def test_refused_inputs_show_no_secret(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does a body of another shape."""
    for body in ({"namespace": "x", "flowId": "signup-handler", "inputs": {"api_key": SECRET}}, {"inputs": SECRET}):
        answer = api.post(PATH, body=body)
        assert answer.status == 422
        assert SECRET not in answer.body.decode() + caplog.text


def test_same_inputs_are_the_same_execution(api: Api, storage: FakeStorage) -> None:
    """Unless the caller has keys of its own, which are those of the API key."""
    ids = [start(api, "signup-handler", ANA).json["id"] for _ in range(2)]
    own = start(api, "signup-handler", ANA, headers={"Idempotency-Key": "k-1"}).json["id"]
    assert (len(set(ids)), own) == (1, "k-1")
    assert [one.get("sender") for one in storage.bodies(EVENTS_QUEUE)] == [None, None, "ops"]


def test_large_inputs_are_left_in_a_blob(api: Api, storage: FakeStorage) -> None:
    """As a webhook's are; optional inputs that cannot be read are named."""
    answer = start(api, "postcall-maybe-handler", _call(call_notes="ñ" * 40_000, objections=[{"a": 1}]))
    assert answer.status == 202
    queued = storage.take(EVENTS_QUEUE)
    assert queued is not None
    assert parse(queued.body).dataref
    assert "ana@example.com" in next(iter(storage.blobs.values())).decode()


def test_optional_input_that_cannot_be_read_is_named(api: Api) -> None:
    """The flow is started all the same."""
    answer = start(api, "onboarding-handler", ANA | {"business_name": "Salón", "payment_amount": {"no": "amount"}})
    assert [field["field"] for field in answer.json["left_out"]] == ["payment_amount"]


def _call(**more: Any) -> dict[str, Any]:
    return ANA | {"business_name": "Salón Ana", "call_date": "2026-11-20T10:00:00Z"} | more


@pytest.mark.parametrize(
    ("flow", "status", "reason"),
    [("nobody", 404, "no-such-flow"), ("bookings", 409, "not-by-hand"), ("christmas", 409, "not-by-hand")],
)
def test_what_cannot_be_started(api: Api, storage: FakeStorage, flow: str, status: int, reason: str) -> None:
    """Unknown; started by its webhooks alone; a flow of several parts, which are named."""
    answer = start(api, flow, ANA)
    assert (answer.status, answer.json["type"]) == (status, f"urn:puente:problem:{reason}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert storage.queues == {}
    assert flow != "christmas" or "signup-handler" in answer.json["detail"]


def test_body_of_another_shape_is_refused(api: Api) -> None:
    """A member that is not known, inputs that are no object, no flow at all."""
    for body in ({"namespace": "x", "flowId": "signup-handler", "labels": []}, {"namespace": "x", "flowId": "a", "inputs": []}):
        assert api.post(PATH, body=body).status == 422
    assert api.post(PATH, body={"namespace": "x"}).status == 422


def test_queue_that_cannot_be_written_is_told(api: Api, storage: FakeStorage) -> None:
    """503, after which the caller may try again."""
    storage.broken = True
    answer = start(api, "signup-handler", ANA)
    assert (answer.status, "retry-after" in answer.headers) == (503, True)


@pytest.mark.parametrize(
    ("key", "status"), [("write-key", 202), ("ops-key", 202), ("read-key", 403), ("hook-key", 403), ("", 401), ("other", 401)]
)
def test_scope_write_in_either_header(api: Api, key: str, status: int) -> None:
    """A webhook's key starts nothing here, and a bare user's name opens nothing."""
    assert start(api, "signup-handler", ANA, key=key).status == status
    assert start(api, "signup-handler", ANA, key=None, headers=basic(key)).status == status
    assert start(api, "signup-handler", ANA, key=None, headers=basic("other", user=key)).status == 401


def test_password_may_have_any_letters_and_opens_the_lists_too(api: Api) -> None:
    """Of the addresses of the replaced system, and no others; what is no Basic authentication is nobody's."""
    assert api.get("/api/v1/flows", key=None, headers=basic("llave-ñandú-🔑")).status == 200
    assert api.get("/api/v1/variables", key=None, headers=basic("read-key")).status == 200
    assert api.get("/api/v1/payments", key=None, headers=basic("ops-key")).status == 401
    for wrong in ("Basic", "Basic %%%", "Bearer %%%", "Bearer", "Basic " + base64.b64encode(b"read-key").decode()):
        assert api.get("/api/v1/flows", key=None, headers={"authorization": wrong}).status == 401
    assert api.get("/api/v1/flows", key="other", headers=basic("ops-key")).status == 401  # a key that is given counts


def test_described(api: Api) -> None:
    """Each kind of authentication, and the body as the replaced system had it."""
    document = api.get("/api/openapi.json").json
    operation = document["paths"][PATH]["post"]
    assert operation["security"] == [{"ApiKey": ["write"]}, {"Bearer": ["write"]}, {"Basic": ["write"]}]
    assert document["components"]["securitySchemes"]["Basic"]["scheme"] == "basic"
    assert set(document["components"]["schemas"]["ExecutionIn"]["properties"]) == {"namespace", "flowId", "inputs"}
    assert {"202", "401", "403", "404", "409", "413", "422", "503"} <= set(operation["responses"])
