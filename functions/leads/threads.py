"""Blocking calls beside the event loop, in threads of their own, with a time limit that counts the call alone.

A limit that also counts the wait for a thread, or the time for which the loop was held up by something else, would let a
stranger make any call look slow.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from shared import clock


class BusyError(Exception):
    """No thread was free within the time granted: the call was never made."""


class _Call[T]:
    """One call, which says when it was begun. What it raises is its outcome, so that nothing of it is lost."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work, self.begun = work, Future[float]()

    def run(self) -> T | Exception:
        self.begun.set_result(clock.steady())
        try:
            return self._work()
        except Exception as error:  # noqa: BLE001  # raised again by whoever waits
            return error


class Threads:
    """A fixed number of threads, made when first needed. Of one event loop or several."""

    def __init__(self, name: str, number: int) -> None:
        self._pool = ThreadPoolExecutor(number, thread_name_prefix=name)

    async def run[T](self, work: Callable[[], T], seconds: float, queue_seconds: float) -> T:
        """The result of `work`, which has `seconds` from the moment at which a thread begins it.

        A result that is there counts, however late the loop comes to look at it.

        Raises:
            BusyError: it was not begun within `queue_seconds`, and never will be.
            TimeoutError: it takes longer; its thread is busy until it ends.
            Exception: whatever `work` raises.
        """
        call = _Call(work)
        future = self._pool.submit(call.run)
        await asyncio.wait([asyncio.wrap_future(call.begun)], timeout=queue_seconds)
        if not call.begun.done() and future.cancel():
            raise BusyError
        left = call.begun.result() + seconds - clock.steady()
        await asyncio.wait([asyncio.wrap_future(future)], timeout=max(left, 0))
        if not future.done():
            raise TimeoutError(f"no answer within {seconds:g} s")
        outcome = future.result()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
