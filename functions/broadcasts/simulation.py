"""A broadcast on a simulated clock: who is written to when, by the rate, the window of the automation, and people's own hours.

Slots come from the automation (its rate, its batches, its window). Each goes to whoever waits for one and may be written to at
that moment: first those who were put off, then the next of the list. Where the messaging limit is reached, people wait for a
place of it. Nothing is read and nothing is sent.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from shared.messages.windows import Window

QUIET, CAP, LIMIT = "quiet_hours", "daily_cap", "messaging_limit"

type Slots = Callable[[datetime], Iterator[datetime]]
"""The times from a moment on at which one message may go; it ends where the forecast ends."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is to be written to: their own hours, and whether this day is full for them already.

    `counted_until`: until when they are counted against the messaging limit, so that they need no place of it.
    """

    window: Window | None = None
    is_capped: bool = False
    counted_until: datetime | None = None


class Places:
    """The places of the messaging limit: how many there are (None: no limit), and when those that are taken come free."""

    def __init__(self, most: int | None = None, ends: Iterable[datetime] = (), lasts: timedelta = timedelta()) -> None:
        self.most, self._ends, self._lasts = most, list(ends), lasts
        heapq.heapify(self._ends)

    def take(self, at: datetime) -> bool:
        """Take a place; False where none is free."""
        if self.most is None:
            return True
        if self._too_many(at) >= 0:
            return False
        heapq.heappush(self._ends, at + self._lasts)
        return True

    def next_free(self, at: datetime) -> datetime | None:
        """The first moment from `at` on at which a place is free; None: never."""
        if self.most == 0:
            return None
        too_many = self._too_many(at) + 1
        return at if too_many <= 0 else heapq.nsmallest(too_many, self._ends)[-1] if too_many > 1 else self._ends[0]

    def _too_many(self, at: datetime) -> int:
        """By how many the taken places are more than the limit; below 0: so many are free."""
        while self._ends and self._ends[0] <= at:
            heapq.heappop(self._ends)
        return len(self._ends) - (self.most or 0)


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


def simulate(readers: Iterable[Reader], slots: Slots, start: datetime, places: Places | None = None) -> Course:
    """How a broadcast goes that begins at `start`. Memory grows with those who are put off at one time."""
    run = _Run(iter(readers), start, places or Places())
    times = slots(start)
    while (at := next(times, None)) is not None:
        run.fill(at)
        if run.is_over:
            return run.course
        if (following := run.next_try(at)) is not None:
            if following == NEVER:
                break
            times = slots(following)
    run.course.unsent = run.left()
    return run.course


NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Candidate:
    """Somebody who is looked at: for which reasons they were put off, and whether their own hours are known to be open."""

    reader: Reader
    reasons: frozenset[str] = frozenset()
    is_awake: bool = False


class _Run:
    """A broadcast that goes: who is put off until when, and who waits for a place of the messaging limit."""

    def __init__(self, fresh: Iterator[Reader], start: datetime, places: Places) -> None:
        self.course, self._fresh, self._start, self._places = Course(), fresh, start, places
        self._put_off: list[tuple[datetime, int, _Candidate]] = []
        self._limited: deque[_Candidate] = deque()
        self._number, self._has_more = 0, True

    @property
    def is_over(self) -> bool:
        """Whether everybody has got it."""
        return not (self._has_more or self._put_off or self._limited)

    def fill(self, at: datetime) -> None:
        """Let the slot of that moment go to the first who may be written to and has a place."""
        has_room = True
        while (found := self._candidate(at, has_room)) is not None:
            eligible, why = (at, "") if found.is_awake else _eligible(found.reader, at, self._start)
            if eligible > at:
                self._number += 1
                self._note(found, why)
                heapq.heappush(self._put_off, (eligible, self._number, found))
            elif (found.reader.counted_until or at) > at or self._places.take(at):
                self.course.note(at)
                return
            else:
                has_room = False
                (self._limited.appendleft if LIMIT in found.reasons else self._limited.append)(found)
                self._note(found, LIMIT)

    def _note(self, found: _Candidate, why: str) -> None:
        """Count somebody who is put off, once for each reason."""
        self.course.put_off.update({why} - found.reasons)
        found.reasons, found.is_awake = found.reasons | {why}, False

    def _candidate(self, at: datetime, has_room: bool) -> _Candidate | None:  # noqa: FBT001  # a fact of the slot
        """The next who might get the slot."""
        if self._put_off and self._put_off[0][0] <= at:
            found = heapq.heappop(self._put_off)[2]
            found.is_awake = True
            return found
        if self._limited and has_room:
            return self._limited.popleft()
        reader = next(self._fresh, None) if self._has_more else None
        self._has_more = reader is not None
        return None if reader is None else _Candidate(reader)

    def next_try(self, at: datetime) -> datetime | None:
        """The next moment at which anybody may be written to; None: in the next slot. NEVER: nobody may any more."""
        if self._has_more:
            return None
        ends = [self._put_off[0][0]] if self._put_off else []
        if self._limited and (free := self._places.next_free(at)) is not None:
            ends.append(free)
        following = min(ends, default=NEVER)
        return following if following > at else None

    def left(self) -> int:
        """How many have got nothing."""
        return len(self._put_off) + len(self._limited) + sum(1 for _ in self._fresh)


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
