"""The queue listener against a real Azurite: parallelism, leases, retries."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from devhost.azurite import Azurite
from devhost.functions import Function, QueueTrigger
from devhost.hostjson import QueueOptions
from devhost.queues import BackOff, QueueListener
from devhost.rpc import TypedData
from devhost.storage import Message, Storage, StorageError, open_session, parse_connection_string
from devhost.worker import Outcome

pytestmark = pytest.mark.slow


class Runs:
    """Stands in for the invoker: does with each message what the test says, and counts."""

    def __init__(self, work: Callable[[str], Awaitable[object]]) -> None:
        self.work = work
        self.began: list[tuple[float, str, int]] = []
        self.active = self.most_active = self.ended = 0
        self.changed = asyncio.Event()

    async def run(self, _function: Function, argument: TypedData, metadata: dict[str, TypedData]) -> Outcome:
        self.began.append((time.monotonic(), argument.value, int(metadata["DequeueCount"].value)))
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        self.changed.set()
        try:
            await self.work(argument.value)
        except ValueError as error:
            return Outcome(outputs=[], failure=str(error))
        else:
            return Outcome(outputs=[])
        finally:
            self.active -= 1
            self.ended += 1
            self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def storage(devhost_azurite: Azurite) -> AsyncIterator[Storage]:
    async with open_session() as session:
        yield Storage(session, parse_connection_string(devhost_azurite.connection_string))


@pytest.fixture
async def queue(storage: Storage) -> str:
    """A queue of the test's own."""
    name = f"q-{uuid4()}"
    await storage.create_queue(name)
    return name


def listener(storage: Storage, queue: str, runs: Runs, *, lease_seconds: int = 600, **options: Any) -> QueueListener:
    trigger = QueueTrigger(name="msg", queue=queue, account=storage.account, binary=False)
    function = Function(name="f", id="f", trigger=trigger, outputs={}, bindings=())
    defaults = {"max_polling_interval": 0.1} | options
    return QueueListener(function, storage, runs, QueueOptions(**defaults), lease_seconds=lease_seconds)  # type: ignore[arg-type]


async def put(storage: Storage, queue: str, *texts: str) -> None:
    for text in texts:
        await storage.put(queue, base64.b64encode(text.encode()).decode())


async def everything(storage: Storage, queue: str) -> list[Message]:
    """All visible messages, which stay hidden from now on."""
    try:
        return await storage.receive(queue, 32, 600)
    except StorageError as error:
        if error.code != "QueueNotFound":
            raise
        return []


async def stop(listening: QueueListener, task: asyncio.Task[None]) -> None:
    listening.stop()
    await asyncio.wait_for(task, 20)


@pytest.mark.parametrize(("batch", "threshold", "most"), [(4, 2, 6), (1, 0, 1), (2, 0, 2)])
async def test_parallelism_is_bounded(storage: Storage, queue: str, batch: int, threshold: int, most: int) -> None:
    """Never more than batchSize + newBatchThreshold at a time; with 1 and 0 strictly one after another; all get done."""
    runs = Runs(lambda _: asyncio.sleep(0.02))
    listening = listener(storage, queue, runs, batch_size=batch, new_batch_threshold=threshold)
    await put(storage, queue, *(str(number) for number in range(20)))
    task = asyncio.create_task(listening.run())
    await runs.until(lambda: runs.ended == 20)
    await stop(listening, task)
    assert batch <= runs.most_active <= most
    assert sorted(text for _, text, _ in runs.began) == sorted(str(number) for number in range(20))


async def test_the_lease_is_renewed_while_a_message_is_worked_on(storage: Storage, queue: str) -> None:
    """A run three times as long as the lease keeps its message to itself, and deletes it in the end."""
    runs = Runs(lambda _: asyncio.sleep(6))
    first = listener(storage, queue, runs, lease_seconds=2)
    second = listener(storage, queue, runs, lease_seconds=2)
    await put(storage, queue, "long")
    tasks = [asyncio.create_task(listening.run()) for listening in (first, second)]
    await runs.until(lambda: runs.ended == 1)
    for listening, task in zip((first, second), tasks, strict=True):
        await stop(listening, task)
    assert len(runs.began) == 1
    assert await everything(storage, queue) == []


