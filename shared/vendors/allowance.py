"""How often something may be asked in a span of time, for what a vendor counts by the hour."""

import threading
from collections import deque
from datetime import datetime, timedelta

from shared import clock


class Allowance:
    """At most `times` in any `span`, in this process. Over several instances the vendor's own 429 holds."""

    def __init__(self, times: int, span: timedelta) -> None:
        self._times, self._span = times, span
        self._taken: deque[datetime] = deque()
        self._lock = threading.Lock()

    @property
    def seconds_apart(self) -> float:
        """How far apart they are when they are spread evenly."""
        return self._span.total_seconds() / self._times

    def take(self) -> bool:
        """Take one; False where none is left for now."""
        with self._lock:
            self._drop_old()
            if len(self._taken) >= self._times:
                return False
            self._taken.append(clock.now())
            return True

    def seconds_until_free(self) -> float:
        """After how many seconds there is one again."""
        with self._lock:
            self._drop_old()
            if len(self._taken) < self._times:
                return 0.0
            return (self._taken[0] + self._span - clock.now()).total_seconds()

    def _drop_old(self) -> None:
        now = clock.now()
        while self._taken and not now - self._span < self._taken[0] <= now:
            self._taken.popleft()
