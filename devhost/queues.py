"""Queue triggers: receive, run, then delete, retry or move to `<queue>-poison`, by the rules of the Functions host."""

import asyncio
import base64
import binascii
import contextlib
import json
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from devhost import log
from devhost.functions import Function, QueueTrigger, is_queue_name
from devhost.hostjson import QueueOptions
from devhost.invoker import Invoker
from devhost.rpc import TypedData
from devhost.storage import Account, Message, Storage, StorageError

logger = logging.getLogger("devhost")

LEASE_SECONDS = 600
FIRST_PAUSE_SECONDS = 0.1
GATHER_SECONDS = 0.02  # after a batch that was not full: Azurite works as long to hand out one message as sixteen
POISON_SUFFIX = "-poison"


class BackOff:
    """Pauses of an idle listener: 0.1 s, then 0.1 s and a part that begins with 0.1 s and doubles, give or take a fifth.

    So 0.1, 0.2, 0.3, 0.5, 0.9, 1.7 seconds and on, up to `longest`, as on the host's own listener; work restarts it.
    """

    def __init__(self, longest: float) -> None:
        self.longest = longest
        self.restart()

    def restart(self) -> None:
        """Begin with the shortest pause again."""
        self._count, self._pause = 0, 0.0

    def next(self) -> float:
        """The pause to make now, in seconds."""
        if self._pause < self.longest:
            doubled = FIRST_PAUSE_SECONDS * 2 ** (self._count - 1) if self._count else 0.0
            grown = doubled * random.uniform(0.8, 1.2)  # noqa: S311  # spreads polls
            self._pause = min(FIRST_PAUSE_SECONDS + grown, self.longest)
            self._count += 1
        return self._pause


class Lease:
    """Keeps a message hidden while its function runs: renewed when half of it is over, each time with a new pop receipt."""

    def __init__(self, storage: Storage, queue: str, message: Message, seconds: int) -> None:
        self.storage, self.queue, self.message, self.seconds = storage, queue, message, seconds
        self.pop_receipt = message.pop_receipt
        self._renewal: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(seconds / 2, self._begin_renewal)

    async def end(self) -> str:
        """Stop renewing; the pop receipt that holds now. A renewal under way is waited for, or its receipt would be lost."""
        self._timer.cancel()
        if self._renewal is not None:
            await self._renewal
            self._timer.cancel()
        return self.pop_receipt

    def _begin_renewal(self) -> None:
        self._renewal = asyncio.get_running_loop().create_task(self._renew())

    async def _renew(self) -> None:
        pause = self.seconds / 2
        try:
            self.pop_receipt = await self.storage.set_visibility(self.queue, self.message, self.pop_receipt, self.seconds)
        except StorageError as error:
            if 0 < error.status < 500:  # noqa: PLR2004  # HTTP: deleted or taken by another, so nothing is left to renew
                logger.warning("Lost message %s of queue %s while it was processed: %s", self.message.id, self.queue, error)
                return
            logger.warning("Could not renew message %s of queue %s: %s", self.message.id, self.queue, error)
            pause = self.seconds / 20
        self._timer = asyncio.get_running_loop().call_later(pause, self._begin_renewal)


