"""Queue depths, asked of a real storage service."""

import json

import pytest

from devhost.azurite import Azurite
from shared import clock, queues
from shared.errors import UnavailableError
from shared.intake.endpoint import EVENTS_QUEUE
from shared.watch import backlog
from tests.conftest import forget


@pytest.fixture
def account(azurite: Azurite, environment: pytest.MonkeyPatch) -> Azurite:
    """The app's queues are those of `azurite`."""
    environment.setenv("AzureWebJobsStorage", azurite.connection_string)
    forget()
    return azurite


def test_queue_that_does_not_exist_yet_is_empty(account: Azurite) -> None:
    """Before the first event there are no queues; that is no failure."""
    depth = backlog.depths()[queues.DEAD_LETTER_QUEUE]
    assert depth == {"messages": 0, "oldest_seconds": 0, "poison": 0, "flow": "system"}


def test_waiting_messages_count_with_the_age_of_the_first(account: Azurite) -> None:
    """Two messages wait; the older one has been there for as long as the clock says."""
    queues.send(queues.DELIVERY_QUEUE, b"{}")
    queues.send(queues.DELIVERY_QUEUE, b"{}")
    with clock.frozen(clock.now()) as later:
        later.advance(seconds=700)
        depth = backlog.depths()[queues.DELIVERY_QUEUE]
    assert depth["messages"] == 2
    assert 690 <= depth["oldest_seconds"] <= 705


def test_message_that_waits_for_its_time_is_not_old(account: Azurite) -> None:
    """A message put back with a delay is counted, but nothing of it is visible, so nothing is late."""
    queues.send("manychat-contact-queue", b"{}", delay_seconds=600)
    with clock.frozen(clock.now()) as later:
        later.advance(seconds=300)
        depth = backlog.depths()["manychat-contact-queue"]
    assert depth == {"messages": 1, "oldest_seconds": 0, "poison": 0, "flow": "contacts"}


def test_shared_queue_names_the_flow_of_its_first_event(account: Azurite) -> None:
    """Several flows share `events-queue`; an alert about its age says whose event waits. What is no event names the engine."""
    event = {"id": "1", "source": "link", "type": "link.unsubscribe", "time": "2026-03-01T10:00:00Z", "data": {}}
    queues.send(EVENTS_QUEUE, json.dumps(event).encode())
    assert backlog.depths()[EVENTS_QUEUE]["flow"] == "messages"
    next(queues.take_all(EVENTS_QUEUE, at_most=1))
    queues.queue_client(EVENTS_QUEUE).clear_messages()
    queues.send(EVENTS_QUEUE, b"hello")
    assert backlog.depths()[EVENTS_QUEUE]["flow"] == "system"


def test_poison_is_counted_beside_its_queue(account: Azurite) -> None:
    """What the host gave up on shows with the queue it came from."""
    queues.send(queues.DEAD_LETTER_QUEUE + queues.POISON_SUFFIX, b"{}")
    assert backlog.depths()[queues.DEAD_LETTER_QUEUE]["poison"] == 1


def test_storage_that_refuses_is_unavailable(account: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that does not let us in is reported by the name of the error, without its key."""
    from azure.storage.queue import QueueClient

    wrong_key = account.connection_string.replace("AccountKey=Eby8", "AccountKey=Ebz8")
    monkeypatch.setattr(
        backlog,
        "queue_client",
        lambda name: QueueClient.from_connection_string(wrong_key, name, api_version=queues.API_VERSION),
    )
    with pytest.raises(UnavailableError, match=r"does not answer: \w+$"):
        backlog.depths()
