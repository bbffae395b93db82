"""A process and its robot: once, in any order, with answers that get lost and robots that do not answer."""

import itertools
import json
import os
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from functions.coordinations import flowable, robots, services
from functions.coordinations.tables import Coordination
from shared import clock
from shared.approvals import decisions
from shared.errors import ConfigurationError
from shared.privacy.erase import erase, look, person
from shared.retention import rules
from shared.settings import get_settings, load
from shared.store.models import Delivery
from shared.store.session import transact
from tests.functions.coordinations.conftest import Desk
from tests.support import tsql
from tests.support.world import LOCAL_KEY
from tests.unit.web.calls import Api


def variables(desk: Desk) -> dict[str, Any]:
    """The variables of the only process."""
    (process,) = desk.processes
    return dict(process["variables"])


def setting(environment: pytest.MonkeyPatch, **values: str) -> None:
    """Set these settings."""
    for name, value in values.items():
        environment.setenv(name.upper(), value)
    get_settings.cache_clear()


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


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_start_whose_answer_is_lost_is_found_by_its_key(desk: Desk, test_clock: clock.TestClock, lost: int) -> None:
    """Whichever of the calls breaks: one process, and the robot knows its number."""
    desk.flowable.lose_answers = lost
    desk.ask()
    for _ in range(4):
        desk.pass_time(test_clock, minutes=2)
    assert len(desk.processes) == 1
    assert (desk.row.state, desk.row.process_id) == ("waiting", desk.processes[0]["id"])


def test_two_processes_of_one_key_become_one(desk: Desk) -> None:
    """A second start was under way when the first was looked for: the first stays, the other is cancelled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flowable, "_processes", lambda _row: [])
        desk.ask()
    row, first = desk.row, desk.processes[0]["id"]
    flowable.FLOWABLE.call("POST", "/runtime/process-instances", repeatable=False, json=flowable.request_of(row))
    assert len(desk.processes) == 2
    assert flowable.start(row)["process_id"] == first
    assert [process["delete_reason"] for process in desk.processes] == [None, "Puente: started twice"]


def test_robot_whose_start_is_unknown_is_waited_for(desk: Desk) -> None:
    """Nobody knows whether it runs, so it is not started again; its report settles it, and operators know."""
    desk.robots.lose_answers = 9
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask()
    assert (desk.row.state, desk.row.reason, len(desk.runs)) == ("waiting", "robot-start-unknown", 1)
    assert "nobody knows whether its robot was started" in desk.alerts[0]
    desk.robots.lose_answers = 0
    desk.crew.act("report", {"id": desk.runs[0]["id"]})
    desk.report()
    assert (desk.row.state, desk.row.reason) == ("done", None)


def test_robot_that_ignores_repeats_is_started_again(
    desk: Desk, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
) -> None:
    """Where the setting says so: the second call carries the same number, by which the robot's side knows it."""
    setting(environment, openrpa_ignores_repeats="true")
    desk.robots.lose_answers = 1
    desk.ask()
    desk.pass_time(test_clock, minutes=2)
    assert desk.row.state == "waiting"
    assert [run["context"]["coordinationId"] for run in desk.runs] == [1, 1]


@pytest.mark.parametrize("is_asked", [True, False])
def test_work_item_whose_answer_is_lost_is_looked_for(
    desk: Desk, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, *, is_asked: bool
) -> None:
    """OpenFlow is asked whether the item is there, so there is one; where it cannot be asked, it is waited for."""
    setting(environment, coordinations_robot_by="queue", **({} if is_asked else {"openflow_token": ""}))
    desk.crew.act("mood", {"mood": "offline"})
    desk.robots.lose_answers = 1
    desk.ask()
    for _ in range(12):
        desk.pass_time(test_clock, minutes=20)
    (item,) = desk.runs
    assert (item["kind"], item["context"]["businessKey"], item["bot"]) == ("item", "order-881", "process-order")
    assert desk.row.state == "waiting"
    assert desk.row.execution_id == (item["id"] if is_asked else None)


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


def test_task_that_is_not_reached_yet_is_waited_for(desk: Desk, test_clock: clock.TestClock) -> None:
    """The robot was quicker than the process; the result is kept and given later."""
    desk.engine.act("hold", {"holds": "yes"})
    desk.ask()
    desk.report()
    assert desk.row.state == "reporting"
    desk.engine.act("advance", {"id": desk.processes[0]["id"]})
    desk.pass_time(test_clock, minutes=5)
    assert desk.row.state == "done"


def test_task_whose_completion_is_lost_is_done(desk: Desk, test_clock: clock.TestClock) -> None:
    """The second try finds it in the history."""
    desk.ask()
    desk.flowable.lose_answers = 2
    desk.report()
    desk.pass_time(test_clock, minutes=5)
    assert desk.row.state == "done"