class QueueListener:
    """Listens for one function. `ready` is set after the first answer of the queue, even if that is that it does not exist.

    A process that dies leaves its messages hidden until their lease ends; then they come back with a higher dequeue count.
    """

    def __init__(
        self,
        function: Function,
        storage: Storage,
        invoker: Invoker,
        options: QueueOptions,
        *,
        lease_seconds: int = LEASE_SECONDS,
        enqueued: Callable[[Account, str], None] = lambda _account, _queue: None,
    ) -> None:
        assert isinstance(function.trigger, QueueTrigger)  # noqa: S101  # for the type checker; the host sorts by trigger
        self.function, self.trigger = function, function.trigger
        self.queue, self.storage, self.invoker, self.options = self.trigger.queue, storage, invoker, options
        self.lease_seconds, self.enqueued = lease_seconds, enqueued
        poison = self.queue + POISON_SUFFIX
        self.poison_queue = poison if not self.queue.endswith(POISON_SUFFIX) and is_queue_name(poison) else None
        self.ready = asyncio.Event()
        self._stopping = False
        self._woken = asyncio.Event()
        self._finished = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._back_off = BackOff(options.max_polling_interval)
        self._trouble: str | None = None

    def wake(self) -> None:
        """Look at the queue now: this host has just written to it."""
        self._back_off.restart()
        self._woken.set()

    def stop(self) -> None:
        """Take no more messages. `run` returns when those already taken are done with."""
        self._stopping = True
        self._woken.set()
        self._finished.set()

    async def run(self) -> None:
        """Listen until stopped."""
        while not self._stopping:
            self._woken.clear()
            messages = await self._receive()
            for message in messages:
                task = asyncio.get_running_loop().create_task(self._process(message))
                self._tasks.add(task)
                task.add_done_callback(self._forget)
            if messages:
                self._back_off.restart()
                await self._wait_for_room()
                if len(messages) < self.options.batch_size:
                    await asyncio.sleep(GATHER_SECONDS)
            else:
                await self._pause()
        await asyncio.gather(*self._tasks)

    async def _receive(self) -> list[Message]:
        try:
            messages = await self.storage.receive(self.queue, self.options.batch_size, self.lease_seconds)
        except StorageError as error:
            if error.code == "QueueNotFound":
                self.ready.set()
            elif self._trouble != str(error):  # said once, not at every poll
                logger.warning("Cannot read queue %s for function %s: %s", self.queue, self.function.name, error)
                self._trouble = str(error)
            return []
        self.ready.set()
        self._trouble = None
        return messages

    async def _wait_for_room(self) -> None:
        while len(self._tasks) > self.options.new_batch_threshold and not self._stopping:
            self._finished.clear()
            await self._finished.wait()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), self._back_off.next())

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._finished.set()

    async def _process(self, message: Message) -> None:
        try:
            await self._run_and_settle(message)
        except StorageError as error:
            if error.code in {"MessageNotFound", "PopReceiptMismatch"}:
                logger.info("Message %s of queue %s was gone, or taken by another, when it was done", message.id, self.queue)
            else:
                logger.warning("Message %s of queue %s stays until its lease ends: %s", message.id, self.queue, error)
        except Exception:
            logger.exception("Message %s of queue %s stays until its lease ends", message.id, self.queue)

    async def _run_and_settle(self, message: Message) -> None:
        if message.dequeue_count > self.options.max_dequeue_count:
            await self._poison(message, message.pop_receipt, "was received too often")
            return
        try:
            body = decode(message.text, use_base64=self.options.base64)
        except ValueError:
            await self._poison(message, message.pop_receipt, "is not valid base64 (senders must encode)")
            return
        lease = Lease(self.storage, self.queue, message, self.lease_seconds)
        try:
            failure = await self._run(message, body)
        finally:
            pop_receipt = await lease.end()
        if failure is None:
            await self.storage.delete(self.queue, message, pop_receipt)
        elif message.dequeue_count >= self.options.max_dequeue_count:
            await self._poison(message, pop_receipt, f"failed {message.dequeue_count} times")
        elif self.poison_queue:
            seconds = round(self.options.visibility_timeout)
            await self.storage.set_visibility(self.queue, message, pop_receipt, seconds)
            if not seconds:
                self.wake()

    async def _run(self, message: Message, body: bytes) -> str | None:
        """Why the message failed; None where it is done with. The function never runs on a text that is none."""
        try:
            argument, metadata = trigger_input(message, body, binary=self.trigger.binary)
        except UnicodeDecodeError:
            logger.exception("Message %s of queue %s is no text, which %s takes", message.id, self.queue, self.function.name)
            return "the body is not UTF-8"
        return (await self.invoker.run(self.function, argument, metadata)).failure

    async def _poison(self, message: Message, pop_receipt: str, reason: str) -> None:
        """Copy to the poison queue, then delete: dying in between doubles the message, and loses nothing."""
        if self.poison_queue is None:
            logger.error("Message %s of queue %s %s; it stays hidden for the rest of its lease", message.id, self.queue, reason)
            return
        await self.storage.put(self.poison_queue, message.text)
        self.enqueued(self.trigger.account, self.poison_queue)
        await self.storage.delete(self.queue, message, pop_receipt)
        logger.error("Message %s of queue %s %s: moved to %s", message.id, self.queue, reason, self.poison_queue)


def decode(text: str, *, use_base64: bool) -> bytes:
    """The body of a stored text. Raises ValueError for text that is not base64 where it should be."""
    if not use_base64:
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def trigger_input(message: Message, body: bytes, *, binary: bool) -> tuple[TypedData, dict[str, TypedData]]:
    """The argument and the metadata that the host hands to the worker for a message.

    Raises UnicodeDecodeError where the function takes a text (no `data_type="binary"`) and the body is none.
    """
    metadata = {
        "Id": TypedData(string=message.id),
        "PopReceipt": TypedData(string=message.pop_receipt),
        "DequeueCount": TypedData(json=str(message.dequeue_count)),
        "InsertionTime": TypedData(json=json.dumps(message.inserted.isoformat(timespec="seconds"))),
        "ExpirationTime": TypedData(json=json.dumps(message.expires.isoformat(timespec="seconds"))),
        "NextVisibleTime": TypedData(json=json.dumps(message.next_visible.isoformat(timespec="seconds"))),
    }
    if binary:
        return TypedData(bytes=body), metadata
    text = body.decode()
    return TypedData(string=text), metadata | _overwritten(text, metadata)


def _overwritten(text: str, metadata: dict[str, TypedData]) -> dict[str, TypedData]:
    """The host's quirk: top-level properties of a JSON body replace metadata of the same name, whatever its case."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        properties = json.loads(text)
    except ValueError:
        return {}
    names = {name.lower(): name for name in metadata}
    return {
        names[key.lower()]: _as_binding_data(value)
        for key, value in properties.items()
        if key.lower() in names and value is not None and not isinstance(value, list)
    }


def _as_binding_data(value: Any) -> TypedData:
    return TypedData(json=json.dumps(value)) if isinstance(value, dict) else TypedData(string=str(value))


def message_by_hand(text: str) -> Message:
    """What a function sees when it is run by hand: a message that is in no queue."""
    now = datetime.now(UTC)
    return Message(
        id=log.invocation_of_caller().id,
        pop_receipt="",
        text=text,
        dequeue_count=0,
        inserted=now,
        expires=now + timedelta(days=7),
        next_visible=now,
    )
