"""Whatever happens in whatever order ends in one way."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from functions.coordinations import services
from functions.coordinations.tables import Coordination
from shared import clock
from shared.store.models import Delivery
from shared.store.session import transact
from tests.functions.coordinations.conftest import Desk, setting

NUMBERS = itertools.count()
MOVES = st.lists(
    st.sampled_from(["report", "fail", "again", "cancel", "hour", "jobs", "lose-flowable", "lose-robot", "worked", "raised"]),
    max_size=6,
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@pytest.mark.parametrize("by", ["webhook", "queue"])
@given(moves=MOVES)
def test_any_order_ends_in_one_way(
    desk: Desk, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, by: str, moves: list[str]
) -> None:
    """Whatever happens when: one process, one robot, an end that stays, and no process that waits for ever.

    A robot that is given a work item may also work it, well or not, and say nothing.
    """
    setting(environment, coordinations_robot_by=by)
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
            case "worked" | "raised" if by == "queue" and desk.runs:
                desk.crew.act("item", {"id": desk.runs[0]["id"], "state": "successful" if move == "worked" else "failed"})
                desk.world.run_for(test_clock, minutes=11, step_seconds=120)
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
