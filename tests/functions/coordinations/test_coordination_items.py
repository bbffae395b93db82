"""A robot that works its work item and reports nothing: the item itself says what has become of it, once nobody else has."""

from datetime import timedelta

import pytest

from functions.coordinations.items import GRACE
from shared import clock, faults
from shared.faults import InjectedFault
from shared.privacy.erase import erase, person
from tests.functions.coordinations.conftest import Desk, setting, variables
from tests.support.payloads import payload


@pytest.fixture(autouse=True)
def _by_item(desk: Desk, environment: pytest.MonkeyPatch) -> None:
    """Robots are given work items, and OpenFlow can be asked."""
    setting(environment, coordinations_robot_by="queue")


def wait(desk: Desk, test_clock: clock.TestClock, minutes: int = 16) -> None:
    """Let time pass with all timers, shorter than a robot is waited for."""
    desk.world.run_for(test_clock, minutes=minutes, step_seconds=60)


def asked(desk: Desk) -> int:
    """How many times OpenFlow was asked for an item."""
    return sum("/query/workitems" in call.path for call in desk.robots.calls)


def test_item_that_was_worked_completes_the_task(desk: Desk, test_clock: clock.TestClock) -> None:
    """With what the robot has put into it; once, though it is looked at more often."""
    desk.crew.act("mood", {"mood": "silent"})
    desk.ask()
    wait(desk, test_clock)
    row = desk.row
    assert (row.state, row.item_state, row.result) == ("done", "successful", {"bot": "process-order"})
    assert variables(desk)["robotStatus"] == "completed"
    assert row.escalated_at is None
    before = asked(desk)
    wait(desk, test_clock)
    assert asked(desk) == before, "what is over is not looked at"


def test_item_that_failed_fails_the_task(desk: Desk, test_clock: clock.TestClock) -> None:
    """Long before anybody would have given up waiting, and with the robot's own words."""
    desk.crew.act("mood", {"mood": "raises"})
    desk.ask()
    wait(desk, test_clock)
    row = desk.row
    assert (row.state, row.reason, row.error) == ("failed", "robot-failed", "Selector not found")
    assert (variables(desk)["robotStatus"], variables(desk)["robotError"]) == ("failed", "Selector not found")
    assert not any("has not answered" in text for text in desk.alerts)


def test_report_of_the_robot_counts_before_the_item(desk: Desk, test_clock: clock.TestClock) -> None:
    """An item may be done for its queue although the work came to nothing: what the robot reports itself is waited for."""
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask()
    desk.crew.act("item", {"id": desk.runs[0]["id"], "state": "successful"})
    wait(desk, test_clock, minutes=2)
    assert (desk.row.state, desk.row.item_state) == ("waiting", "successful")
    assert desk.post_result({"coordination": 1, "status": "failed", "error": "no stock"}, key="key-of-shop") == 202
    wait(desk, test_clock)
    assert (desk.row.state, desk.row.error) == ("failed", "no stock")


def test_item_that_is_to_be_tried_again_is_no_end(desk: Desk, test_clock: clock.TestClock) -> None:
    """OpenFlow makes it `new` again; an end counts from when it was seen last, without anything between."""
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask()
    number = desk.runs[0]["id"]
    for state in ("failed", "new", "processing", "failed"):
        desk.crew.act("item", {"id": number, "state": state})
        wait(desk, test_clock, minutes=5)
    assert desk.row.state == "waiting", "the last end was seen a moment ago"
    wait(desk, test_clock, minutes=int(GRACE / timedelta(minutes=1)) + 6)
    assert desk.row.state == "failed"


def test_robot_that_dies_is_reported_with_the_state_of_its_item(desk: Desk, test_clock: clock.TestClock) -> None:
    """OpenFlow leaves it `processing` for ever, so the time decides, and the alert says what is known."""
    desk.crew.act("mood", {"mood": "dies"})
    desk.ask()
    wait(desk, test_clock, minutes=60)
    desk.pass_time(test_clock, minutes=1)
    assert (desk.row.state, desk.row.item_state) == ("waiting", "processing")
    assert "its work item is processing" in desk.alerts[-1]
    assert desk.api("GET", "/1").json["item_state"] == "processing"


@pytest.mark.parametrize("setting_name", ["openflow_token", "openflow_base_url"])
def test_without_openflows_api_nothing_is_asked(
    desk: Desk, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, setting_name: str
) -> None:
    """Then the robot's report counts, and the time, as with a robot that an address starts."""
    setting(environment, **{setting_name: ""})
    desk.crew.act("mood", {"mood": "silent"})
    desk.ask()
    wait(desk, test_clock)
    assert (desk.row.state, desk.row.item_state, asked(desk)) == ("waiting", None, 0)


def test_openflow_that_is_away_ends_nothing(desk: Desk, test_clock: clock.TestClock) -> None:
    """A look that failed says nothing; the next one does."""
    desk.crew.act("mood", {"mood": "silent"})
    desk.ask()
    desk.robots.lose_answers = 3
    wait(desk, test_clock, minutes=50)
    assert desk.row.state == "done"


def test_undoing_is_a_work_item_too(desk: Desk, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> None:
    """The robot that undoes is reached as the first one was; a lost answer makes no second item."""
    setting(environment, coordinations_undo_bot="undo-order", openrpa_webhook_url="")
    desk.crew.act("mood", {"mood": "offline"})
    desk.ask()
    desk.robots.lose_answers = 1
    desk.api("POST", "/1/cancel", body={})
    wait(desk, test_clock)
    assert [(run["kind"], run["bot"], run["context"].get("undo")) for run in desk.runs] == [
        ("item", "process-order", None),
        ("item", "undo-order", True),
    ]
    assert (desk.row.state, desk.row.reason, desk.row.undone_at is not None) == ("failed", "cancelled", True)


def test_erased_person_is_looked_at_no_more_than_before(desk: Desk, test_clock: clock.TestClock) -> None:
    """What the item holds of them is kept nowhere here; that it ended still ends the run."""
    desk.crew.act("mood", {"mood": "silent"})
    desk.ask(payload={"order": "881", "email": "luz@example.com"})
    erase(person(email="luz@example.com"), way="skip", actor="dpo")
    wait(desk, test_clock)
    assert (desk.row.state, desk.row.payload, desk.row.result) == ("done", None, None)


@pytest.mark.parametrize("point", ["outbox.after_claim", "outbox.after_call", "outbox.after_record"])
@pytest.mark.share(1)
def test_worker_that_dies_again_and_again_takes_the_item_once(desk: Desk, test_clock: clock.TestClock, point: str) -> None:
    """While it is made, while it is looked at, and while the process is told: one item, one report, one end."""
    desk.crew.act("mood", {"mood": "silent"})
    faults.inject(f"{point}=raise:1x4")
    try:
        desk.world.post("coordinations", payload("coordinations.request", "order"))
        desk.world.run_for(test_clock, minutes=45, step_seconds=60, swallow=(InjectedFault,))
    finally:
        faults.inject("")
    desk.world.run_for(test_clock, minutes=30, step_seconds=60)
    assert (desk.row.state, desk.row.result_status, len(desk.runs), len(desk.processes)) == ("done", "completed", 1, 1)
    completed = [call for call in desk.flowable.calls if call.method == "POST" and "/tasks/" in call.path]
    assert completed, "the task was completed by us"
    assert desk.processes[0]["ended"]
    assert desk.states.count("done") == 1
