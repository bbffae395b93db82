"""Due times of steps, from the definition alone. Pure functions: engine and forecast both use them, so they cannot disagree."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared import clock
from shared.journeys import timing
from shared.journeys.definition import ENROLMENT, Journey, Step
from shared.journeys.timing import Delay
from shared.messages.windows import Window
from shared.phrases import phrase

GRACE = timedelta(minutes=5)  # an event takes a moment to reach us; a step that is due since then is not late
SENSIBLE_YEARS = range(1970, 3000)  # beyond them, nothing could be added to a date any more
SHORTEST_TEST_EXPIRY = timedelta(minutes=10)
LONGEST_TEST_WAIT = Delay(0, 120)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What due times depend on: the enrolment's moment and data, the person's zone and open hours, how long they were held."""

    enrolled_at: datetime
    zone: str
    data: Mapping[str, Any] = field(default_factory=dict)
    shift: timedelta = timedelta()
    testing: bool = False
    window: Window | None = None


@dataclass(frozen=True)
class Due:
    """When a step is due, and until when it makes sense. Without a date to count from, all of it is None.

    `nominal` is when it would be due if every hour were open: lateness and expiry count from it.
    """

    step: Step
    at: datetime | None
    not_after: datetime | None
    nominal: datetime | None = None


def dues(journey: Journey, frame: Frame) -> dict[str, Due]:
    """When each step is due, by its id, in the order of the definition. A step `after` another: when it no longer waits.

    A step that counts back from a date is due at the last open moment before its time, where that is not open: the next open
    hour may come after the date.
    """
    found: dict[str, Due] = {}
    for step in journey.steps:
        nominal = _after(step, found, frame) if step.after else _anchored(journey, step, frame)
        at = _opened_before(journey, step, nominal, frame) if nominal else None
        found[step.id] = Due(step, at, expiry(step, nominal, testing=frame.testing) if nominal else None, nominal)
    return found


def goes_at(due: Due, now: datetime) -> datetime | None:
    """When a step that is planned now can go out at the earliest.

    Where the last open moment before its time has gone, and its time has not, it waits for its time and the next open hour.
    """
    if due.at is not None and due.nominal is not None and due.at < now - GRACE and due.nominal > now:
        return due.nominal
    return due.at


def expiry(step: Step, due_at: datetime, *, testing: bool) -> datetime:
    """Until when a step that is due at `due_at` is worth sending."""
    if testing:
        return due_at + max(timing.hurried(step.expires).length(), SHORTEST_TEST_EXPIRY)
    return due_at + step.expires.length()


def skips(due: Mapping[str, Due], planning: Collection[str], now: datetime) -> dict[str, str]:
    """Which of the steps that are being planned are skipped because their time has gone, and why."""
    planned = [d for d in due.values() if d.step.id in planning and not d.step.after]
    late = [d for d in planned if d.nominal is not None and d.nominal < now - GRACE]
    latest = [d for d in late if d.step.if_late == "latest"]
    newest = max(latest, key=lambda d: d.nominal or now).step.id if latest else None
    reasons = {}
    for one in late:
        if one.not_after is not None and one.not_after < now:
            reasons[one.step.id] = phrase("too-late: it had expired")
        elif one.step.if_late == "skip":
            reasons[one.step.id] = phrase("too-late: if_late is skip")
        elif one.step.if_late == "latest" and one.step.id != newest:
            reasons[one.step.id] = phrase("too-late: %(step)s is due as well, and only the latest is sent", step=newest)
    return reasons


def wait(step: Step, *, testing: bool) -> Delay:
    """How long a step waits for the result of the one it comes after."""
    return min(step.wait_at_most, LONGEST_TEST_WAIT) if testing else step.wait_at_most


def delay(step: Step, *, testing: bool) -> Delay:
    """The distance from its anchor; in TESTING_MODE the one for tests."""
    if not testing:
        return step.delay
    return step.test_delay if step.test_delay is not None else timing.hurried(step.delay)


def moment(value: Any) -> datetime | None:
    """A date of the data; None where there is none, or none that can be read."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else value
        found = clock.as_utc(read) if isinstance(read, datetime) else None
    except (ValueError, OverflowError):
        return None
    return found if found is not None and found.year in SENSIBLE_YEARS else None


def _anchored(journey: Journey, step: Step, frame: Frame) -> datetime | None:
    anchor = journey.anchor_of(step)
    base = frame.enrolled_at if anchor == ENROLMENT else moment(frame.data.get(anchor))
    if base is None:
        return None
    at = timing.after(base, delay(step, testing=frame.testing), frame.zone)
    return at + frame.shift if journey.shifts(step) else at


def _opened_before(journey: Journey, step: Step, nominal: datetime, frame: Frame) -> datetime:
    """`nominal`, or the last open moment before it, for a step that counts back from a date and keeps the open hours."""
    counts_back = step.after is None and journey.anchor_of(step) != ENROLMENT and step.delay < Delay()
    if not counts_back or frame.window is None or frame.testing or step.window == "ignore":
        return nominal
    return frame.window.last_open(nominal) or nominal


def _after(step: Step, found: Mapping[str, Due], frame: Frame) -> datetime | None:
    parent = found[str(step.after)].at
    if parent is None:
        return None
    waited = timing.after(parent, wait(step, testing=frame.testing), frame.zone)
    return timing.after(waited, delay(step, testing=frame.testing), frame.zone)
