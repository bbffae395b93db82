"""Coroutines run by tests that are none: on one event loop, for making one and ending its threads costs more than a request."""

import asyncio
import atexit
import contextvars
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any


def run[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """What `asyncio.run` gives back, by the same rules: what it has left running is cancelled, and no context variable stays.

    In the main thread one loop serves all calls; each other thread makes its own, as it may end at any time.
    """
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(coroutine)
    runner = _runner()
    try:
        return runner.run(coroutine, context=contextvars.copy_context())
    finally:
        _cancel_all(runner.get_loop())


@cache
def _runner() -> asyncio.Runner:
    runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)  # with a factory, it does not become the thread's own loop
    atexit.register(runner.close)
    return runner


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
