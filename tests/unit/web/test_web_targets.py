"""Targets over the API: paused and resumed by hand, outages and what they held up, and the waits of a delivery."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from shared.errors import UnavailableError
from shared.outbox import plan
from shared.outbox.actions import Action, AfterUnknown, Done, Kind
from shared.outbox.execute import drain
from shared.outbox.policy import TargetPolicy
from shared.store.session import transact
from shared.store.wait_models import DeliveryWait, Outage, TargetPause
from tests.conftest import START
from tests.support.vendors import registered
from tests.unit.web.calls import Api


@pytest.fixture
def post(api: Api, test_clock: clock.TestClock) -> Any:
    """A target that fails once, then takes everything."""
    answers: list[Any] = [UnavailableError("the office is closed")]

    def execute(batch: Any) -> Any:
        answer = answers.pop() if answers else Done()
        return {one.id: answer for one in batch}

    action = Action(target="post", name="letter", kind=Kind.MESSAGE, execute=execute, after_unknown=AfterUnknown.SEND_AGAIN)
    with registered(action, TargetPolicy(failures_to_open=1, open_seconds=60)) as action:
        yield action


def test_outage_and_its_waits_are_seen(api: Api, post: Action, test_clock: clock.TestClock) -> None:
    """While it lasts and afterwards; the delivery says why it waits, then when and for what it has waited."""
    transact(lambda session: plan.message(session, post, "ana", "k", {}))
    drain("post")
    (during,) = api.get("/api/v1/outages", lasts=True).json["items"]
    assert (during["target"], during["ended_at"], during["held_up"]) == ("post", None, 0)
    assert api.get("/api/v1/deliveries/1").json["waits_for"] == "outage"
    target = next(one for one in api.get("/api/v1/targets").json if one["name"] == "post")
    assert (target["circuit"], target["due"], target["outage_id"], target["pause"]) == ("open", 1, during["id"], None)
    test_clock.advance(minutes=10)
    drain("post")
    after = api.get(f"/api/v1/outages/{during['id']}").json
    counts = {name: after[name] for name in ("held_up", "done", "not_done", "open")}
    assert (after["ended_at"], counts) == ("2026-03-02T09:10:00Z", {"held_up": 1, "done": 1, "not_done": 0, "open": 0})
    (wait,) = api.get("/api/v1/deliveries/1/waits").json["items"]
    assert (wait["reason"], wait["started_at"], wait["ended_at"], wait["outage_id"]) == (
        *("outage", "2026-03-02T09:00:00Z", "2026-03-02T09:10:00Z"),
        during["id"],
    )
    attempts = api.get("/api/v1/deliveries/1/attempts", order="oldest").json["items"]
    assert [(one["result"], one["started_at"] is not None) for one in attempts] == [("unavailable", True), ("done", True)]


def test_pause_names_who_made_it_and_needs_the_scope_to_write(api: Api, post: Action, test_clock: clock.TestClock) -> None:
    """A key that may only read is refused; the pause stands in the target and in the list."""
    address, asked = "/api/v1/targets/post/pause", {"until": "2026-03-02T12:00:00Z", "note": "they move house"}
    assert api.post(address, body=asked, key="read-key").status == 403
    made = api.post(address, body=asked, key="write-key").json
    assert (made["paused_by"], made["until"], made["note"]) == ("key:robot", "2026-03-02T12:00:00Z", "they move house")
    target = next(one for one in api.get("/api/v1/targets").json if one["name"] == "post")
    assert target["pause"] == made
    assert api.post("/api/v1/targets/post/resume").json["ended_by"] == "key:ops"
    assert api.post("/api/v1/targets/post/resume").status == 409
    (listed,) = api.get("/api/v1/target-pauses", target="post").json["items"]
    assert listed["ended_by"] == "key:ops"


def test_what_is_not_there_is_not_found(api: Api, test_clock: clock.TestClock) -> None:
    """Unknown targets, deliveries and outages; and a time that is over is refused."""
    for method, path in (
        ("POST", "/api/v1/targets/nowhere/pause"),
        ("POST", "/api/v1/targets/nowhere/resume"),
        ("GET", "/api/v1/outages/7"),
        ("GET", "/api/v1/deliveries/7/waits"),
        ("GET", "/api/v1/deliveries/7/attempts"),
    ):
        assert api(method, path, body={} if path.endswith("pause") else None).status == 404
    assert api.post("/api/v1/targets/odoo/pause", body={"until": "2026-01-01T00:00:00Z"}).status == 422


def test_lists_go_page_by_page(api: Api, add: Callable[..., Any]) -> None:
    """Each row once, in either order."""
    add(*(Outage(target="post", started_at=START + timedelta(hours=n)) for n in range(3)))
    add(*(TargetPause(target="post", paused_by="key:ops") for _ in range(3)))
    add(*(DeliveryWait(delivery_id=1, reason="pace", started_at=START, ended_at=START) for _ in range(3)))
    for path in ("/api/v1/outages", "/api/v1/target-pauses"):
        first = api.get(path, target="post", order="oldest", limit=2).json
        rest = api.get(path, target="post", order="oldest", limit=2, after=first["next"]).json
        assert [one["id"] for one in first["items"] + rest["items"]] == [1, 2, 3]
        assert (first["total"], rest["next"]) == (3, None)
