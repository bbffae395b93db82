"""Time arithmetic of journeys. Days are days of the person's calendar, hours are hours that pass.

"3d" after Friday 18:00 is Monday 18:00, also where the clocks were changed on Sunday; "72h" is then Monday 17:00 or 19:00.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

PATTERN = r"^-?(?=[0-9])([0-9]{1,4}d)?([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?$"
MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True, order=True)
class Delay:
    """A distance in time: whole days of the calendar, then seconds that pass. Both have the same sign."""

    days: int = 0
    seconds: int = 0

    def __str__(self) -> str:
        """As it is written in a definition: `1d12h`, `-24h`, `0m`."""
        rest, parts = abs(self.seconds), [f"{abs(self.days)}d"] if self.days else []
        for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
            count, rest = divmod(rest, size)
            parts += [f"{count}{unit}"] if count else []
        sign = "-" if self.days < 0 or self.seconds < 0 else ""
        return sign + "".join(parts) if parts else "0m"

    def length(self) -> timedelta:
        """How long it is where the clocks are not changed."""
        return timedelta(days=self.days, seconds=self.seconds)


def parse(text: str) -> Delay:
    """The delay that is written as "3d", "24h", "-24h", "5m", "90s" or "1d12h".

    Raises:
        ValueError: it is not written so.
    """
    found = re.fullmatch(PATTERN, text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"{text!r} is no delay; write for example 5m, 24h, 3d, 1d12h, or -24h for before")
    days, hours, minutes, seconds = (int(part[:-1]) if part else 0 for part in found.groups())
    sign = -1 if text.startswith("-") else 1
    return Delay(sign * days, sign * (hours * 3600 + minutes * 60 + seconds))


def after(moment: datetime, delay: Delay, zone: str) -> datetime:
    """`moment` and `delay` later (earlier, where the delay is negative), in UTC.

    A local time that does not exist that day (the clocks go forward) is taken an hour later; of one that comes twice the first.
    """
    if delay.days:
        local = moment.astimezone(_zone(zone)) + timedelta(days=delay.days)
        moment = local.replace(fold=0).astimezone(UTC)
    return moment.astimezone(UTC) + timedelta(seconds=delay.seconds)


def local(moment: datetime, zone: str) -> datetime:
    """What the clock on the wall shows at `moment`."""
    return moment.astimezone(_zone(zone))


def hurried(delay: Delay) -> Delay:
    """The delay with minutes in place of days, for TESTING_MODE: "3d" is three minutes, "12h" half a minute."""
    return Delay(0, round(delay.length().total_seconds() / MINUTES_OF_A_DAY))


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
