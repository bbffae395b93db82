"""What we ask Flowable, and what the sandbox's Flowable answers, held against Flowable's own description."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import vendor_specs
from vendor_specs import Spec

from functions.coordinations import flowable
from functions.coordinations.flowable import FLOWABLE
from sandbox.flowable import TASK, TOKEN, Flowable
from shared.errors import PermanentError
from shared.settings import get_settings
from shared.vendors import rest_client
from tests.support.sandbox import SandboxAdapter, call

SERVICE = "/flowable/service"
# A variable's value is described as an object, though it is anything.
ANYTHING: dict[str, Any] = {}


@pytest.fixture(scope="module")
def spec() -> Spec:
    """The description, in which a variable may hold anything and a text may be missing."""
    found = vendor_specs.load("flowable_process_oas3.yaml", prefix=SERVICE)
    found.document["components"]["schemas"]["RestVariable"]["properties"]["value"] = ANYTHING
    return found


@pytest.fixture
def adapter(environment: pytest.MonkeyPatch) -> SandboxAdapter:
    """The sandbox's Flowable behind our client."""
    made = SandboxAdapter(Flowable())
    environment.setenv("FLOWABLE_BASE_URL", made.url + "/service")
    environment.setenv("FLOWABLE_TOKEN", TOKEN)
    environment.setenv("COORDINATIONS_TASK", TASK)
    get_settings.cache_clear()
    connection = FLOWABLE.connect(made.url + "/service", TOKEN, adapter=made)
    environment.setattr(rest_client.RestClient, "connected", lambda *_a, **_k: connection)
    return made


def row(**more: Any) -> Any:
    """A coordination, as far as Flowable's part needs it."""
    values = {
        "id": 7,
        "business_key": "order-881",
        "process_key": "businessApproval",
        "payload": {"order": "881", "lines": [{"sku": "a", "quantity": 2}]},
        "process_id": None,
        "result_status": "completed",
        "result": {"invoice": "F-1"},
        "execution_id": "r-1",
        "error": None,
        "reason": "cancelled",
    }
    return SimpleNamespace(**(values | more))


def check(spec: Spec, adapter: SandboxAdapter) -> None:
    """Every request that was made, and each answer with content, is described."""
    assert adapter.answers
    for request, status, body in adapter.answers:
        spec.check_request(request)
        path = str(request.url).partition("sandbox.invalid")[2].partition("?")[0]
        if body and status < 400:
            described = 200 if status == 201 else status  # a start's 201 is described without its content
            spec.check_answer(str(request.method), path, described, given(json.loads(body)))


def given(value: Any) -> Any:
    """The value without members that are null: the description does not say which may be, and Flowable writes many."""
    if isinstance(value, dict):
        return {name: given(child) for name, child in value.items() if child is not None}
    return [given(child) for child in value] if isinstance(value, list) else value


def test_start_report_and_cancel_are_described(spec: Spec, adapter: SandboxAdapter) -> None:
    """From the look by business key to the completed task; and a second process that is cancelled."""
    started = row(**flowable.start(row()))
    assert flowable.start(started)["process_id"] == started.process_id
    flowable.report(started)
    flowable.report(started)  # found in the history
    other = row(business_key="order-882")
    flowable.cancel(row(business_key="order-882", **flowable.start(other)))
    assert FLOWABLE.connected().ping() == "7.1.0.1"
    check(spec, adapter)


def test_message_event_is_described(spec: Spec, adapter: SandboxAdapter, environment: pytest.MonkeyPatch) -> None:
    """The look for who waits, and the message with its variables."""
    environment.delenv("COORDINATIONS_TASK")
    environment.setenv("COORDINATIONS_MESSAGE", "robotAnswered")
    get_settings.cache_clear()
    started = row(process_key="robotByMessage", **flowable.start(row(process_key="robotByMessage")))
    flowable.report(started)
    flowable.report(started)  # known by its variable
    assert [request.method for request, _status, _body in adapter.answers].count("PUT") == 1
    check(spec, adapter)


def test_refusals_have_flowables_form(adapter: SandboxAdapter) -> None:
    """`message` is the class and `exception` the text; an unknown definition is 400, and nobody's task 404."""
    with pytest.raises(PermanentError) as refused:
        flowable.start(row(process_key="nobodyKnows"))
    assert refused.value.reason == "flowable-bad-request"
    vendor = adapter.vendor
    answers = [
        vendor.answer(call("POST", "/service/runtime/tasks/none", {"action": "complete"}, Authorization=f"Bearer {TOKEN}")),
        vendor.answer(call("PUT", "/service/runtime/executions/none", {"action": "x"}, Authorization=f"Bearer {TOKEN}")),
        vendor.answer(call("GET", "/service/runtime/tasks")),
    ]
    assert [answer.status for answer in answers] == [404, 404, 401]
    assert set(json.loads(answers[0].body)) == {"message", "exception"}
