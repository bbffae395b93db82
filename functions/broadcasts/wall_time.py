"""Wall times: what a clock on the wall shows in a zone, and the instant that is meant by it.

A time that the clocks skip comes later by the length of the gap (02:30 is 03:30). Of one that comes twice the first is meant,
unless `fold` says the second.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MIDNIGHT = time(0)
TICK = timedelta(microseconds=1)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a naive wall time, in UTC."""
    return wall.replace(tzinfo=zone).astimezone(UTC)


def is_skipped(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether no clock of the zone ever shows this time."""
    return instant(wall, zone).astimezone(zone).replace(tzinfo=None, fold=0) != wall.replace(fold=0)


def comes_twice(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks show this time two times, because they are put back."""
    return not is_skipped(wall, zone) and instant(wall.replace(fold=0), zone) != instant(wall.replace(fold=1), zone)


def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return instant(datetime.combine(day, MIDNIGHT), zone)


def day_ends(day: date, zone: ZoneInfo) -> datetime:
    """The last instant of a local day, in UTC: a microsecond before the next day begins."""
    return day_begins(day + timedelta(days=1), zone) - TICK


def changes_clocks(day: date, zone: ZoneInfo) -> bool:
    """Whether a local day is longer or shorter than 24 hours."""
    return day_begins(day + timedelta(days=1), zone) - day_begins(day, zone) != timedelta(days=1)
