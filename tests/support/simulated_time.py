"""A clock for several threads: it moves only when all of them wait, to the moment at which the first of them goes on.

So what threads do costs no time but what they sleep, and a run says what would happen in hours within seconds.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Self

import pytest

from shared import clock
from shared.outbox import parallel


class SimulatedTime:
    """The moment, and the threads that it waits for: those that are counted in and do not sleep."""

    def __init__(self, start: datetime) -> None:
        self.moment = start
        self._changed = threading.Condition()
        self._awake = 0
        self._sleepers: list[datetime] = []

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Sleep as one of the threads that are counted in."""
        with self._changed:
            until = self.moment + timedelta(seconds=seconds)
            self._sleepers.append(until)
            self._awake -= 1
            self._move()
            self._changed.wait_for(lambda: self.moment >= until)

    def enter(self) -> None:
        """Count a thread in."""
        with self._changed:
            self._awake += 1

    def leave(self) -> None:
        """Count a thread out: it has ended, or waits for others that are counted in."""
        with self._changed:
            self._awake -= 1
            self._move()

    def _move(self) -> None:
        if self._awake == 0 and self._sleepers:
            self.moment = min(self._sleepers)
            still = [at for at in self._sleepers if at > self.moment]
            self._awake += len(self._sleepers) - len(still)
            self._sleepers = still
            self._changed.notify_all()


class _Pool:
    """Stands in for ThreadPoolExecutor: its threads are counted in from before they start until they have ended."""

    def __init__(self, time: SimulatedTime, max_workers: int) -> None:
        self._time, self._size = time, max_workers
        self._work: list[tuple[Future[Any], Callable[[], Any]]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "_Result":
        future: Future[Any] = Future()
        self._work.append((future, lambda: function(*arguments)))
        return _Result(self, future)

    def run(self) -> None:
        """Do all that was submitted, in this order, on as many threads as there may be."""
        waiting = iter(self._work)
        self._work = []
        threads = [threading.Thread(target=self._worker, args=(waiting,)) for _ in range(self._size)]
        for thread in threads:
            self._time.enter()
            thread.start()
        self._time.leave()
        for thread in threads:
            thread.join()
        self._time.enter()

    def _worker(self, waiting: Iterator[tuple[Future[Any], Callable[[], Any]]]) -> None:
        try:
            while True:
                with self._lock:
                    future, work = next(waiting, (None, None))
                if future is None or work is None:
                    return
                try:
                    future.set_result(work())
                except BaseException as error:  # noqa: BLE001  # handed on to the one who asks for the result
                    future.set_exception(error)
        finally:
            self._time.leave()


class _Result:
    def __init__(self, pool: _Pool, future: Future[Any]) -> None:
        self._pool, self._future = pool, future

    def result(self) -> Any:
        if not self._future.done():
            self._pool.run()
        return self._future.result()


@contextmanager
def simulated(start: datetime) -> Iterator[SimulatedTime]:
    """Put a `SimulatedTime` in place of the clock, and let blocks be called on its threads; both are taken away at the end."""
    time = SimulatedTime(start)
    with clock.frozen(start), pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_clock", clock.Clock(now=time.now, sleep=time.sleep, chance=clock._clock.chance))
        patch.setattr(parallel, "ThreadPoolExecutor", lambda max_workers: _Pool(time, max_workers))
        yield time


def together(time: SimulatedTime, *functions: Callable[[], Any]) -> None:
    """Run functions on threads of their own until all have ended."""
    threads = [threading.Thread(target=_counted, args=(time, function)) for function in functions]
    for thread in threads:
        time.enter()
        thread.start()
    for thread in threads:
        thread.join()


def _counted(time: SimulatedTime, function: Callable[[], Any]) -> None:
    try:
        function()
    finally:
        time.leave()