async def test_a_stopped_listener_settles_what_it_has_begun(storage: Storage, queue: str) -> None:
    """`run` returns only when the message that was being worked on is done with and deleted; the next one is left."""
    release = asyncio.Event()
    deleted: list[Message] = []
    delete = storage.delete

    async def noted_delete(name: str, message: Message, pop_receipt: str) -> None:
        await delete(name, message, pop_receipt)
        deleted.append(message)

    storage.delete = noted_delete  # type: ignore[method-assign]
    runs = Runs(lambda _: release.wait())
    listening = listener(storage, queue, runs, batch_size=1, new_batch_threshold=0)
    await put(storage, queue, "begun", "left")
    task = asyncio.create_task(listening.run())
    await runs.until(lambda: runs.active == 1)
    listening.stop()
    release.set()
    await asyncio.wait_for(task, 20)
    assert [base64.b64decode(message.text) for message in deleted] == [b"begun"]
    assert [base64.b64decode(message.text) for message in await everything(storage, queue)] == [b"left"]


async def test_a_failed_message_waits_for_the_visibility_timeout(storage: Storage, queue: str) -> None:
    """Then it runs again, with a higher count."""

    async def fail_once(_: str) -> None:
        if len(runs.began) == 1:
            raise ValueError("first time")

    runs = Runs(fail_once)
    listening = listener(storage, queue, runs, visibility_timeout=2.0)
    await put(storage, queue, "x")
    task = asyncio.create_task(listening.run())
    await runs.until(lambda: runs.ended == 2)
    await stop(listening, task)
    (first, _, first_count), (second, _, second_count) = runs.began
    assert (first_count, second_count) == (1, 2)
    assert second - first >= 1.5  # the service counts in whole seconds


async def test_one_bad_message_does_not_hold_up_the_others(storage: Storage, queue: str) -> None:
    """It is moved aside after its last try while its neighbours are done."""

    async def work(text: str) -> None:
        if text == "bad":
            raise ValueError("bad")

    runs = Runs(work)
    listening = listener(storage, queue, runs, max_dequeue_count=2)
    await put(storage, queue, "good 1", "bad", "good 2")
    task = asyncio.create_task(listening.run())
    await runs.until(lambda: runs.ended == 4)
    await stop(listening, task)
    assert [base64.b64decode(message.text) for message in await everything(storage, f"{queue}-poison")] == [b"bad"]
    assert await everything(storage, queue) == []


async def test_a_body_that_is_no_text_never_reaches_a_function_that_takes_text(storage: Storage, queue: str) -> None:
    """The host fails to hand it over each time, then moves it aside as it is; a neighbour is done."""

    async def work(_: str) -> None:
        return

    runs = Runs(work)
    listening = listener(storage, queue, runs, max_dequeue_count=3)
    bad = base64.b64encode(b"\xff\xfe{}").decode()
    await storage.put(queue, bad)
    await put(storage, queue, "good")
    task = asyncio.create_task(listening.run())
    aside: list[Message] = []
    async with asyncio.timeout(20):
        while not aside:
            aside = await everything(storage, f"{queue}-poison")
    await stop(listening, task)
    assert [message.text for message in aside] == [bad]
    assert [text for _, text, _ in runs.began] == ["good"]
    assert await everything(storage, queue) == []


async def test_a_body_that_is_no_text_stays_in_a_poison_queue(storage: Storage) -> None:
    """There is no further queue to move it to: hidden for the rest of its lease, it comes back until it expires."""
    queue = f"q-{uuid4()}-poison"
    await storage.create_queue(queue)
    runs = Runs(lambda _: asyncio.sleep(0))
    listening = listener(storage, queue, runs, lease_seconds=1, max_dequeue_count=1)
    bad = base64.b64encode(b"\xff").decode()
    await storage.put(queue, bad)
    await put(storage, queue, "good")
    task = asyncio.create_task(listening.run())
    await runs.until(lambda: runs.ended == 1)
    await stop(listening, task)
    back: list[Message] = []
    async with asyncio.timeout(20):
        while not back:
            back = await everything(storage, queue)
    assert [(message.text, message.dequeue_count > 1) for message in back] == [(bad, True)]
    assert await everything(storage, f"{queue}-poison") == []


