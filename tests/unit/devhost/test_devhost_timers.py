"""Timers: when they run after a start, what they record, how they are retried."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devhost.functions import Function, TimerTrigger
from devhost.locks import LockTimes
from devhost.ncrontab import EveryTimeSpan, Schedule, parse_crontab
from devhost.storage import Account, StorageError
from devhost.timers import NEVER, Status, TimerListener, parse_status, retry_delay, status_at_start
from devhost.worker import Outcome

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
HOURLY = parse_crontab("0 0 * * * *")
ACCOUNT = Account(name="a", key=b"k", queue_url="", blob_url="")


class Blobs:
    """Holds the one status blob and the lease of the lock; fails as often as told."""

    def __init__(self, status: Status | None = None, failures: int = 0) -> None:
        self.content = json.dumps(status.as_json()).encode() if status else None
        self.failures = failures
        self.holder: str | None = None

    async def acquire_lease(self, _container: str, _name: str, _seconds: int) -> str:
        if self.holder:
            raise StorageError("PUT", 409, "LeaseAlreadyPresent")
        self.holder = str(uuid.uuid4())
        return self.holder

    async def renew_lease(self, _container: str, _name: str, lease: str) -> None:
        if self.holder != lease:
            raise StorageError("PUT", 409, "LeaseIdMismatchWithLeaseOperation")

    async def release_lease(self, _container: str, _name: str, lease: str) -> None:
        if self.holder == lease:
            self.holder = None

    async def read_blob(self, _container: str, _name: str) -> bytes | None:
        if self.failures:
            self.failures -= 1
            raise StorageError("GET", 0, "refused")
        return self.content

    async def write_blob(self, _container: str, _name: str, content: bytes) -> None:
        self.content = content


class Runs:
    """Stands in for the invoker: notes each request, takes its time, fails as often as told."""

    def __init__(self, *, seconds: float = 0.0, failures: int = 0) -> None:
        self.requests: list[dict[str, Any]] = []
        self.retries: list[int] = []
        self.seconds, self.failures = seconds, failures
        self.active = self.most_active = 0
        self.began = asyncio.Event()

    async def run(self, _function: Function, argument: Any, retry: Any = None) -> Outcome:
        self.requests.append(json.loads(argument.json))
        self.retries.append(retry.retry_count if retry else 0)
        self.began.set()
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        await asyncio.sleep(self.seconds)
        self.active -= 1
        failed = len(self.requests) <= self.failures
        return Outcome(outputs=[], failure="boom" if failed else None)


def listener(runs: Runs, blobs: Blobs, schedule: Schedule = HOURLY, **fields: Any) -> TimerListener:
    retry = fields.pop("retry", None)
    trigger = TimerTrigger(
        name="timer",
        expression="",
        schedule=schedule,
        run_on_startup=fields.pop("run_on_startup", False),
        account=ACCOUNT,
        is_monitored=not schedule.more_than_once_a_minute,
    )
    function = Function(name="f", id="f", trigger=trigger, outputs={}, bindings=(), retry=retry)
    return TimerListener(function, blobs, runs, "host", LockTimes(lease=15, look=0.01), **fields)  # type: ignore[arg-type]


async def run_until(timer: TimerListener, runs: Runs, count: int) -> None:
    """Let it run until that many runs have begun, then stop it."""
    task = asyncio.create_task(timer.run())
    await timer.ready.wait()
    while len(runs.requests) < count:
        await runs.began.wait()
        runs.began.clear()
    timer.stop()
    await asyncio.wait_for(task, 5)


async def test_the_first_start_ever_only_records_the_next_time() -> None:
    """Nothing runs; but from now on a missed time would be noticed."""
    blobs, runs = Blobs(), Runs()
    await run_until(listener(runs, blobs, now=lambda: NOW), runs, 0)
    assert runs.requests == []
    assert parse_status(blobs.content) == Status(last=NEVER, next=NOW.replace(hour=11, minute=0), last_updated=NOW)


async def test_a_missed_time_is_made_up_for_once() -> None:
    """However many were missed; the run is told that it is past due, and the record moves on from now."""
    last = NOW - timedelta(days=3, minutes=30)
    blobs, runs = Blobs(Status(last=last, next=last + timedelta(hours=1), last_updated=last)), Runs()
    await run_until(listener(runs, blobs, now=lambda: NOW, run_on_startup=True), runs, 1)
    assert [request["IsPastDue"] for request in runs.requests] == [True]
    assert runs.requests[0]["ScheduleStatus"]["Last"] == last.isoformat()
    assert parse_status(blobs.content) == Status(last=NOW, next=NOW.replace(hour=11, minute=0), last_updated=NOW)


async def test_run_on_startup_runs_when_nothing_was_missed() -> None:
    """Once, and not as past due."""
    blobs, runs = Blobs(), Runs()
    await run_until(listener(runs, blobs, now=lambda: NOW, run_on_startup=True), runs, 1)
    assert [request["IsPastDue"] for request in runs.requests] == [False]


async def test_storage_that_is_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer gets ready as soon as its status can be read."""
    monkeypatch.setattr("devhost.timers.RETRY_STATUS_SECONDS", 0.01)
    blobs, runs = Blobs(failures=3), Runs()
    await run_until(listener(runs, blobs), runs, 0)
    assert blobs.failures == 0
    assert blobs.content is not None


async def test_stopping_does_not_wait_for_storage() -> None:
    """A host whose storage never comes can still be stopped."""
    timer = listener(Runs(), Blobs(failures=1000))
    task = asyncio.create_task(timer.run())
    await asyncio.sleep(0)
    timer.stop()
    await asyncio.wait_for(task, 1)
    assert not timer.ready.is_set()


