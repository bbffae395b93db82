"""Pause, resume and cancel over the API, for an automation and for one execution."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from functions.broadcasts import planning, running_automation, running_control, starting
from functions.broadcasts import running as running_job
from functions.broadcasts.tables import Automation, Execution
from shared import clock
from shared.settings import get_settings
from shared.store.session import transact
from tests.functions.broadcasts.conftest import LIST, automation, contacts, started
from tests.unit.web.calls import Api


@pytest.fixture
def running(api: Api) -> tuple[dict[str, Any], str]:
    """An automation, and the address of its execution, which runs."""
    contacts(api, 2)
    made = automation(api)
    execution = started(api, made)
    transact(lambda session: running_control.start_if_ready(session, 1))
    return made, f"/api/v1/executions/{execution['id']}"


def test_execution_is_paused_resumed_and_cancelled(api: Api, running: tuple[dict[str, Any], str]) -> None:
    """Each with its state, the reason and the time; what does not fit the state is 409, and an unknown one 404."""
    _made, where = running
    assert api.post(f"{where}/resume", body={}).status == 409
    paused = api.post(f"{where}/pause", body={"reason": "wrong text"})
    assert (paused.json["status"], paused.json["pause_reason"]) == ("paused", "wrong text")
    assert api.post(f"{where}/resume").json["status"] == "running"
    cancelled = api.post(f"{where}/cancel", body={"reason": "enough"})
    assert (cancelled.json["status"], cancelled.json["cancelled_at"] is None) == ("cancelled", False)
    assert api.post(f"{where}/cancel").status == 409
    assert api.post("/api/v1/executions/00000000-0000-4000-8000-000000000001/cancel").status == 404


def test_automation_takes_its_executions_along(api: Api, running: tuple[dict[str, Any], str]) -> None:
    """Paused and active are the automation's states as well; who only reads may do nothing of it."""
    made, where = running
    mine = f"{LIST}/{made['id']}"
    assert api.post(f"{mine}/pause", key="read-key").status == 403
    assert [one["status"] for one in api.post(f"{mine}/pause").json["executions"]] == ["paused"]
    assert api.get(mine).json["status"] == "paused"
    assert [one["status"] for one in api.post(f"{mine}/resume").json["executions"]] == ["running"]
    assert (api.get(mine).json["status"], api.get(mine).json["is_active"]) == ("active", True)
    assert [one["status"] for one in api.post(f"{mine}/cancel").json["executions"]] == ["cancelled"]
    assert (api.get(where).json["status"], api.get(mine).json["status"]) == ("cancelled", "draft")
    assert api.post(f"{mine}/cancel").status == 409


def test_start_while_one_is_paused_is_an_execution_of_its_own(api: Api, running: tuple[dict[str, Any], str]) -> None:
    """A paused one neither blocks a change nor is lost by it."""
    made, where = running
    api.post(f"{where}/pause")
    assert api("PUT", f"{LIST}/{made['id']}", body={"name": "x"}).status == 200
    assert started(api, made)["id"] not in where
    assert api.get(f"{LIST}/{made['id']}/executions").json["total"] == 2


def test_deletion_ends_what_is_paused(api: Api, running: tuple[dict[str, Any], str]) -> None:
    """Whoever deletes an automation wants nothing more of it sent: the paused execution says why it ended, and stays ended."""
    made, where = running
    assert api("DELETE", f"{LIST}/{made['id']}").status == 400
    api.post(f"{where}/pause")
    running_job.run_all()
    assert api("DELETE", f"{LIST}/{made['id']}").status == 204
    shown = api.get(where).json
    assert (shown["status"], shown["pause_reason"]) == ("cancelled", "its automation was deleted")
    assert api.post(f"{where}/resume").status == 409
    running_job.run_all()
    assert api.get(where).json["status"] == "cancelled"


def test_paused_execution_of_an_automation_that_was_deleted_is_not_resumed(
    api: Api, running: tuple[dict[str, Any], str]
) -> None:
    """Deleted by an earlier release, which left it paused: neither by hand nor by its time; it can be cancelled."""
    _made, where = running
    until = clock.now() - timedelta(minutes=1)
    transact(lambda session: running_control.pause(session, 1, "ana", None, until=until))
    transact(lambda session: session.execute(update(Automation).values(deleted_at=clock.now())))
    refused = api.post(f"{where}/resume")
    assert (refused.status, refused.json["title"]) == (409, "The automation of this execution was deleted.")
    assert running_job._paused_and_due() == []
    running_job.run_all()
    assert api.get(where).json["status"] == "paused"
    assert api.post(f"{where}/cancel").json["status"] == "cancelled"


def test_cancelled_start_asks_nobody_any_more(api: Api, environment: pytest.MonkeyPatch) -> None:
    """The approval that it waited for is withdrawn."""
    environment.setenv("BROADCAST_APPROVAL_ABOVE", "1")
    get_settings.cache_clear()
    contacts(api, 2)
    execution = started(api, automation(api))
    assert execution["approval"] == "pending"
    api.post(f"/api/v1/executions/{execution['id']}/cancel")
    assert api.get(f"/api/v1/approvals/{execution['approval_id']}").json["state"] == "withdrawn"
    transact(lambda session: session.execute(update(Execution).values(status="queued")))
    assert transact(lambda session: running_control.start_if_ready(session, 1)) is False


@pytest.mark.parametrize("waits_for", ["approval", "planning"])
def test_what_is_queued_does_not_begin_while_its_automation_is_paused(
    api: Api, environment: pytest.MonkeyPatch, waits_for: str
) -> None:
    """Approved or worked out meanwhile, it stays queued; resumed, it begins."""
    environment.setenv("BROADCAST_APPROVAL_ABOVE", "1" if waits_for == "approval" else "1000")
    get_settings.cache_clear()
    contacts(api, 2)
    made = automation(api)
    if waits_for == "planning":
        environment.setattr(starting, "plan_at_once", lambda _execution_id: None)
    execution = started(api, made)
    mine, where = f"{LIST}/{made['id']}", f"/api/v1/executions/{execution['id']}"
    assert api.post(f"{mine}/pause").json["executions"] == []
    if waits_for == "approval":
        assert api.post(f"/api/v1/approvals/{execution['approval_id']}/approve", body={}, key="write-key").status == 200
    planning.plan_all()
    running_job.run_all()
    shown = api.get(where).json
    assert (shown["status"], shown["planning"], shown["started_at"]) == ("queued", False, None)
    assert transact(lambda session: running_control.start_if_ready(session, 1)) is False
    assert api.post(f"{mine}/resume").json["status"] == "active"
    running_job.run_all()
    assert api.get(where).json["status"] == "running"


def test_execution_that_begins_while_its_automation_is_paused_is_held(
    api: Api, running: tuple[dict[str, Any], str], environment: pytest.MonkeyPatch
) -> None:
    """Seen as queued, it runs by the time that its row is locked."""
    made, where = running
    seen = running_automation._open

    def before(session: Any, row: Any) -> Any:
        found = seen(session, row)
        for one in found:
            one.status = "queued"  # as it was read before the lock; never written
            session.expunge(one)
        return found

    environment.setattr(running_automation, "_open", before)
    assert [one["status"] for one in api.post(f"{LIST}/{made['id']}/pause").json["executions"]] == ["paused"]
    assert api.get(where).json["status"] == "paused"
