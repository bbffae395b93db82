"""When a meeting may be: the hours in which everybody works and nobody is known to be busy, best first. Pure.

An hour is computed on the clocks of those who take part, so that it moves with each change to and from summer time; what is
handed on are instants in UTC.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from functions.meetings.requests import PreferredTime
from shared.vendors.calendars.entries import Interval

SCORE_OF_DAY, SCORE_OF_TIME = 10, 5
MOST_OPTIONS, MOST_ALTERNATIVES, MOST_KEPT = 3, 5, 10
LONG_MINUTES = 60
APART, APART_IF_LONG = timedelta(hours=2), timedelta(hours=3)
PREFERRED_MATCH, MULTIPLE_OPTIONS = "preferred_match", "multiple_options_no_preference"
FIRST_AVAILABLE = "first_available"
HIGH, LOW = "high", "low"
FARTHEST = timedelta(days=366)
"""A day that is liked counts up to so far ahead."""


def without(whole: Interval, part: Interval) -> list[Interval]:
    """What is left of an interval when a part of it is taken out."""
    if not whole.meets(part):
        return [whole]
    rest = (Interval(whole.start, part.start), Interval(part.end, whole.end))
    return [one for one in rest if one.start < one.end]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who takes part, on their own clock. `closed` tells whether a day is a holiday of theirs."""

    address: str
    zone: ZoneInfo
    holidays: Collection[date] = ()


