"""What stands at the left of every page: the console's pages in four groups, and how much waits in each for a person."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Literal

from sqlalchemy.orm import Session

from shared import clock, flows

Group = Literal["now", "to-do", "going-out", "made-of"]
GROUPS: tuple[Group, ...] = ("now", "to-do", "going-out", "made-of")
FRESH = timedelta(seconds=5)
"""How old the figures of the navigation may be: each page shows them, and they are counted over all rows."""


@dataclass(frozen=True)
class Count:
    """How much waits; `tone` is `ask` (for you), `bad` (broken) or `work` (runs). `title` says what is counted."""

    number: int
    title: str
    tone: Literal["ask", "bad", "work"] = "ask"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A page in the navigation. `title` is English and is translated where it is shown. Entries stand by their `place`."""

    name: str
    title: str
    path: str
    group: Group
    icon: str
    place: int
    count: Callable[[Session], Count | None] | None = None


@cache
def entries() -> tuple[Entry, ...]:
    """The pages that the installed flows bring, in order."""
    return tuple(sorted(flows.parts("console"), key=lambda entry: (GROUPS.index(entry.group), entry.place)))


class Counts:
    """The figures of the navigation, counted again when they are older than FRESH."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted_at = clock.now() - 2 * FRESH
        self._counts: dict[str, Count] = {}

    def of(self, session: Session, listed: Iterable[Entry]) -> dict[str, Count]:
        """How much waits on each page where something does."""
        with self._lock:
            now = clock.now()
            if not timedelta(0) <= now - self._counted_at < FRESH:
                found = ((entry.name, entry.count(session)) for entry in listed if entry.count is not None)
                self._counts = {name: count for name, count in found if count is not None and count.number}
                self._counted_at = now
            return self._counts

    def forget(self) -> None:
        """Count anew for the next page: something was just done."""
        with self._lock:
            self._counted_at = clock.now() - 2 * FRESH


counts = Counts()
