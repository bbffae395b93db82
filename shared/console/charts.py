"""Figures as bars and lanes of SVG: widths in percent of what the page gives, heights in pixels, never a `style=`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HEIGHT = 64.0
GAP = 0.28
_STEP = timedelta(milliseconds=50)
_POWER = 1.15
LEAST = 0.9


@dataclass(frozen=True)
class Bar:
    """A bar: where it begins and how wide it is (percent), where its top is and how high it is (pixels). `is_bad`: in red."""

    x: float
    y: float
    width: float
    height: float
    is_bad: bool = False


def bars(figures: Sequence[tuple[int, int]]) -> list[Bar]:
    """For each pair (good, bad) a bar of the good, and over it one of the bad where there is any; the highest fills HEIGHT."""
    most = max((good + bad for good, bad in figures), default=0) or 1
    wide = 100 / max(1, len(figures))
    found: list[Bar] = []
    for place, (good, bad) in enumerate(figures):
        x, width = round(place * wide + wide * GAP / 2, 2), round(wide * (1 - GAP), 2)
        low, high = (round(HEIGHT * part / most, 2) for part in (bad, good + bad))
        if high:
            found.append(Bar(x, round(HEIGHT - high, 2), width, high))
        if low:
            found.append(Bar(x, round(HEIGHT - low, 2), width, low, is_bad=True))
    return found


class Lane:
    """Where moments stand on a line of time on which milliseconds and days can both be seen.

    The time between two neighbours of the known moments gets a width of log2(1 + time / 50 ms) to the power of 1.15, so that
    nothing vanishes beside what takes days.
    """

    def __init__(self, moments: Sequence[datetime]) -> None:
        self._moments = sorted(set(moments))
        self._places = [0.0]
        for before, after in zip(self._moments, self._moments[1:], strict=False):
            self._places.append(self._places[-1] + _width(after - before))
        self._whole = self._places[-1] or 1.0

    def place(self, moment: datetime) -> float:
        """Its place in percent of the lane; beyond the ends, the end."""
        if not self._moments or moment <= self._moments[0]:
            return 0.0
        for index, (before, after) in enumerate(zip(self._moments, self._moments[1:], strict=False)):
            if moment <= after:
                share = (moment - before) / (after - before)
                return round(
                    100 * (self._places[index] + share * (self._places[index + 1] - self._places[index])) / self._whole, 2
                )
        return 100.0

    def span(self, begin: datetime, end: datetime) -> tuple[float, float]:
        """Where a time begins and how wide it is, in percent; what took no time can still be seen."""
        x = min(self.place(begin), 100 - LEAST)
        return x, round(max(self.place(end) - x, LEAST), 2)


def _width(time: timedelta) -> float:
    return math.pow(math.log2(1 + time / _STEP), _POWER)
