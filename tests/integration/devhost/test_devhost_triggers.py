"""Queue and timer functions, and outputs, in the running host with a real Azurite."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from devhost.azurite import Azurite
from devhost.testing import RunningHost, wait_until
from tests.integration.devhost.notes import Notes


@pytest.fixture(scope="package")
def queues(devhost_azurite: Azurite) -> Iterator[QueueServiceClient]:
    """The storage SDK, as another program would use it."""
    with QueueServiceClient.from_connection_string(devhost_azurite.connection_string) as client:
        yield client


def send(queues: QueueServiceClient, queue: str, body: bytes | str, *, encoded: bool = True) -> None:
    raw = body.encode() if isinstance(body, str) else body
    with queues.get_queue_client(queue) as client:
        if queue not in {found.name for found in queues.list_queues()}:
            client.create_queue()
        client.send_message(base64.b64encode(raw).decode() if encoded else raw.decode())


def drain(queues: QueueServiceClient, queue: str) -> list[str]:
    """Take every message out of a queue; their stored texts."""
    with queues.get_queue_client(queue) as client:
        messages = list(client.receive_messages(messages_per_page=32))
        for message in messages:
            client.delete_message(message)
    return [message.content for message in messages]


def is_empty(queues: QueueServiceClient, queue: str) -> bool:
    with queues.get_queue_client(queue) as client:
        return client.get_queue_properties().approximate_message_count == 0


def test_a_message_is_handed_over_and_deleted(host: RunningHost, notes: Notes, queues: QueueServiceClient) -> None:
    """Decoded, with its times; the queue was missing until now, and that was no trouble."""
    body = f"héllo {uuid.uuid4()}"
    send(queues, "work", body)
    wait_until(lambda: notes.of("work", lambda seen: seen["body"] == body))
    (seen,) = notes.of("work", lambda seen: seen["body"] == body)
    assert seen["dequeue_count"] == 1
    inserted, expires = (datetime.fromisoformat(seen[name]) for name in ("inserted", "expires"))
    assert (expires - inserted).days == 7
    next_visible = datetime.fromisoformat(seen["next_visible"])
    assert 595 <= (next_visible - inserted).total_seconds() <= 605  # the lease of ten minutes
    wait_until(lambda: is_empty(queues, "work"))


def test_a_body_overwrites_metadata_of_the_same_name(host: RunningHost, notes: Notes, queues: QueueServiceClient) -> None:
    """The host's quirk: a JSON body with an `id` hides the message's own."""
    marker = str(uuid.uuid4())
    send(queues, "work", json.dumps({"ID": marker, "dequeueCount": 42, "popReceipt": ["ignored"], "other": 1}))
    wait_until(lambda: notes.of("work", lambda seen: seen["id"] == marker))
    (seen,) = notes.of("work", lambda seen: seen["id"] == marker)
    assert seen["dequeue_count"] == 42
    assert isinstance(seen["pop_receipt"], str)
    assert seen["pop_receipt"]


def test_binary_bodies(host: RunningHost, notes: Notes, queues: QueueServiceClient) -> None:
    """With data_type BINARY the function gets the bytes, whatever they are."""
    send(queues, "binary", b"\x00\xff{}")
    wait_until(lambda: notes.all("binary"))
    assert notes.all("binary") == [{"binary": "00ff7b7d", "type": "bytes"}]


def test_a_failing_message_runs_five_times_and_is_moved_aside(
    host: RunningHost, notes: Notes, queues: QueueServiceClient
) -> None:
    """Then it is in the poison queue with the same body, whose own listener takes it as a new message."""
    body = str(uuid.uuid4())
    send(queues, "failing", body)
    wait_until(lambda: notes.of("failing_poison", lambda seen: seen["body"] == body))
    assert [seen["dequeue_count"] for seen in notes.of("failing", lambda seen: seen["body"] == body)] == [1, 2, 3, 4, 5]
    (poisoned,) = notes.of("failing_poison", lambda seen: seen["body"] == body)
    assert poisoned["dequeue_count"] == 1
    wait_until(lambda: is_empty(queues, "failing"))
    wait_until(lambda: "of queue failing failed 5 times: moved to failing-poison" in host.log)


def test_a_failure_on_a_poison_queue_stays_hidden(host: RunningHost, notes: Notes, queues: QueueServiceClient) -> None:
    """It is neither retried at once nor moved again: it waits for the end of its lease."""
    send(queues, "failing-poison", "even here")
    wait_until(lambda: notes.of("failing_poison", lambda seen: seen["body"] == "even here"))
    time.sleep(1)  # nothing may happen in it
    assert len(notes.of("failing_poison", lambda seen: seen["body"] == "even here")) == 1
    assert not is_empty(queues, "failing-poison")
    assert "failing-poison-poison" not in [queue.name for queue in queues.list_queues()]


def test_a_text_that_is_not_base64_goes_straight_to_poison(host: RunningHost, queues: QueueServiceClient) -> None:
    """As it is, without the function having run."""
    send(queues, "binary", "not base64!", encoded=False)
    wait_until(lambda: "binary-poison" in [queue.name for queue in queues.list_queues()])
    wait_until(lambda: not is_empty(queues, "binary-poison"))
    assert drain(queues, "binary-poison") == ["not base64!"]
    assert "is not valid base64 (senders must encode): moved to binary-poison" in host.log


@pytest.mark.parametrize(
    ("path", "body", "messages"),
    [
        ("send/bytes", b'{"a":  1}', [b'{"a":  1}']),
        ("send/str", b'{"a":1}', [b'{\n  "a": 1\n}']),
        ("send/str", b'["x","y"]', [b"x", b"y"]),
        ("send/json", b'["{\\"a\\":1}","z"]', [b'{"a":1}', b"z"]),
        ("send/json", b'{"a":1}', [b'{\n  "a": 1\n}']),
        ("send/json", b"7", [b"7"]),
        ("send-message", b"x", [b'{\n  "id": "7",\n  "body": "x"\n}']),
        ("send/none", b"", []),
    ],
)
def test_outputs(host: RunningHost, queues: QueueServiceClient, path: str, body: bytes, messages: list[bytes]) -> None:
    """Bytes as they are, texts through the host's JSON handling; the queue is made when it is missing."""
    assert requests.post(f"{host.base_url}/{path}", data=body, timeout=10).status_code == 202
    if "sent" in [queue.name for queue in queues.list_queues()]:
        assert sorted(base64.b64decode(text) for text in drain(queues, "sent")) == sorted(messages)
    else:
        assert messages == []


