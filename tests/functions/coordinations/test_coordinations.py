"""A process and its robot: once, linked, its result given to the process, and shown step by step."""

import json
import os
from typing import Any

import pytest

from functions.coordinations import flowable
from shared import clock
from shared.approvals import decisions
from shared.errors import ConfigurationError
from shared.privacy.erase import erase, person
from shared.settings import get_settings, load
from tests.functions.coordinations.conftest import Desk, setting, variables
from tests.support import tsql
from tests.support.world import LOCAL_KEY
from tests.unit.web.calls import Api


def test_process_and_robot_become_one_thing(desk: Desk) -> None:
    """The process is started, then the robot, each knows the other's number; the robot's result completes the task."""
    assert desk.ask().status_code == 202
    row = desk.row
    (process,), (run,) = desk.processes, desk.runs
    assert (row.state, row.process_id, row.execution_id) == ("waiting", process["id"], run["id"])
    assert process["variables"] == {"request": row.payload, "coordinationId": str(row.id)}
    context = dict(run["context"])
    assert context.pop("callbackUrl").startswith("https://puente.example/api/v1/coordinations/result?t=1.")
    ours = {"coordinationId": row.id, "businessKey": "order-881", "processInstanceId": process["id"]}
    assert (run["bot"], context) == ("process-order", row.payload | ours)
    assert desk.report() == 1
    assert (desk.row.state, desk.row.reason, desk.row.result) == ("done", None, {"bot": "process-order"})
    assert variables(desk)["robotStatus"] == "completed"
    assert variables(desk)["robotExecutionId"] == run["id"]
    assert desk.processes[0]["ended"]
    assert desk.states == ["asked", "triggering", "waiting", "reporting", "done"]


def test_everything_that_comes_again_changes_nothing(desk: Desk) -> None:
    """The same wish under its key, the robot's report three times, and the deliveries' jobs once more."""
    desk.ask()
    desk.ask(payload={"order": "another"})
    desk.report(copies=3)
    desk.ask()
    assert (len(desk.rows), len(desk.processes), len(desk.runs), desk.row.state) == (1, 1, 1, "done")
    assert desk.row.payload["order"] == "881"
    tasks = desk.engine.records("tasks", {}, None)[0]
    assert len(tasks) == 1


def test_robot_that_fails_is_reported_to_the_process(desk: Desk) -> None:
    """The task is completed with what went wrong; the coordination has failed."""
    desk.crew.act("mood", {"mood": "fails"})
    desk.ask()
    desk.report()
    assert (desk.row.state, desk.row.reason, desk.row.error) == ("failed", "robot-failed", "Robot: the order is unknown")
    assert (variables(desk)["robotStatus"], variables(desk)["robotError"]) == ("failed", "Robot: the order is unknown")


@pytest.mark.parametrize(("mood", "message"), [("online", "robotAnswered"), ("fails", "robotFailed")])
def test_message_event_takes_the_result(
    desk: Desk, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, mood: str, message: str
) -> None:
    """A process that waits for a message gets it once, also where the answer to it is lost."""
    environment.delenv("COORDINATIONS_TASK")
    setting(environment, coordinations_message="robotAnswered", coordinations_failed_message="robotFailed")
    desk.crew.act("mood", {"mood": mood})
    desk.ask(process_key="robotByMessage")
    with pytest.MonkeyPatch.context() as patch:
        answered = desk.engine.answer

        def losing(call: Any) -> Any:
            if call.method == "PUT":
                desk.flowable.lose_answers = 1
            return answered(call)

        patch.setattr(desk.engine, "answer", losing)
        desk.report()
        desk.pass_time(test_clock, minutes=5)
    sent = [json.loads(call.body) for call in desk.flowable.calls if call.method == "PUT"]
    assert [one["messageName"] for one in sent] == [message]
    assert desk.row.state == ("done" if mood == "online" else "failed")
    assert desk.processes[0]["variables"]["puenteReport"] == "1"


@pytest.mark.parametrize("missing", ["flowable_base_url", "openrpa_webhook_url", "link_signing_secrets"])
def test_what_was_not_set_up_goes_on_once_it_is(desk: Desk, environment: pytest.MonkeyPatch, missing: str) -> None:
    """Nothing is lost and nothing begun: the start is retried by a person."""
    was = os.environ[missing.upper()]
    setting(environment, **{missing: ""})
    desk.ask()
    assert (desk.row.state, desk.row.reason, desk.processes) == ("failed", "process-not-started", [])
    assert "not set up" in desk.alerts[0]
    setting(environment, **{missing: was})
    number = desk.api("GET", "/1").json["steps"][0]["delivery_id"]
    assert Api().post(f"/api/v1/deliveries/{number}/retry", key=LOCAL_KEY).status in (200, 202)
    desk.world.run()
    assert (desk.row.state, desk.row.reason, len(desk.runs)) == ("waiting", None, 1)


def test_api_shows_each_step(desk: Desk) -> None:
    """The list by each of its keys; one with its calls, and without the callback's token."""
    desk.ask()
    desk.report()
    found = desk.api("GET", state="done", business_key="order-881", bot="process-order", execution_id=desk.runs[0]["id"]).json
    assert [one["id"] for one in found["items"]] == [1]
    whole = desk.api("GET", "/1").json
    assert [(one["step"], one["state"]) for one in whole["steps"]] == [
        ("flowable.start", "done"),
        ("openrpa.run", "done"),
        ("flowable.report", "done"),
    ]
    assert (whole["result"], whole["payload"]["order"]) == ({"bot": "process-order"}, "881")
    assert "?t=" not in json.dumps(whole)
    assert desk.api("GET", "/9").status == 404


@pytest.mark.parametrize(
    ("token", "header"), [("a.b.c", "Bearer a.b.c"), ("rest-admin:test", "Basic cmVzdC1hZG1pbjp0ZXN0"), ("", None)]
)
def test_flowable_is_told_who_we_are(token: str, header: str | None) -> None:
    """A token as Bearer, user and password as Basic."""
    assert flowable.authorization(token).get("Authorization") == header


def test_task_and_message_at_once_are_refused_at_the_start(environment: pytest.MonkeyPatch) -> None:
    """The result would be given twice."""
    environment.setenv("COORDINATIONS_TASK", "a")
    environment.setenv("COORDINATIONS_MESSAGE", "b")
    get_settings.cache_clear()
    with pytest.raises(ConfigurationError, match="COORDINATIONS_TASK and COORDINATIONS_MESSAGE"):
        load()


@pytest.mark.slow
def test_azure_sql_takes_every_statement(desk: Desk, test_clock: clock.TestClock) -> None:
    """Of a run with an approval, a robot that answers late, an erasure and the API's lists, read by two parsers."""
    with tsql.recorded() as statements:
        desk.ask(approval=True)
        Api().post("/api/v1/approvals/1/approve", key="key-of-bruno", body={})
        Api().get("/api/v1/approvals", key="key-of-bruno", state="approved", kind="coordination", subject="x", asked_by="y")
        desk.world.run()
        desk.pass_time(test_clock, minutes=61)
        desk.report()
        desk.api("GET", state="done", reason="x", bot="b", process_key="p", business_key="k", process_id="1", execution_id="2")
        desk.api("GET", "/1")
        decisions.expire()
        decisions.remind()
        erase(person(email="luz@example.com"), way="skip", actor="dpo")
    assert len(statements) > 50
    for statement in statements:
        tsql.check(tsql.compiled(statement))
