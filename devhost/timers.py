"""Timer triggers: run at their times, once at once after a missed time, and never two runs of one timer together.

Of several hosts of one app, one runs a timer: the one that holds its lock (`devhost.locks`). The others look again from time to
time, and go on from the record of the last run, so that a time missed meanwhile is made up for.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from devhost.functions import Function, TimerTrigger
from devhost.invoker import Invoker
from devhost.locks import CONTAINER, LockTimes, TimerLock
from devhost.ncrontab import Schedule
from devhost.rpc import TypedData
from devhost.storage import Storage, StorageError
from devhost.worker import Outcome

logger = logging.getLogger("devhost")

NEVER = datetime(1, 1, 1, tzinfo=UTC)
RETRY_STATUS_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Status:
    """A timer's record: when it last ran, when it is next due, and from when that was worked out."""

    last: datetime
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str]:
        """With the host's own names."""
        return {"Last": self.last.isoformat(), "Next": self.next.isoformat(), "LastUpdated": self.last_updated.isoformat()}


def parse_status(content: bytes | None) -> Status | None:
    """Read a record; None for none, and for one that cannot be read, as the host does."""
    try:
        fields = json.loads(content or b"null")
        moments = [datetime.fromisoformat(fields[name]) for name in ("Last", "Next", "LastUpdated")]
    except (ValueError, TypeError, KeyError):
        return None
    last, due, updated = (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in moments)
    return Status(last=last, next=due, last_updated=updated)


def status_at_start(recorded: Status | None, schedule: Schedule, now: datetime) -> Status:
    """The record to go on with. It differs from `recorded` on the very first start and when the schedule has been changed.

    A changed schedule is never past due: if its next time has gone by, it is counted from now.
    """
    if recorded is None:
        return Status(last=NEVER, next=schedule.next_after(now), last_updated=now)
    since = recorded.last if recorded.last != NEVER else recorded.last_updated
    if since == NEVER:
        since = now
    expected = schedule.next_after(since)
    if recorded.next == expected:
        return recorded
    if now > expected:
        since, expected = now, schedule.next_after(now)
    return Status(last=NEVER, next=expected, last_updated=since)