async def test_runs_never_overlap() -> None:
    """A run longer than the interval is followed by the next one at once; never are there two."""
    runs = Runs(seconds=0.02)
    await run_until(listener(runs, Blobs(), EveryTimeSpan(timedelta(milliseconds=5))), runs, 4)
    assert runs.most_active == 1
    assert not any(request["IsPastDue"] for request in runs.requests)
    assert not any(request["ScheduleStatus"] for request in runs.requests)  # none is kept of what runs more than once a minute


async def test_a_failed_run_advances_the_record_all_the_same() -> None:
    """No retry before the next time, unless the function has a policy."""
    last = NOW - timedelta(hours=2)
    blobs, runs = Blobs(Status(last=last, next=HOURLY.next_after(last), last_updated=last)), Runs(failures=1)
    await run_until(listener(runs, blobs, now=lambda: NOW), runs, 1)
    recorded = parse_status(blobs.content)
    assert recorded is not None
    assert recorded.last == NOW
    assert len(runs.requests) == 1


@pytest.mark.parametrize(("failures", "limit", "retries"), [(2, 5, [0, 1, 2]), (9, 2, [0, 1, 2]), (3, -1, [0, 1, 2, 3])])
async def test_a_retry_policy_is_followed(failures: int, limit: int, retries: list[int]) -> None:
    """Until it succeeds or the count is used up (-1: no limit); the function can see which retry it is."""
    policy = SimpleNamespace(retry_strategy="fixed_delay", max_retry_count=limit, delay_interval=timedelta(0))
    runs = Runs(failures=failures)
    await run_until(listener(runs, Blobs(), run_on_startup=True, retry=policy), runs, len(retries))
    assert runs.retries == retries


def test_delays_of_a_retry_policy() -> None:
    """Fixed stays; exponential doubles up to its bound."""
    fixed = SimpleNamespace(retry_strategy="fixed_delay", delay_interval=timedelta(seconds=7))
    assert retry_delay(fixed, 9) == timedelta(seconds=7)
    growing = SimpleNamespace(
        retry_strategy="exponential_backoff", minimum_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)
    )
    assert [retry_delay(growing, made).total_seconds() for made in (0, 1, 2, 3, 4, 99)] == [1, 2, 4, 8, 10, 10]


async def test_of_two_hosts_one_runs_the_timer_and_the_other_takes_over() -> None:
    """Both get ready; only the holder of the lock runs. When it stops, the other one goes on from the record."""
    blobs, first_runs, second_runs = Blobs(), Runs(), Runs()
    last = NOW - timedelta(hours=2)
    missed = Status(last=last, next=HOURLY.next_after(last), last_updated=last)
    first = listener(first_runs, blobs, now=lambda: NOW)
    second = listener(second_runs, blobs, now=lambda: NOW)
    tasks = [asyncio.create_task(first.run())]
    await first.ready.wait()
    tasks.append(asyncio.create_task(second.run()))
    await second.ready.wait()
    assert (first.lock.is_held, second.lock.is_held) == (True, False)
    blobs.content = json.dumps(missed.as_json()).encode()  # as if the first had stood still
    first.stop()
    await asyncio.wait_for(second_runs.began.wait(), 5)
    second.stop()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert (len(first_runs.requests), [one["IsPastDue"] for one in second_runs.requests]) == (0, [True])
    assert blobs.holder is None


async def test_a_run_that_outlasts_the_lock_leaves_the_record_to_the_new_holder() -> None:
    """Another host has it by then; what it has written stays."""
    last = NOW - timedelta(hours=2)
    blobs, runs = Blobs(Status(last=last, next=HOURLY.next_after(last), last_updated=last)), Runs(seconds=0.02)
    timer = listener(runs, blobs, now=lambda: NOW)
    task = asyncio.create_task(timer.run())
    await runs.began.wait()
    blobs.content, timer.lock._ends = b"written by the new holder", 0.0
    timer.stop()
    await asyncio.wait_for(task, 5)
    assert blobs.content == b"written by the new holder"


def test_a_timer_that_fires_early_does_not_come_up_twice() -> None:
    """A clock a little behind must not schedule the same time again."""

    async def fire() -> None:
        due = NOW.replace(hour=11, minute=0)
        blobs, runs = Blobs(), Runs()
        timer = listener(runs, blobs, now=lambda: due - timedelta(milliseconds=400))
        assert await timer.lock.take()
        status = await timer._fire(Status(last=NOW, next=due, last_updated=NOW))
        assert status.last == due
        assert status.next == due + timedelta(hours=1)

    asyncio.run(fire())


moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds are naive


@given(moments, moments)
def test_a_changed_schedule_is_never_past_due(last: datetime, now: datetime) -> None:
    """Recorded for noon each day, now every hour: the next time lies ahead, and it is a time of the new schedule."""
    now = max(now, last)
    recorded = Status(last=last, next=parse_crontab("30 30 12 * * *").next_after(last), last_updated=last)
    status = status_at_start(recorded, HOURLY, now)
    assert status.next >= now
    assert (status.next.minute, status.next.second) == (0, 0)
    assert status.last == NEVER


@given(moments, moments)
def test_an_unchanged_schedule_keeps_its_record(last: datetime, now: datetime) -> None:
    """So that what was missed is still seen as missed."""
    recorded = Status(last=last, next=HOURLY.next_after(last), last_updated=last)
    assert status_at_start(recorded, HOURLY, now) == recorded
    assert parse_status(json.dumps(recorded.as_json()).encode()) == recorded


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b"nonsense", b'{"Last":"x","Next":"y","LastUpdated":"z"}'])
def test_a_record_that_cannot_be_read_counts_as_none(content: bytes | None) -> None:
    """As in the real host."""
    assert parse_status(content) is None