def test_process_that_ended_without_the_robot_needs_a_person(desk: Desk, test_clock: clock.TestClock) -> None:
    """Somebody has ended it in Flowable: the result cannot be given; an alert says so, and it can be tried again."""
    desk.ask()
    desk.engine.act("end", {"id": desk.processes[0]["id"]})
    desk.engine.shelf._rows["tasks"].clear()
    desk.report()
    assert (desk.row.state, desk.row.reason) == ("failed", "not-reported")
    assert "the process has ended" in desk.alerts[-1]


def test_robot_that_does_not_answer(desk: Desk, test_clock: clock.TestClock) -> None:
    """After an hour the operators know, after four more it counts as a failure; a report after that is late, not lost."""
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask()
    desk.pass_time(test_clock, minutes=59)
    assert desk.alerts == []
    desk.pass_time(test_clock, minutes=2)
    assert (desk.row.state, len(desk.alerts)) == ("waiting", 1)
    desk.pass_time(test_clock, minutes=2)
    assert len(desk.alerts) == 1
    desk.pass_time(test_clock, minutes=240)
    assert (desk.row.state, desk.row.reason, desk.row.error) == ("failed", "no-answer", "the robot has not answered")
    assert variables(desk)["robotStatus"] == "failed"
    desk.crew.act("report", {"id": desk.runs[0]["id"]})
    desk.report()
    assert desk.row.result_status == "failed"
    assert "has answered too late: completed" in desk.alerts[-1]


def test_robot_that_answers_after_the_alert_is_in_time(desk: Desk, test_clock: clock.TestClock) -> None:
    """The alert ends nothing."""
    desk.crew.act("mood", {"mood": "dies"})
    desk.ask(wait_minutes=5)
    desk.pass_time(test_clock, minutes=6)
    desk.crew.act("report", {"id": desk.runs[0]["id"]})
    desk.report()
    assert desk.row.state == "done"


def test_robot_that_is_refused_takes_the_process_back(desk: Desk, environment: pytest.MonkeyPatch) -> None:
    """Whoever stands at the address does not know us or the flow: nothing runs, so nothing is undone, and no process waits."""
    setting(environment, openrpa_webhook_url="http://sandbox.invalid/robots/robot/gone", coordinations_undo_bot="undo-order")
    desk.ask()
    assert (desk.row.state, desk.row.reason) == ("failed", "robot-not-started")
    assert desk.processes[0]["delete_reason"] == "Puente: robot-not-started"
    assert desk.runs == []


def test_process_that_is_refused_ends_it(desk: Desk) -> None:
    """Flowable knows no such definition: no robot runs, and the operators know."""
    desk.ask(process_key="nobodyKnows")
    assert (desk.row.state, desk.row.reason, desk.runs) == ("failed", "process-not-started", [])
    assert "process-not-started" in desk.alerts[0]


def test_cancelled_is_taken_back(desk: Desk, environment: pytest.MonkeyPatch) -> None:
    """The process is cancelled and the robot for that undoes what the first may have done; a second time changes nothing."""
    setting(environment, coordinations_undo_bot="undo-order")
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask()
    for _ in range(2):
        answer = desk.api("POST", "/1/cancel", body={})
        assert answer.status == 200
        desk.world.run()
    assert (desk.row.state, desk.row.reason) == ("failed", "cancelled")
    assert desk.processes[0]["delete_reason"] == "Puente: cancelled"
    assert [(run["bot"], run["context"].get("undo")) for run in desk.runs] == [("process-order", None), ("undo-order", True)]
    desk.crew.act("report", {"id": desk.runs[0]["id"]})
    desk.report()
    assert "has answered too late" in desk.alerts[-1]


def test_cancelled_before_the_process_is_there(desk: Desk, test_clock: clock.TestClock) -> None:
    """Its start is under way: it is cancelled once it is there, and no robot runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.world, "handlers", {"events-queue": desk.world.handlers["events-queue"]})
        desk.ask()
    assert desk.row.state == "starting"
    desk.api("POST", "/1/cancel", body={})
    desk.world.run()
    assert (desk.row.state, desk.row.reason, desk.runs) == ("failed", "cancelled", [])
    assert [process["delete_reason"] for process in desk.processes] == ["Puente: cancelled"]


def test_what_is_over_cannot_be_cancelled(desk: Desk) -> None:
    """409; one that is not there is 404."""
    desk.ask()
    desk.report()
    assert desk.api("POST", "/1/cancel", body={}).status == 409
    assert desk.api("POST", "/9/cancel", body={}).status == 404


def test_second_person_lets_the_robot_run(desk: Desk) -> None:
    """The process is there, the robot is not until somebody else than the shop agrees; they see what it is about."""
    desk.ask(approval=True)
    assert (desk.row.state, desk.row.asked_by, desk.runs) == ("approval", "local", [])
    shown = Api().get("/api/v1/approvals/1", key="key-of-bruno").json
    assert {one["label"]: one["value"] for one in shown["details"]}["order"] == "881"
    assert Api().post("/api/v1/approvals/1/approve", key=LOCAL_KEY, body={}).status == 403
    assert Api().post("/api/v1/approvals/1/approve", key="key-of-bruno", body={}).status == 200
    desk.world.run()
    assert (desk.row.state, desk.row.approved_by, len(desk.runs)) == ("waiting", "bruno", 1)


@pytest.mark.parametrize("way", ["reject", "expire"])
def test_no_from_a_second_person_takes_the_process_back(desk: Desk, test_clock: clock.TestClock, way: str) -> None:
    """A rejection, or nobody's word within two days."""
    desk.ask(approval=True)
    if way == "reject":
        Api().post("/api/v1/approvals/1/reject", key="key-of-bruno", body={})
    else:
        test_clock.advance(hours=48)
        assert decisions.expire() == 1
    desk.pass_time(test_clock, seconds=1)
    assert (desk.row.state, desk.runs) == ("failed", [])
    assert desk.row.reason == f"approval-{'rejected' if way == 'reject' else 'expired'}"
    assert desk.processes[0]["ended"]