def test_the_output_of_a_failed_function_is_dropped(host: RunningHost, queues: QueueServiceClient) -> None:
    """What it had set before it raised is not sent."""
    assert requests.post(f"{host.base_url}/send/bytes", data=b"makes the queue", timeout=10).status_code == 202
    drain(queues, "sent")
    assert requests.post(f"{host.base_url}/send/raise", data=b"x", timeout=10).status_code == 500
    assert drain(queues, "sent") == []


@pytest.mark.parametrize(("kind", "body"), [("bytes", b"x" * 50_000), ("str", b"{broken}")])
def test_an_output_that_cannot_be_written_fails_the_invocation(host: RunningHost, kind: str, body: bytes) -> None:
    """A message too large for a queue, or JSON that is none: the caller gets 500 and so knows that nothing is stored."""
    answer = requests.post(f"{host.base_url}/send/{kind}", data=body, timeout=10)
    assert (answer.status_code, answer.content) == (500, b"")
    assert "Error while writing the function's outputs" in host.log


def test_a_message_written_here_is_picked_up_at_once(host: RunningHost, notes: Notes, queues: QueueServiceClient) -> None:
    """The listener is woken, and does not sleep out its pause; from HTTP to queue to queue."""
    body = str(uuid.uuid4())
    send(queues, "chained", body)
    wait_until(lambda: notes.of("work", lambda seen: seen["body"] == f"from chained: {body}"))


@pytest.mark.parametrize("name", ["work", "WORK"])
def test_a_queue_function_run_by_hand(host: RunningHost, notes: Notes, name: str) -> None:
    """POST /admin/functions/NAME answers 202 and hands the input over as the message."""
    body = str(uuid.uuid4())
    answer = requests.post(f"{host.base_url}/admin/functions/{name}", json={"input": body}, timeout=10)
    assert answer.status_code == 202
    wait_until(lambda: notes.of("work", lambda seen: seen["body"] == body))


def test_a_timer_run_by_hand(host: RunningHost, notes: Notes, devhost_azurite: Azurite) -> None:
    """It sees its schedule and status, is not past due, and its record is unchanged by the run."""
    requests.post(f"{host.base_url}/admin/functions/yearly", json={"input": ""}, timeout=10)
    wait_until(lambda: notes.of("yearly"))
    seen = notes.of("yearly")[0]
    assert seen["past_due"] is False
    assert seen["schedule"] == {"AdjustForDST": True}
    assert seen["status"]["Next"].endswith("-01-01T00:00:00+00:00")
    assert seen["status"] == stored_status(devhost_azurite, "yearly")


def stored_status(azurite: Azurite, function: str) -> Any:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        container = blobs.get_container_client("azure-webjobs-hosts")
        (name,) = [name for name in container.list_blob_names() if name == f"timers/main/Host.Functions.{function}/status"]
        return json.loads(container.download_blob(name).readall())


@pytest.mark.parametrize(
    ("name", "document", "status"), [("nobody", {"input": ""}, 404), ("work", [], 400), ("work", None, 400)]
)
def test_running_by_hand_what_cannot_be_run(host: RunningHost, name: str, document: Any, status: int) -> None:
    """An unknown function, or a body that is no JSON object."""
    answer = requests.post(f"{host.base_url}/admin/functions/{name}", json=document, timeout=10)
    assert answer.status_code == status


def test_a_timer_at_startup(host: RunningHost, notes: Notes) -> None:
    """run_on_startup ran once."""
    assert notes.of("at_startup") == [{"past_due": False}]


def test_a_timer_of_every_second_does_not_overlap(host: RunningHost, notes: Notes) -> None:
    """Each run takes 1.5 s, so the next one starts when it ends, and times in between are skipped; no status is kept."""
    wait_until(lambda: len(notes.of("every_second")) >= 3)
    runs = notes.of("every_second")
    starts = [run["at"] for run in runs]
    assert all(later - earlier >= 1.45 for earlier, later in pairwise(starts))
    assert all(run["status"] == {} for run in runs)
