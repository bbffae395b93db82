"""What is heavy and soon needed is imported in quiet moments, so that neither the start nor a later request waits for it.

A start costs only what the first webhook needs. Once a first request has been answered, a thread carries out what was
prepared, step by step, each step while no request is under way: a request that comes in between waits for one step at most,
and not for that either, since threads take turns. An instance that is kept ready gets no request when it starts, so it begins
by itself after WARM_AFTER_SECONDS: an instance that was started for a request or a message is busy with it by then.
"""

import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger("puente.warming")

QUIET_SECONDS = 0.2
PATIENCE_SECONDS = 20.0
"""After so long without a quiet moment the steps are carried out all the same, or a busy instance would never be warm."""


class Warming:
    """Steps that wait for quiet moments between requests; `under_way` surrounds each request."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._steps: list[Callable[[], object]] = []
        self._requests = self._seen = 0  # now, and ever
        self._thread: threading.Thread | None = None

    def prepare(self, *steps: Callable[[], object]) -> None:
        """Carry out `steps`, in this order, after the first request. A step that fails is left to whoever needs it."""
        self._steps += steps

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """While a request is being answered no step begins; the end of the first one starts the thread. Costs microseconds."""
        with self._lock:
            self._requests += 1
            self._seen += 1
        try:
            yield
        finally:
            with self._lock:
                self._requests -= 1
            self._begin()

    def begin_after(self, seconds: float) -> None:
        """Begin `seconds` from now, where no request has come first; 0 leaves it to the first request."""
        if seconds > 0:
            timer = threading.Timer(seconds, self._begin)
            timer.daemon = True
            timer.start()

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None and self._steps:
                thread = threading.Thread(target=self._run, name="warming", daemon=True)
                thread.start()
                self._thread = thread  # only now: `wait` cannot join one that has not been started

    def wait(self, seconds: float) -> bool:
        """Whether all steps are done, after at most `seconds`; False where none has been started."""
        thread = self._thread
        if thread is None:
            return False
        thread.join(seconds)
        return not thread.is_alive()

    def _run(self) -> None:
        looks = iter(range(int(PATIENCE_SECONDS / QUIET_SECONDS)))
        for step in self._steps:
            while not self._was_quiet() and next(looks, None) is not None:
                pass
            try:
                step()
            except Exception:
                log.exception("a step of the warming failed; the first request that needs it will say why")
                return
        log.debug("warm")

    def _was_quiet(self) -> bool:
        """Whether no request was under way during the next QUIET_SECONDS."""
        with self._lock:
            is_idle, seen = self._requests == 0, self._seen
            self._lock.wait(QUIET_SECONDS)
            return is_idle and self._seen == seen


warming = Warming()


def imports(*names: str) -> tuple[Callable[[], object], ...]:
    """Steps that import modules; they are importable by the time that a quiet moment comes."""
    return tuple(lambda name=name: importlib.import_module(name) for name in names)