class TimerListener:
    """Runs one timer function, while it has its lock. `ready` is set when it waits for its first time, or for the lock."""

    def __init__(
        self,
        function: Function,
        storage: Storage,
        invoker: Invoker,
        host_id: str,
        times: LockTimes,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        assert isinstance(function.trigger, TimerTrigger)  # noqa: S101  # for the type checker; the host sorts by trigger
        self.function, self.trigger = function, function.trigger
        self.storage, self.invoker, self.now = storage, invoker, now
        name = f"{host_id}/Host.Functions.{function.name}"
        self.blob = f"timers/{name}/status"
        self.lock, self.times = TimerLock(storage, f"{name}.Listener", times.lease), times
        self.status: Status | None = None
        self.ready = asyncio.Event()
        self._is_first = True
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Start no more runs. `run` returns when the present one has ended."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped."""
        while not self._stopping.is_set():
            if not await self._take_lock():
                self.ready.set()
                await self._stopped_before(self.now() + timedelta(seconds=self.times.look))
                continue
            try:
                await self._run_while_ours()
            finally:
                await self.lock.give_back()

    async def _take_lock(self) -> bool:
        """Take the lock; wait for storage that is away. False where another host has it, or when stopped first."""
        while not self._stopping.is_set():
            try:
                return await self.lock.take()
            except StorageError as error:
                logger.warning("Timer %s cannot start yet: %s", self.function.name, error)
                await self._stopped_before(self.now() + timedelta(seconds=RETRY_STATUS_SECONDS))
        return False

    async def _run_while_ours(self) -> None:
        """Run at the timer's times until stopped, or until the lock is lost."""
        started = await self._start_status()
        if started is None:
            return  # stopped, or the lock was lost, while storage could not be reached
        status, past_due = started
        self.status = status
        self.ready.set()
        is_first, self._is_first = self._is_first, False
        if past_due:
            logger.info("Function %s is past due: it should have run at %s", self.function.name, status.next.isoformat())
            status = await self._fire(status, past_due=True)
        elif self.trigger.run_on_startup and is_first:
            status = await self._fire(status, unscheduled=True)
        while not await self._ended_before(status.next):
            status = await self._fire(status)

    async def invoke_by_hand(self) -> Outcome:
        """Run it now, leaving the schedule as it is."""
        return await self._invoke(self.status, past_due=False)

    async def _start_status(self) -> tuple[Status, bool] | None:
        """The status to go on with, and whether a run is past due; None when stopped first."""
        if not self.trigger.is_monitored:
            return status_at_start(None, self.trigger.schedule, self.now()), False
        while not self._has_ended:
            now = self.now()
            try:
                recorded = parse_status(await self.storage.read_blob(CONTAINER, self.blob))
                status = status_at_start(recorded, self.trigger.schedule, now)
                if status != recorded:
                    await self._record(status)
            except StorageError as error:
                logger.warning("Timer %s cannot start yet: %s", self.function.name, error)
                await self._ended_before(self.now() + timedelta(seconds=RETRY_STATUS_SECONDS))
            else:
                return status, now > status.next
        return None

    async def _fire(self, status: Status, *, past_due: bool = False, unscheduled: bool = False) -> Status:
        """Run once and advance the record, whatever became of the run. Nothing when stopped, or when the lock is not ours."""
        if self._has_ended:
            return status
        began = self.now()
        logger.info("Timer %s fired for %s", self.function.name, (began if unscheduled else status.next).isoformat())
        await self._invoke_with_retries(status, past_due=past_due)
        if not past_due and not unscheduled:
            began = max(began, status.next)  # fired a little early by the clock: the same time must not come up twice
        self.status = Status(last=began, next=self.trigger.schedule.next_after(began), last_updated=began)
        try:
            await self._record(self.status)
        except StorageError as error:
            logger.warning("The status of timer %s could not be recorded: %s", self.function.name, error)
        return self.status

    async def _record(self, status: Status) -> None:
        if self.trigger.is_monitored and self.lock.is_held:  # or another host, which has it now, knows better
            await self.storage.write_blob(CONTAINER, self.blob, json.dumps(status.as_json()).encode())

    async def _invoke_with_retries(self, status: Status, *, past_due: bool) -> None:
        """The function's `@retry` policy, kept in this process: a restart forgets it, as in Azure."""
        policy = self.function.retry
        count = 0
        outcome = await self._invoke(status, past_due=past_due)
        while outcome.failure is not None and policy and (policy.max_retry_count < 0 or count < policy.max_retry_count):
            if await self._stopped_before(self.now() + retry_delay(policy, count)):
                return
            count += 1
            failure = SimpleNamespace(source="", stack_trace=outcome.failure, message=outcome.failure)
            retry = SimpleNamespace(retry_count=count, max_retry_count=policy.max_retry_count, exception=failure)
            outcome = await self._invoke(status, past_due=past_due, retry=retry)

    async def _invoke(self, status: Status | None, *, past_due: bool, **retry: Any) -> Outcome:
        shown = status.as_json() if status and self.trigger.is_monitored else None
        request = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": shown, "IsPastDue": past_due}
        return await self.invoker.run(self.function, TypedData(json=json.dumps(request)), **retry)

    @property
    def _has_ended(self) -> bool:
        """Whether this host may begin no more runs."""
        return self._stopping.is_set() or not self.lock.is_held

    async def _ended_before(self, moment: datetime) -> bool:
        """Wait until `moment`; True as soon as the listener is stopped, or the lock is lost."""
        lost = asyncio.create_task(self.lock.lost.wait())
        stopped = asyncio.create_task(self._stopped_before(moment))
        _, left = await asyncio.wait({lost, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        return self._has_ended

    async def _stopped_before(self, moment: datetime) -> bool:
        """Wait until `moment`; True as soon as the listener is stopped."""
        seconds = (moment - self.now()).total_seconds()
        if seconds > 0 and not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()


def retry_delay(policy: SimpleNamespace, retries_made: int) -> timedelta:
    """Fixed: `delay_interval`. Exponential: `minimum_interval`, doubled for each retry made, up to `maximum_interval`."""
    if policy.retry_strategy == "fixed_delay":
        delay: timedelta = policy.delay_interval
    else:
        delay = min(policy.minimum_interval * 2 ** min(retries_made, 16), policy.maximum_interval)
    return delay
