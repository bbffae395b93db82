"""Limits on how many calls a vendor takes, by any clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Bucket:
    """Takes `per_second` calls on average and up to `burst` at once; `per_second` 0 means no limit.

    `clock` tells seconds; a test may hold it in its hand.
    """

    per_second: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _level: float = field(default=-1.0, repr=False)
    _at: float = field(default=0.0, repr=False)

    def take(self) -> float:
        """Take one call: 0 when there is room for it, else the seconds until there will be."""
        if self.per_second <= 0:
            return 0.0
        now = self.clock()
        filled = self.burst if self._level < 0 else self._level + (now - self._at) * self.per_second
        self._level, self._at = min(filled, self.burst), now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self.per_second

    @property
    def left(self) -> int:
        """How many more there is room for now."""
        return int(self.burst if self._level < 0 else self._level)

    def set(self, per_second: float, burst: float | None = None) -> None:
        """Another limit, from now on with all its room."""
        self.per_second, self.burst, self._level = per_second, burst or max(per_second, 1.0), -1.0
