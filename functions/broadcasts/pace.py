"""When the messages of an automation are due: evenly at its rate, in batches, inside its window. Pure functions of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from functions.broadcasts import wall_time
from functions.broadcasts.running_config import RunConfig
from functions.broadcasts.schedules import Window

BATCH = 100
"""After so many messages `batch_delay_seconds` are waited."""
HOUR = timedelta(hours=1)
SPARE = timedelta(seconds=16)
"""What the ledger counts longer than the hour: how late a call may begin, and the second to which it counts."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Place:
    """Where planning stands: the next message is due at `at` at the earliest, and `in_batch` of its batch are planned."""

    at: datetime
    in_batch: int = 0


def spacing(rate_per_hour: int) -> timedelta:
    """The time between two messages of that rate, so that even at both ends of an hour there is not one too many."""
    return (HOUR + SPARE) / rate_per_hour


def dues(config: RunConfig, place: Place, until: datetime) -> Iterator[tuple[datetime, Place]]:
    """The due times from a place on up to `until`, each with the place behind it. They never go back."""
    while (at := next_open(place.at, config.window, config.zone)) <= until:
        count = place.in_batch + 1
        following = at + spacing(config.rate_per_hour)
        if count >= BATCH:
            count, following = 0, following + timedelta(seconds=config.batch_delay_seconds)
        place = Place(following, count)
        yield at, place


def is_open(moment: datetime, window: Window | None, zone: ZoneInfo) -> bool:
    """Whether a moment lies in a window; both ends belong to it. Equal ends are that one minute."""
    if window is None:
        return True
    at = moment.astimezone(zone).time().replace(fold=0)
    return window.holds(at.replace(second=0, microsecond=0) if window.start == window.end else at)


def next_open(moment: datetime, window: Window | None, zone: ZoneInfo) -> datetime:
    """The first instant from `moment` on in the window, in UTC.

    A beginning that the clocks skip comes later by the gap; where that is outside the window, it opens the next day.
    """
    if window is None or is_open(moment, window, zone):
        return moment.astimezone(UTC)
    day = moment.astimezone(zone).date()
    beginnings = (
        wall_time.instant(datetime.combine(one, window.start, None).replace(fold=fold), zone)
        for one in (day, day + ONE_DAY, day + 2 * ONE_DAY)
        for fold in (0, 1)
    )
    return min(start for start in beginnings if start > moment and is_open(start, window, zone))