def test_cancelled_while_it_waits_for_a_person(desk: Desk) -> None:
    """The question is withdrawn, so that nobody decides on nothing."""
    desk.ask(approval=True)
    desk.api("POST", "/1/cancel", body={})
    desk.world.run()
    assert Api().get("/api/v1/approvals/1", key="key-of-bruno").json["state"] == "withdrawn"
    assert (desk.row.state, desk.row.reason) == ("failed", "cancelled")


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


def test_erased_person_leaves_the_run(desk: Desk) -> None:
    """What process and robot worked on goes; the process in Flowable is named for an operator."""
    desk.ask(approval=True)
    found = look(person(email="luz@example.com"), ask_odoo=False)
    assert (found.rows["coordinations"], found.rows["approvals"]) == (1, 1)
    assert found.by_hand["processes in Flowable"] == [desk.row.process_id]
    erase(person(email="luz@example.com"), way="skip", actor="dpo")
    assert (desk.row.payload, desk.row.email, desk.row.phone, desk.row.business_key) == (None, None, None, "order-881")
    assert Api().get("/api/v1/approvals/1", key="key-of-bruno").json["details"] == []
    Api().post("/api/v1/approvals/1/approve", key="key-of-bruno", body={})
    desk.world.run()
    assert (desk.row.state, desk.row.reason, desk.runs) == ("failed", "robot-not-started", [])


def test_old_ones_go_and_open_ones_stay(desk: Desk) -> None:
    """By when they ended."""
    desk.ask()
    desk.report()
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask(business_key="order-882")
    goes = rules()["coordinations"].goes(clock.now() + timedelta(days=1))
    transact(lambda session: session.execute(delete(Coordination).where(goes)))
    assert [row.business_key for row in desk.rows] == ["order-882"]


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


NUMBERS = itertools.count()
MOVES = st.lists(
    st.sampled_from(["report", "fail", "again", "cancel", "hour", "jobs", "lose-flowable", "lose-robot"]), max_size=6
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(moves=MOVES)
def test_any_order_ends_in_one_way(desk: Desk, test_clock: clock.TestClock, moves: list[str]) -> None:
    """Whatever happens when: one process, one robot, an end that stays, and no process that waits for ever."""
    transact(lambda session: [session.execute(delete(table)) for table in (Coordination, Delivery)])
    desk.engine.reset({})
    desk.crew.reset({})
    desk.flowable.lose_answers = desk.robots.lose_answers = 0
    desk.wire.sent.clear()
    desk.crew.act("mood", {"mood": "offline"})
    key = f"order-{next(NUMBERS)}"
    desk.ask(business_key=key)
    for move in moves:
        number = desk.row.id
        match move:
            case "report" | "fail":
                status = "completed" if move == "report" else "failed"
                desk.post_result({"coordination": number, "status": status}, key="key-of-shop")
            case "again":
                desk.ask(business_key=key)
            case "cancel":
                desk.api("POST", f"/{number}/cancel", body={})
                desk.world.run()
            case "hour" | "jobs":
                desk.pass_time(test_clock, minutes=61 if move == "hour" else 1)
            case "lose-flowable":
                desk.flowable.lose_answers = 1
            case "lose-robot":
                desk.robots.lose_answers = 1
    desk.flowable.lose_answers = desk.robots.lose_answers = 0
    for _ in range(4):
        desk.pass_time(test_clock, hours=3)
    (row,), (process,) = desk.rows, desk.processes
    assert len(desk.runs) == 1
    assert row.state in ("done", "failed")
    assert process["ended"]
    assert (process["variables"].get("robotStatus") is not None) == (row.reason != services.CANCELLED)
    assert (row.state == "done") == (row.result_status == "completed" and row.reason is None)


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
