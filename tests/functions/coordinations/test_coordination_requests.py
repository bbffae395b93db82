"""What is asked for and reported at the entrance: what is refused there, and the address of the replaced flow."""

import json
from typing import Any

import azure.functions as func
import pytest

from functions.coordinations import robots
from tests.functions.coordinations.conftest import Desk
from tests.support import loops
from tests.support.functions import named
from tests.support.world import LOCAL_KEY, Out
from tests.unit.web.calls import Api


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload": "no json"},
        {"payload": [1]},
        {"approval": "yes"},
        {"bot": 7},
        {"business_key": "x" * 101},
        {"wait_minutes": 0},
        {"wait_minutes": True},
    ],
)
def test_wish_that_cannot_be_read_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    """Nothing of it may be dropped: without it another robot would run, or one without approval."""
    assert desk.ask(**wrong).status_code == 422
    assert (desk.rows, desk.processes) == ([], [])


def test_replaced_flow_is_started_as_it_was(desk: Desk) -> None:
    """With a text of JSON and its secrets, which count for nothing; who has started it may not approve."""
    inputs = {
        "payload": '{"order": "881"}',
        "flowable_base_url": "https://elsewhere.example",
        "flowable_token": "t",
        "openrpa_webhook_url": "https://elsewhere.example",
        "approval": True,
    }
    body = {"namespace": "company.team", "flowId": "bpm_rpa_example", "inputs": inputs}
    from shared import queues

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queues, "send", desk.world.storage.send)
        answer = Api().post("/api/v1/executions/trigger", key=LOCAL_KEY, body=body)
    assert answer.status == 202
    assert "openrpa_webhook_url" in answer.json["warnings"][0]
    desk.world.run()
    assert (desk.row.payload, desk.row.asked_by, desk.row.state) == ({"order": "881"}, "local", "approval")
    assert desk.processes[0]["business_key"] == desk.row.business_key


@pytest.mark.parametrize("way", ["header", "end"])
def test_old_address_takes_the_same(desk: Desk, way: str) -> None:
    """With the key in the header or at its end, where it is kept nowhere; its name says who may not approve."""
    body = {"payload": {"order": "881"}, "reference": "order-881"}
    headers = {"content-type": "application/json"} | ({"x-api-key": "key-of-shop"} if way == "header" else {})
    route = {"namespace": "workflows", "key": "key-of-shop" if way == "end" else ""}
    sent = func.HttpRequest(method="POST", url="/", headers=headers, route_params=route, body=json.dumps(body).encode())
    out = Out()
    assert loops.run(named("coordinations_old_webhook")(sent, out)).status_code == 202
    assert b"key-of-shop" not in out.value
    desk.world.storage.send("events-queue", out.value)
    desk.world.run()
    assert (desk.row.business_key, desk.row.asked_by, desk.row.state) == ("order-881", "shop", "waiting")


@pytest.mark.parametrize(("token", "key", "status"), [("1.forged", None, 403), ("", None, 401), ("", "key-of-shop", 202)])
def test_result_is_taken_from_the_robot_or_a_key(desk: Desk, token: str, key: str | None, status: int) -> None:
    """A token that is not ours, nobody, and an operator with a key of that scope."""
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask()
    assert desk.post_result({"coordination": 1, "status": "ok"}, token=token, key=key) == status
    assert desk.row.state == ("done" if status == 202 else "waiting")


def test_token_is_good_for_its_own_run_alone(desk: Desk) -> None:
    """Whatever number the body gives: a robot cannot report for another."""
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask()
    desk.ask(business_key="order-882")
    token = robots.callback(1).partition("?t=")[2]
    desk.post_result({"coordinationId": 2, "status": "completed"}, token=token)
    assert [row.state for row in desk.rows] == ["done", "waiting"]


@pytest.mark.parametrize("status", ["perhaps", None, 7])
def test_result_that_says_nothing_is_refused(desk: Desk, status: Any) -> None:
    """A word that is neither good nor bad news is not taken for good news."""
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask()
    assert desk.post_result({"coordination": 1, "status": status}, key="key-of-shop") == 422
