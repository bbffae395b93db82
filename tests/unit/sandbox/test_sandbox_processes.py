"""The sandbox's Flowable and robots: whatever they are asked is answered; robots report as their mood is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.flowable import MESSAGES, TASK, TOKEN, Flowable
from sandbox.robots import JWT, MOODS, PUSH_PATH, QUERY_PATH, RUN_PATH, WORD, Robots
from sandbox.vendor import Answer
from tests.support.sandbox import Wire, call, wired

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "complete", "businessApproval", "{", "http://[", "[[]]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "value", "x"]), inner, max_size=3),
    max_leaves=5,
)
ANYTHING = st.dictionaries(
    st.sampled_from(["processDefinitionKey", "variables", "businessKey", "action", "messageName", "bot", "context", "payload"]),
    VALUES,
    max_size=4,
)
SERVICE = "/service/runtime/process-instances"


def flowable(method: str, path: str, body: Any = None) -> Answer:
    """What a new Flowable answers to us."""
    return Flowable().answer(call(method, path, body, Authorization=f"Bearer {TOKEN}"))


def robots(path: str, body: Any, vendor: Robots | None = None) -> Answer:
    """What the robots answer to us."""
    return (vendor or Robots()).answer(call("POST", path, body, **{"X-Puente-Token": WORD, "Authorization": f"Bearer {JWT}"}))


@given(body=ANYTHING, path=st.sampled_from([SERVICE, "/service/runtime/tasks/1", "/service/runtime/executions/1"]))
def test_flowable_answers_anything(body: dict[str, Any], path: str) -> None:
    """With a status and JSON; what it keeps can be shown."""
    vendor = Flowable()
    for _ in range(2):
        answer = vendor.answer(call("PUT" if "executions" in path else "POST", path, body, Authorization=f"Bearer {TOKEN}"))
        assert answer.status in (200, 201, 204, 400, 404, 500)
        assert isinstance(json.loads(answer.body or b"{}"), dict)
    json.dumps(vendor.dump())
    assert vendor.board()


@given(body=ANYTHING, path=st.sampled_from([RUN_PATH, PUSH_PATH, QUERY_PATH]), mood=st.sampled_from(MOODS))
def test_robots_answer_anything(body: dict[str, Any], path: str, mood: str) -> None:
    """Whatever their mood."""
    vendor, _adapter, _wire = wired(Robots())
    vendor.act("mood", {"mood": mood})
    assert robots(path, body, vendor).status in (200, 202, 400)
    json.dumps(vendor.dump())
    assert vendor.board()


@pytest.mark.parametrize(("mood", "statuses"), [("online", ["completed"]), ("twice", ["completed"] * 2), ("fails", ["failed"])])
def test_robot_reports_as_its_mood_is(mood: str, statuses: list[str]) -> None:
    """To the address that it was given, with the number of its run."""
    vendor, _adapter, wire = wired(Robots())
    vendor.act("mood", {"mood": mood})
    answer = robots(RUN_PATH, {"bot": "b", "context": {"callbackUrl": "https://puente.example/a?t=1"}}, vendor)
    reports = [json.loads(one.body) for one in wire.sent]
    assert [one["status"] for one in reports] == statuses
    assert {one["executionId"] for one in reports} == {json.loads(answer.body)["executionId"]}


@pytest.mark.parametrize("mood", ["offline", "dies"])
def test_robot_that_is_away_reports_when_it_is_told_to(mood: str) -> None:
    """Nothing comes by itself."""
    vendor, _adapter, wire = wired(Robots())
    vendor.act("mood", {"mood": mood})
    answer = robots(RUN_PATH, {"bot": "b", "context": {"callbackUrl": "https://puente.example/a?t=1"}}, vendor)
    assert wire.sent == []
    vendor.act("report", {"id": json.loads(answer.body)["executionId"], "status": "failed", "error": "late"})
    assert isinstance(wire, Wire)
    assert [json.loads(one.body)["error"] for one in wire.sent] == ["late"]


def test_nobody_is_let_in_without_the_word() -> None:
    """Neither by Flowable nor by the robots; Flowable takes the user's password as well."""
    assert Flowable().answer(call("GET", SERVICE)).status == 401
    assert Flowable().answer(call("GET", SERVICE, Authorization="Basic cmVzdC1hZG1pbjp0ZXN0")).status == 200
    assert Robots().answer(call("POST", RUN_PATH, {"bot": "b", "context": {}})).status == 401


def test_flowable_starts_a_second_process_for_a_key() -> None:
    """As Flowable does: a business key is not unique there."""
    vendor = Flowable()
    body = {"processDefinitionKey": "businessApproval", "businessKey": "k", "variables": []}
    for _ in range(2):
        vendor.answer(call("POST", SERVICE, body, Authorization=f"Bearer {TOKEN}"))
    assert [row["business_key"] for row in vendor.records("processes", {}, None)[0]] == ["k", "k"]
    assert TASK in json.dumps(vendor.dump())
    assert MESSAGES[0] not in json.dumps(vendor.dump())


def test_unknown_address_is_not_found() -> None:
    """404, with Flowable's form."""
    answer = flowable("GET", "/service/runtime/nothing")
    assert (answer.status, set(json.loads(answer.body))) == (404, {"message", "exception"})
