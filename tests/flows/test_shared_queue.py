"""Quiet flows share a queue, and a flow that changes its queue loses nothing that lies on the old one."""

import json
from typing import Any

import azure.functions as func
import pytest
from sqlalchemy import select

from functions.messages import STATUS_QUEUE
from shared import clock, flows
from shared.bootstrap import build_app
from shared.intake import dead_letter_store
from shared.intake.endpoint import EVENTS_QUEUE
from shared.store.models import DeadLetter
from shared.store.session import reading, transact
from tests.support.world import QueueMessage

MOST_QUEUE_FUNCTIONS, MOST_TIMERS = 12, 6


@pytest.fixture
def functions(environment: pytest.MonkeyPatch) -> dict[str, Any]:
    """The functions of the app by name, as the host is told of them."""
    import functions as package

    for blueprint in flows.parts("functions"):
        blueprint.functions_bindings = None
    app = build_app(package)
    app.functions_bindings = None
    return {one.get_function_name(): one for one in app.get_functions()}


def letters() -> list[DeadLetter]:
    """Every dead letter."""
    with reading() as session:
        return list(session.scalars(select(DeadLetter)))


def unsubscribe() -> bytes:
    """An event as it lies on the queue."""
    data = {"address": "a" * 32, "person": "b" * 32, "delivery": 1}
    event = {"id": "1", "source": "link", "type": "link.unsubscribe", "time": "2026-03-01T10:00:00Z", "data": data}
    return json.dumps(event).encode()


def test_few_function_groups(functions: dict[str, Any]) -> None:
    """Each queue function and each timer has instances of its own: those of moved queues go after seven days."""
    kinds = {name: one.get_trigger().type for name, one in functions.items()}
    moved = set(flows.moved_queues().values())
    assert len([name for name, kind in kinds.items() if kind == "queueTrigger" and name not in moved]) <= MOST_QUEUE_FUNCTIONS
    assert len([name for name, kind in kinds.items() if kind == "timerTrigger"]) <= MOST_TIMERS


def test_a_moved_queue_keeps_its_function(functions: dict[str, Any]) -> None:
    """Under the same name and on the same queue, by one line of the flow's declaration."""
    for queue, name in flows.moved_queues().items():
        assert functions[name].get_trigger().queue_name == queue
        assert queue in flows.queues()
    assert {"sequences-queue", "unsubscribe-queue"} == set(flows.moved_queues())


def test_what_lies_on_a_moved_queue_is_handled_and_goes_on_in_the_new_one(
    functions: dict[str, Any], world: Any, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that fails is put back on the queue of today, so that the old one runs dry."""
    left = functions["unsubscribe_handler"].get_user_function()
    monkeypatch.setattr("shared.store.session.transact", _busy)
    left(QueueMessage(body=unsubscribe(), dequeue_count=1))
    assert [json.loads(item.body)["type"] for item in storage.queues[EVENTS_QUEUE]] == ["link.unsubscribe"]


def _busy(*_given: Any) -> None:
    raise OSError("busy")


def test_a_dead_letter_of_a_queue_that_is_gone_is_replayed_on_the_one_of_today(world: Any, storage: Any) -> None:
    """Letters are kept for as long as nobody resolves them; the queue's name in them is history."""
    values = {"key": "k", "original_queue": "gone-queue", "original_event": unsubscribe().decode(), "type": "link.unsubscribe"}
    transact(lambda session: session.add(DeadLetter(**values, reason="x", error_message="x", error_time=clock.now())))
    dead_letter_store.replay(letters()[0].id, "somebody")
    assert [json.loads(item.body)["replayof"] for item in storage.queues[EVENTS_QUEUE]] == [letters()[0].id]


def test_a_dead_letter_of_the_shared_queue_names_its_flow(world: Any, storage: Any, caplog: pytest.LogCaptureFixture) -> None:
    """In the log, where an alert is looked into."""
    from functions.system import events_handler

    body = json.loads(unsubscribe()) | {"type": "christmas.signup", "source": "christmas"}
    events_handler(func.QueueMessage(body=json.dumps(body).encode()))
    assert "dead letter from events-queue (flow christmas)" in caplog.text


@pytest.mark.parametrize(
    ("queue", "kind", "flow"),
    [
        (EVENTS_QUEUE, "calendly.invitee", "christmas"),
        (EVENTS_QUEUE, "unknown", "system"),
        (STATUS_QUEUE, "brevo.event", "messages"),
        ("sequences-queue", None, "christmas"),
        ("nobodys-queue", None, None),
    ],
)
def test_owner_of_an_event(queue: str, kind: str | None, flow: str | None) -> None:
    """By its type where flows share a queue, else by the queue."""
    assert flows.owner(queue, kind) == flow
