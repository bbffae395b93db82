"""Whether this process has been asked to end (SIGTERM), so that work begins nothing new and what is under way is finished.

The host stops an instance by SIGTERM and kills what has not ended some time later. Whoever works in steps asks `is_asked`
before each step, and says with `work` that it is in the middle of one.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

# Where nothing else handles the signal, this process ends itself as soon as it is idle, or after so long.
GRACE_SECONDS = 25.0

type Handler = Callable[[int, FrameType | None], Any] | int | None

_asked = threading.Event()
_idle = threading.Condition()
_under_way = 0


def is_asked() -> bool:
    """Whether the process is to end: nothing new may be begun."""
    return _asked.is_set()


@contextmanager
def work() -> Iterator[None]:
    """Work that ought to be finished before the process ends."""
    global _under_way  # noqa: PLW0603  # one process, one number
    with _idle:
        _under_way += 1
    try:
        yield
    finally:
        with _idle:
            _under_way -= 1
            _idle.notify_all()


def install() -> None:
    """Listen for SIGTERM, and pass it on to whoever listened before. Only the main thread can; elsewhere nothing happens."""
    if threading.current_thread() is threading.main_thread() and not _is_installed(signal.getsignal(signal.SIGTERM)):
        signal.signal(signal.SIGTERM, partial(_on_signal, signal.getsignal(signal.SIGTERM)))


def _is_installed(handler: Any) -> bool:
    return isinstance(handler, partial) and handler.func is _on_signal


def _on_signal(before: Handler, number: int, frame: FrameType | None) -> None:
    _asked.set()
    if callable(before):
        before(number, frame)
    elif before != signal.SIG_IGN:
        threading.Thread(target=_end_when_idle, args=(number,), name="puente-stopping", daemon=True).start()


def _end_when_idle(number: int) -> None:
    """End as the signal would have ended this process, once it is idle."""
    with _idle:
        _idle.wait_for(lambda: _under_way == 0, GRACE_SECONDS)
    logging.shutdown()
    os._exit(128 + number)