async def test_a_message_that_was_received_too_often_is_not_run_again(storage: Storage, queue: str) -> None:
    """A worker that died on it each time never got to report a failure; the count alone moves it aside."""
    runs = Runs(lambda _: asyncio.sleep(0))
    await put(storage, queue, "deadly")
    (message,) = await storage.receive(queue, 1, 1)
    await storage.set_visibility(queue, message, message.pop_receipt, 0)
    listening = listener(storage, queue, runs, max_dequeue_count=1)
    announced = asyncio.Event()
    listening.enqueued = lambda _, name: announced.set() if name == f"{queue}-poison" else None
    task = asyncio.create_task(listening.run())
    await asyncio.wait_for(announced.wait(), 20)
    await stop(listening, task)
    assert [base64.b64decode(message.text) for message in await everything(storage, f"{queue}-poison")] == [b"deadly"]
    assert runs.began == []


async def test_a_message_taken_by_another_is_left_to_it(storage: Storage, queue: str, caplog: pytest.LogCaptureFixture) -> None:
    """A worker that lost its lease neither deletes the message nor fails: the pop receipt has changed."""
    other: list[Message] = []

    async def steal(_: str) -> None:
        await asyncio.sleep(1.2)
        other.extend(await storage.receive(queue, 1, 600))

    runs = Runs(steal)
    listening = listener(storage, queue, runs, lease_seconds=600)
    await put(storage, queue, "contested")
    (mine,) = await storage.receive(queue, 1, 1)
    caplog.set_level("INFO")
    await listening._process(mine)
    assert [message.dequeue_count for message in other] == [2]
    await storage.delete(queue, other[0], other[0].pop_receipt)  # still there, and still the other's
    assert "was gone, or taken by another" in caplog.text


async def test_a_long_name_has_no_poison_queue(storage: Storage) -> None:
    """Its poison queue would be too long to exist, so a failed message waits for the end of its lease."""
    name = f"q{uuid4().hex}{uuid4().hex}"[:60]
    await storage.create_queue(name)

    async def fail(_: str) -> None:
        raise ValueError("always")

    runs = Runs(fail)
    listening = listener(storage, name, runs, max_dequeue_count=1)
    await put(storage, name, "x")
    task = asyncio.create_task(listening.run())
    await runs.until(lambda: runs.ended == 1)
    await stop(listening, task)
    assert listening.poison_queue is None
    assert len(runs.began) == 1


async def test_a_queue_that_comes_later_is_noticed(storage: Storage) -> None:
    """Missing is no error: the listener is ready, looks again, and never makes the queue itself."""
    name = f"q-{uuid4()}"
    runs = Runs(lambda _: asyncio.sleep(0))
    listening = listener(storage, name, runs)
    task = asyncio.create_task(listening.run())
    await asyncio.wait_for(listening.ready.wait(), 10)
    with pytest.raises(StorageError) as missing:
        await storage.receive(name, 1, 1)
    assert missing.value.code == "QueueNotFound"
    await put(storage, name, "x")
    await runs.until(lambda: runs.ended == 1)
    await stop(listening, task)


async def test_a_write_wakes_an_idle_listener(storage: Storage, queue: str) -> None:
    """Although it would have slept for a minute."""
    runs = Runs(lambda _: asyncio.sleep(0))
    listening = listener(storage, queue, runs, max_polling_interval=60.0)
    listening._back_off.next = lambda: 60.0  # type: ignore[method-assign]
    task = asyncio.create_task(listening.run())
    await listening.ready.wait()
    await put(storage, queue, "x")
    listening.wake()
    await runs.until(lambda: runs.ended == 1)
    await stop(listening, task)


def test_pauses_grow_to_their_bound() -> None:
    """0.1 s, then 0.1 s and a part that doubles, up to the longest; from the start again after work."""
    back_off = BackOff(longest=5.0)
    pauses = [back_off.next() for _ in range(12)]
    assert pauses[0] == 0.1
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5.0
    for pause, middle in zip(pauses[1:6], (0.2, 0.3, 0.5, 0.9, 1.7), strict=True):  # as Microsoft's own listener makes them
        assert abs(pause - middle) <= 0.2 * (middle - 0.1) + 1e-9
    back_off.restart()
    assert back_off.next() == 0.1
