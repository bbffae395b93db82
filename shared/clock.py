"""The one clock. Whatever asks for the time, waits or draws a random delay asks here, so that tests control all three."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class Clock:
    """Time, waiting and chance. The default is the real world; `frozen` swaps in one that a test moves by hand."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    sleep: Callable[[float], None] = time.sleep
    chance: random.Random = field(default_factory=random.Random)


_clock = Clock()


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return _clock.now()


def past(moment: datetime) -> datetime:
    """`moment`, or now where it lies ahead: a sender whose clock is fast tells of what has happened all the same."""
    return min(moment, now())


def steady() -> float:
    """Seconds of a clock that nothing sets and no test moves: how long a call takes is the difference of two readings."""
    return time.perf_counter()


def sleep(seconds: float) -> None:
    """Wait. Under a test clock the wait is instant and moves that clock forward."""
    if seconds > 0:
        _clock.sleep(seconds)


def jitter(seconds: float, share: float = 0.2) -> float:
    """`seconds`, moved at random by up to `share` either way, so that what failed together does not return together."""
    return seconds * (1 + share * (2 * _clock.chance.random() - 1))


def as_utc(moment: datetime) -> datetime:
    """`moment` in UTC; one without an offset is taken to be UTC already (the rule for every date that reaches us)."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


class TestClock:
    """A clock that stands still until it is told to move."""

    __test__ = False

    def __init__(self, start: datetime, seed: int = 0) -> None:
        self.moment = as_utc(start)
        self.chance = random.Random(seed)  # noqa: S311  # delays, not secrets

    def advance(self, **delta: float) -> None:
        """Move forward by `timedelta(**delta)`."""
        self.moment += timedelta(**delta)

    def _sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@contextmanager
def frozen(start: datetime, seed: int = 0) -> Iterator[TestClock]:
    """Put a `TestClock` in place of the real one for the length of a test, for all threads of the process."""
    global _clock  # noqa: PLW0603  # the one clock is one variable
    held, test = _clock, TestClock(start, seed)
    _clock = Clock(now=lambda: test.moment, sleep=test._sleep, chance=test.chance)  # noqa: SLF001
    try:
        yield test
    finally:
        _clock = held
