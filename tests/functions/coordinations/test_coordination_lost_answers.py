"""Answers that get lost, and tasks that come late: what can be looked for is found, a robot is waited for."""

import pytest

from functions.coordinations import flowable
from shared import clock
from tests.functions.coordinations.conftest import Desk, setting


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
