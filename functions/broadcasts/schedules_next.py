"""When a schedule runs next, and why then: a pure function of schedule, exceptions and a moment.

A candidate (`schedules_days`) goes through the rules in this order: the window moves it, weekends and holidays drop or move it,
exceptions skip or reschedule it, and the end cuts. One moment is one run, however many candidates fall on it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any

from functions.broadcasts import schedules_days, wall_time
from functions.broadcasts.schedules import Dropped, ExceptionType, Preview, Run, Schedule, ScheduleError, Span, WeekendPolicy
from functions.broadcasts.schedules_days import ONE_DAY, Day
from shared.phrases import phrase

CLAMPED, WINDOW, GAP, RESCHEDULED, RESCHEDULE = "clamped", "window", "gap", "rescheduled", "reschedule"
SKIP, BLACKOUT, BEFORE_START, END = "skip", "blackout", "before-start", "end"
MOST_DROPPED = 100
EVER = datetime(1, 1, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Shown:
    """A candidate after window and weekend policy, as a preview shows it.

    `origin` is the naive wall of the candidate, `lost` why it has no run of its own: a rule of `days` can be overruled by a
    reschedule, `bounds` (the start, the end) cannot.
    """

    at: datetime
    origin: datetime
    moved: tuple[str, ...]
    lost: tuple[str, ...] = ()
    is_out: bool = False


def next_after(schedule: Schedule, exceptions: Sequence[Span], moment: datetime) -> Run | None:
    """The first run strictly after `moment` (aware); None where no more come.

    It ends for every schedule: the search goes 45 years ahead of the moment or the start, whichever is later.
    """
    return next((run for run in _runs(schedule, exceptions, moment) if isinstance(run, Run)), None)


def preview(schedule: Schedule, exceptions: Sequence[Span], moment: datetime, number: int) -> Preview:
    """The next `number` runs strictly after `moment`, and what is left out up to the last of them, each with its reasons."""
    runs, dropped = list[Run](), list[Dropped]()
    for found in _runs(schedule, exceptions, moment):
        if isinstance(found, Dropped):
            if len(dropped) < MOST_DROPPED:
                dropped.append(found)
            continue
        runs.append(found)
        if len(runs) == number:
            break
    last = runs[-1].at.astimezone(UTC) if len(runs) == number else None
    return Preview(runs, [lost for lost in dropped if last is None or lost.at <= last])


def check(schedule: Schedule, exceptions: Sequence[Span]) -> None:
    """Refuse a schedule that has no run at all, from its start on.

    Raises:
        ScheduleError: `never`.
    """
    if next_after(schedule, exceptions, EVER) is None:
        raise ScheduleError("never", phrase("no run comes of this schedule: its days are all left out, or lie behind its end"))


def _runs(schedule: Schedule, exceptions: Sequence[Span], moment: datetime) -> Iterator[Run | Dropped]:
    """Runs and dropped ones strictly after `moment`, in the order of time."""
    exceptions = tuple(exceptions)
    moment = moment.astimezone(UTC)  # two times of one zone are compared by their walls, which come twice in autumn
    zone, heap, numbers = schedule.zone, list[tuple[datetime, datetime, int, Run | Dropped]](), count()
    for origin, run in _rescheduled(schedule, exceptions):
        heappush(heap, (run.at.astimezone(UTC), origin, next(numbers), run))
    reach = _reach(schedule)
    since = moment.astimezone(zone).date() if moment > EVER + 10 * ONE_DAY else date.min
    since = max(since, date(1900, 1, 1)) - timedelta(days=reach.forward)
    for day in schedules_days.days(schedule, since, schedules_days.horizon(schedule, since)):
        settled = wall_time.day_begins(day.date - timedelta(days=reach.back), zone)
        yield from _taken(heap, settled, moment)
        for shown in _shown(schedule, exceptions, day):
            found = _judged(schedule, exceptions, shown)
            if found.at > moment:
                heappush(heap, (found.at.astimezone(UTC), shown.origin, next(numbers), found))
    yield from _taken(heap, None, moment)


def _taken(
    heap: list[tuple[datetime, datetime, int, Run | Dropped]], until: datetime | None, moment: datetime
) -> Iterator[Run | Dropped]:
    """Take what lies before `until` from the heap; several at one moment become one, those dropped come first."""
    while heap and (until is None or heap[0][0] < until):
        at, _origin, _number, first = heappop(heap)
        group = [first]
        while heap and heap[0][0] == at:
            group.append(heappop(heap)[3])
        if at <= moment:
            continue
        yield from (found for found in group if isinstance(found, Dropped))
        runs = [found for found in group if isinstance(found, Run)]
        if runs:
            yield next((run for run in runs if not run.why), runs[0])


@dataclass(frozen=True)
class _Reach:
    """By how many days the rules move a candidate at most, back and forward."""

    back: int
    forward: int


def _longest_move(schedule: Schedule) -> int:
    """How many days in a row may be closed: all blackout days, with the weekends and holidays in and around them."""
    return 2 * len(schedule.blackout) + 40


def _reach(schedule: Schedule) -> _Reach:
    longest = _longest_move(schedule) + 2
    back = longest if schedule.weekend_policy is WeekendPolicy.BEFORE else 1
    return _Reach(back, longest if schedule.weekend_policy is WeekendPolicy.AFTER else 3)


def _shown(schedule: Schedule, exceptions: Sequence[Span], day: Day) -> Iterator[Shown]:
    """The candidates of a day until the end, after window and policy. Of a day on which none can run, one stands for all."""
    if schedule.end is not None and schedule.end < wall_time.day_ends(day.date, schedule.zone):
        day = replace(day, times=tuple(at for at in day.times if _at(schedule, datetime.combine(day.date, at)) <= schedule.end))
    for moved_day, times in _windowed(schedule, day):
        lost = schedule.closed(moved_day)
        number = 1 if _is_hopeless(schedule, exceptions, moved_day, lost) else len(times)
        for original, at in times[:number]:
            wall, origin = datetime.combine(moved_day, at), datetime.combine(day.date, original)
            moved = (CLAMPED,) * day.clamped + (WINDOW,) * (wall != origin)
            yield _with_policy(schedule, wall, origin, moved, lost)


def _windowed(schedule: Schedule, day: Day) -> Iterator[tuple[date, list[tuple[time, time]]]]:
    """The day's times by the day to which the window takes them: that day, or the next one at the window's start."""
    window = schedule.window
    if window is None:
        yield day.date, [(at, at) for at in day.times]
        return
    stay = [(at, at if window.holds(at) else window.start) for at in day.times if window.holds(at) or at < window.start]
    if stay:
        yield day.date, stay
    if late := [at for at in day.times if not window.holds(at) and at > window.start]:
        yield day.date + ONE_DAY, [(late[0], window.start)]


def _is_hopeless(schedule: Schedule, exceptions: Sequence[Span], day: date, lost: tuple[str, ...]) -> bool:
    """Whether nothing can come of any time of a day, so that one line for all of them says it."""
    first, last = wall_time.day_begins(day, schedule.zone), wall_time.day_ends(day, schedule.zone)
    if any(span.kind is ExceptionType.SKIP and span.first <= first and last <= span.last for span in exceptions):
        return True
    is_dropped = day in schedule.blackout or (bool(lost) and schedule.weekend_policy is WeekendPolicy.SKIP)
    return is_dropped and not any(span.first <= last and first <= span.last for span in exceptions)


def _with_policy(schedule: Schedule, wall: datetime, origin: datetime, moved: tuple[str, ...], lost: tuple[str, ...]) -> Shown:
    """Apply what the schedule does with weekends and holidays, then the bounds."""
    own = _at(schedule, wall)
    if schedule.end is not None and own > schedule.end:
        return Shown(own, origin, moved, (END,), is_out=True)
    if wall.date() in schedule.blackout:
        return Shown(own, origin, moved, (BLACKOUT, *lost))
    target = _open_day(schedule, wall.date()) if lost and schedule.weekend_policy is not WeekendPolicy.SKIP else None
    if target is None:
        return Shown(own, origin, moved + _gap(schedule, wall), lost)
    new = datetime.combine(target, wall.time().replace(fold=0))
    at, moved = _at(schedule, new), (*moved, *lost[:1])
    if schedule.end is not None and at > schedule.end:
        return Shown(at, origin, moved, (END,), is_out=True)
    is_early = new < schedule.start <= wall
    return Shown(at, origin, moved if is_early else moved + _gap(schedule, new), (BEFORE_START,) * is_early, is_out=is_early)


def _open_day(schedule: Schedule, day: date) -> date | None:
    """The next day in the direction of the policy that is neither closed nor blacked out."""
    step = ONE_DAY if schedule.weekend_policy is WeekendPolicy.AFTER else -ONE_DAY
    for _ in range(_longest_move(schedule)):
        day += step
        if day not in schedule.blackout and not schedule.closed(day):
            return day
    return None


def _at(schedule: Schedule, wall: datetime) -> datetime:
    return wall_time.instant(wall, schedule.zone).astimezone(schedule.zone)


def _gap(schedule: Schedule, wall: datetime) -> tuple[str, ...]:
    return (GAP,) if wall_time.is_skipped(wall, schedule.zone) else ()


def _judged(schedule: Schedule, exceptions: Sequence[Span], shown: Shown) -> Run | Dropped:
    """What becomes of a shown run: it takes place, or is dropped by an exception, its day, or the bounds."""
    if shown.is_out:
        return Dropped(shown.at, shown.moved + shown.lost)
    if any(span.kind is ExceptionType.SKIP and span.holds(shown.at) for span in exceptions):
        return Dropped(shown.at, (*shown.moved, SKIP))
    span = _moving(exceptions, shown.at)
    if span is not None and span.to is not None:
        return Dropped(shown.at, (*shown.moved, RESCHEDULE), to=span.to.astimezone(schedule.zone))
    if shown.lost:
        return Dropped(shown.at, shown.moved + shown.lost)
    return Run(shown.at, shown.moved, _config(exceptions, shown.at))


def _moving(exceptions: Sequence[Span], at: datetime) -> Span | None:
    return next((span for span in exceptions if span.kind is ExceptionType.RESCHEDULE and span.holds(at)), None)


def _config(exceptions: Sequence[Span], at: datetime) -> dict[str, Any]:
    """What the modifies that hold a moment change, merged in their order: later ones win."""
    merged: dict[str, Any] = {}
    for span in exceptions:
        if span.kind is ExceptionType.MODIFY and span.holds(at):
            merged |= span.config
    return merged


def _rescheduled(schedule: Schedule, exceptions: Sequence[Span]) -> Iterator[tuple[datetime, Run]]:
    """The runs that reschedules make, with the candidate that each stands for: one where its span holds any run of its own."""
    for span in exceptions:
        if span.kind is not ExceptionType.RESCHEDULE or span.to is None:
            continue
        origin = _first_moved(schedule, exceptions, span)
        if origin is not None:
            at = span.to.astimezone(schedule.zone)
            closed = (BLACKOUT,) * (at.date() in schedule.blackout) + schedule.closed(at.date())
            yield origin, Run(at, (RESCHEDULED,), _config(exceptions, at), " and ".join(closed) or None)


def _first_moved(schedule: Schedule, exceptions: Sequence[Span], span: Span) -> datetime | None:
    """The candidate of the first run that this span moves: one in no skip and in no reschedule before it."""
    reach, zone = _reach(schedule), schedule.zone
    since = span.first.astimezone(zone).date() - timedelta(days=reach.forward)
    until = span.last.astimezone(zone).date() + timedelta(days=reach.back)
    for day in schedules_days.days(schedule, since, min(until, schedules_days.horizon(schedule, since))):
        for shown in _shown(schedule, exceptions, day):
            if shown.is_out or not span.holds(shown.at) or _moving(exceptions, shown.at) is not span:
                continue
            if not any(other.kind is ExceptionType.SKIP and other.holds(shown.at) for other in exceptions):
                return shown.origin
    return None
