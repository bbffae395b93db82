"""Robots that do not answer or are refused, and what somebody cancels or does not approve: the process is taken back."""

import pytest

from shared import clock
from shared.approvals import decisions
from tests.functions.coordinations.conftest import Desk, setting, variables
from tests.support.world import LOCAL_KEY
from tests.unit.web.calls import Api


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
