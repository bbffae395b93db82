"""What the chunks of an audience show of its people, small enough to be kept until the whole audience is gone through.

Many people are alike for a forecast: the same hours, the same country, the same reason to leave them out. So a part holds
each group of them once, and of each person eight bytes that tell them from others (of a keyed digest, not of the number itself)
and the place of their group.
"""

import base64
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from functions.broadcasts.simulation import Reader
from shared.messages.digests import digest_of_person
from shared.messages.windows import Window

WHO, PLACES = "Q", "I"
HEXES = 17  # the mark of a keyed digest, and the digits of eight bytes


@dataclass(frozen=True)
class Group:
    """People who are alike for a forecast. `reason` says why they are left out; None: they get it."""

    reason: str | None
    country: str = ""
    journeys: tuple[str, ...] = ()
    has_messages: bool = False
    reader: Reader = field(default_factory=Reader)


@dataclass
class Part:
    """People in the order of the audience: who each is, and where their group stands in `groups`."""

    groups: list[Group] = field(default_factory=list)
    who: array[int] = field(default_factory=lambda: array(WHO))
    places: array[int] = field(default_factory=lambda: array(PLACES))

    def __post_init__(self) -> None:
        self._place_of = {group: place for place, group in enumerate(self.groups)}

    def add(self, key: str, group: Group) -> None:
        """Add somebody, by the key by which nobody is written to twice."""
        place = self._place_of.setdefault(group, len(self.groups))
        if place == len(self.groups):
            self.groups.append(group)
        self.who.append(int(digest_of_person(key)[1:HEXES], 16))
        self.places.append(place)

    def stored(self) -> dict[str, Any]:
        """The part as it is kept."""
        return {"groups": [_stored(one) for one in self.groups], "who": _text(self.who), "places": _text(self.places)}

    @classmethod
    def read(cls, stored: Mapping[str, Any], window: Callable[[Window], Window]) -> "Part":
        """The part that was kept. `window` gives the one object for equal windows."""
        part = cls([_read(one, window) for one in stored["groups"]])
        for name in ("who", "places"):
            getattr(part, name).frombytes(base64.b64decode(stored[name]))
        return part


def _text(values: "array[int]") -> str:
    return base64.b64encode(values.tobytes()).decode()


def _stored(group: Group) -> list[Any]:
    reader, window = group.reader, group.reader.window
    until = reader.counted_until.isoformat() if reader.counted_until else None
    hours = _stored_window(window) if window else None
    return [group.reason, group.country, list(group.journeys), group.has_messages, hours, reader.is_capped, until]


def _stored_window(window: Window) -> list[Any]:
    quiet = (window.quiet_from.isoformat(), window.quiet_to.isoformat())
    return [window.zone.key, window.country, *quiet, sorted(window.days)]


def _read(stored: list[Any], known: Callable[[Window], Window]) -> Group:
    reason, country, journeys, has_messages, hours, is_capped, until = stored
    window = known(_read_window(hours)) if hours else None
    reader = Reader(window, is_capped, datetime.fromisoformat(until) if until else None)
    return Group(reason, country, tuple(journeys), has_messages, reader)


def _read_window(stored: list[Any]) -> Window:
    zone, country, begin, end, days = stored
    return Window(ZoneInfo(zone), country, time.fromisoformat(begin), time.fromisoformat(end), frozenset(days))


@dataclass
class Seen:
    """What parts show together. Who comes twice counts once: they are what they were the first time."""

    examined: int = 0
    people: set[int] = field(default_factory=set)  # a million need tens of megabytes
    groups: dict[Group, int] = field(default_factory=dict)
    readers: list[Reader] = field(default_factory=list)

    def add(self, parts: Iterable[Part]) -> "Seen":
        """Take parts in, in the order of the audience."""
        for part in parts:
            self.examined += len(part.who)
            for who, place in zip(part.who, part.places, strict=True):
                if who not in self.people:
                    self.people.add(who)
                    self._count(part.groups[place])
        return self

    def _count(self, group: Group) -> None:
        self.groups[group] = self.groups.get(group, 0) + 1
        if group.reason is None:
            self.readers.append(group.reader)
