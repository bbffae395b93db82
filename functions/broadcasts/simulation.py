"""A broadcast on a simulated clock: who is written to when, by the rate, the window of the automation, and people's own hours.

Slots come from the automation (its rate, its batches, its window). Each goes to whoever waits for one and may be written to at
that moment: first those who were put off, then the next of the list. Nothing is read and nothing is sent.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from shared.messages.windows import Window

QUIET, CAP = "quiet_hours", "daily_cap"

type Slots = Callable[[datetime], Iterator[datetime]]
"""The times from a moment on at which one message may go; it ends where the forecast ends."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is to be written to: their own hours, and whether this day is full for them already."""

    window: Window | None = None
    is_capped: bool = False


@dataclass
class Course:
    """How it goes: messages in each hour (UTC), the first and the last, who was put off and why, and who gets none in time."""

    hours: Counter[datetime] = field(default_factory=Counter)
    first_at: datetime | None = None
    last_at: datetime | None = None
    put_off: Counter[str] = field(default_factory=Counter)
    unsent: int = 0

    @property
    def sent(self) -> int:
        """How many messages."""
        return sum(self.hours.values())

    def note(self, at: datetime) -> None:
        """One message goes."""
        self.hours[at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)] += 1
        self.first_at = self.first_at or at
        self.last_at = at


def simulate(readers: Iterable[Reader], slots: Slots, start: datetime) -> Course:
    """How a broadcast goes that begins at `start`. Memory grows with those who are put off at one time."""
    course, fresh = Course(), iter(readers)
    waiting: list[tuple[datetime, int, Reader]] = []
    number, has_more, times = 0, True, slots(start)
    while (at := next(times, None)) is not None:
        while True:
            if waiting and waiting[0][0] <= at:
                heapq.heappop(waiting)
                course.note(at)
                break
            reader = next(fresh, None) if has_more else None
            if reader is None:
                has_more = False
                break
            eligible, why = _eligible(reader, at, start)
            if eligible <= at:
                course.note(at)
                break
            number += 1
            course.put_off[why] += 1
            heapq.heappush(waiting, (eligible, number, reader))
        if not has_more:
            if not waiting:
                return course
            if waiting[0][0] > at:
                times = slots(waiting[0][0])
    course.unsent = len(waiting) + sum(1 for _ in fresh)
    return course


def _eligible(reader: Reader, at: datetime, start: datetime) -> tuple[datetime, str]:
    """From when on somebody may be written to, and why not before."""
    window = reader.window
    if window is None:
        return at, ""
    if reader.is_capped and window.day(at) == window.day(start):
        return window.next_day(at), CAP
    return _opens(window, at.replace(second=0, microsecond=0)) or at, QUIET


@lru_cache(maxsize=50_000)
def _opens(window: Window, minute: datetime) -> datetime | None:
    """When the window opens; None where it is open in that minute. Hours of windows are whole minutes."""
    return None if window.closed(minute) is None else window.next_open(minute)