type Busy = Mapping[str, Sequence[Interval] | None]
"""When each participant is busy; None: their calendar could not be read, so nobody knows. Who is missing is unknown as well."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When meetings may be: business hours on everybody's own clock, days of the week (0: Monday), and what is kept free."""

    opens: time = time(9)
    closes: time = time(18)
    days: frozenset[int] = frozenset(range(5))
    days_ahead: int = 14
    step: timedelta = timedelta(minutes=30)
    buffer: timedelta = timedelta(0)
    notice: timedelta = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How long, on whose clock the days are counted, and when they would like to."""

    minutes: int
    zone: ZoneInfo
    days: tuple[date, date] | None = None
    times: tuple[PreferredTime, ...] = ()
    several: bool = False

    def score(self, local: datetime) -> int:
        """How much a beginning is liked: 10 for a day, 5 for a time of day."""
        on_day = self.days is not None and self.days[0] <= local.date() <= self.days[1]
        at_time = any(one.fits(local.hour, local.minute) for one in self.times)
        return SCORE_OF_DAY * on_day + SCORE_OF_TIME * at_time


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A time at which the meeting may be. `unknown` are those whose calendar could not be read: they may be busy."""

    start: datetime
    end: datetime
    score: int = 0
    unknown: tuple[str, ...] = ()

    @property
    def confidence(self) -> str:
        """`high` where every calendar was read, else `low`."""
        return LOW if self.unknown else HIGH


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The best slot, what is offered in its place or with it, and why. Without `best` there is none."""

    best: Slot | None = None
    options: tuple[Slot, ...] = ()
    alternatives: tuple[Slot, ...] = ()
    kept: tuple[Slot, ...] = ()
    reason: str = ""
    found: int = field(default=0)


def days_of(wish: Wish, rules: Rules, now: datetime) -> list[date]:
    """The days that are looked at: the next ones, and those that are liked, as far as they lie ahead."""
    return sorted({day for one in _ranges(wish, rules, now) for day in one})


def spans(wish: Wish, rules: Rules, now: datetime) -> list[Interval]:
    """From when to when calendars must be known. Days of people far away may begin a day earlier or end a day later."""
    return [
        Interval(
            max(datetime.combine(days[0] - timedelta(days=1), time(0), UTC), now),
            datetime.combine(days[-1] + timedelta(days=2), time(0), UTC),
        )
        for days in _ranges(wish, rules, now)
    ]


def _ranges(wish: Wish, rules: Rules, now: datetime) -> list[list[date]]:
    today = now.astimezone(wish.zone).date()
    ahead = [today + timedelta(days=number) for number in range(1, rules.days_ahead + 1)]
    if wish.days is None:
        return [ahead]
    first, last = max(wish.days[0], today), min(wish.days[1], today + FARTHEST)
    liked = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [one for one in (ahead, liked) if one]


def find(
    wish: Wish, people: Sequence[Person], busy: Busy, rules: Rules, now: datetime, occupied: Sequence[Interval] = ()
) -> list[Slot]:
    """Every slot in which all work and nobody is known to be busy, earliest first; none that meets one of `occupied`.

    Where no calendar at all could be read, slots are two hours apart (three for long meetings), as there is no telling.
    """
    unknown = tuple(one.address for one in people if busy.get(one.address) is None)
    coarse = len(unknown) == len(people)
    taken = [*occupied, *(each for found in busy.values() if found for each in found)]
    earliest, length = now + rules.notice, timedelta(minutes=wish.minutes)
    slots = {}
    for start in _beginnings(wish, rules, now, coarse=coarse):
        whole = Interval(start - rules.buffer, start + length + rules.buffer)
        if start < earliest or any(whole.meets(one) for one in taken):
            continue
        if all(works(one, whole, rules) for one in people):
            score = wish.score(start.astimezone(wish.zone))
            slots[start] = Slot(start=start, end=start + length, score=score, unknown=unknown)
    return [slots[start] for start in sorted(slots)]


def works(person: Person, whole: Interval, rules: Rules) -> bool:
    """Whether all of it lies in one working day of theirs, by their own clock."""
    start, end = whole.start.astimezone(person.zone), whole.end.astimezone(person.zone)
    if start.date() != end.date() or start.weekday() not in rules.days or start.date() in person.holidays:
        return False
    return rules.opens <= start.time() and end.time() <= rules.closes


def select(slots: Sequence[Slot], wish: Wish) -> Selection:
    """The best slot: that which is liked most, else the earliest; with it up to three options, and alternatives to them."""
    if not slots:
        return Selection()
    liked = sorted((one for one in slots if one.score), key=lambda one: (-one.score, one.start))
    reason = PREFERRED_MATCH if liked else MULTIPLE_OPTIONS if wish.several else FIRST_AVAILABLE
    ranked = [*liked, *sorted((one for one in slots if not one.score), key=lambda one: one.start)]
    options = apart(ranked, MOST_OPTIONS, wish)
    alternatives = apart((one for one in ranked if one not in options), MOST_ALTERNATIVES, wish)
    return Selection(
        best=ranked[0],
        options=options,
        alternatives=alternatives,
        kept=tuple(ranked[:MOST_KEPT]),
        reason=reason,
        found=len(slots),
    )


def apart(ranked: Iterable[Slot], at_most: int, wish: Wish) -> tuple[Slot, ...]:
    """The first of them that lie hours apart, so that a choice is one; filled up with others where there are too few."""
    ranked, distance = list(ranked), _distance(wish, timedelta(0))
    chosen: list[Slot] = []
    for slot in ranked:
        if len(chosen) < at_most and all(abs(slot.start - one.start) >= distance for one in chosen):
            chosen.append(slot)
    for slot in ranked:
        if len(chosen) < at_most and slot not in chosen:
            chosen.append(slot)
    return tuple(chosen)


def _distance(wish: Wish, buffer: timedelta) -> timedelta:
    return APART_IF_LONG if timedelta(minutes=wish.minutes) + 2 * buffer >= timedelta(minutes=LONG_MINUTES) else APART


def _beginnings(wish: Wish, rules: Rules, now: datetime, *, coarse: bool) -> Iterator[datetime]:
    """The instants at which a meeting may begin, by the clock of the request: a grid from the opening on, and liked times."""
    step = _distance(wish, rules.buffer) if coarse else rules.step
    for day in days_of(wish, rules, now):
        midnight = datetime.combine(day, time(0))
        at, last = datetime.combine(day, rules.opens) + rules.buffer, midnight + timedelta(days=1)
        while at < last:
            yield from _instants(at, wish.zone)
            at += step
        for one in wish.times:
            yield from _instants(midnight + timedelta(hours=one.hour, minutes=one.minute or 0), wish.zone)


def _instants(wall: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """When a clock shows that: not at all where it is set forward, the first time where it is set back."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        yield instant
