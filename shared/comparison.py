"""Whether two texts differ: rates with their counts, the chance that luck alone makes such a difference, and a sentence.

The test is two-sided: Fisher's exact one up to EXACT_UP_TO people, above it the normal approximation with pooled variance.
With CONFIDENCE 0.95 a difference is clear where luck makes one as large in less than one of twenty broadcasts with equal texts.
It holds for one look at the end: whoever looks often and stops when it suits sees differences that are none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import erfc, exp, lgamma, sqrt
from typing import Literal

CONFIDENCE = 0.95
EXACT_UP_TO = 4_000
LEAST_NAMED = 0.001
ALIKE = 1 + 1e-7  # two tables that are equally likely differ by rounding

Verdict = Literal["none-sent", "chance", "a", "b"]
SENTENCES: Mapping[Verdict, str] = {
    "none-sent": "One of the texts has not gone out yet, so there is nothing to compare.",
    "chance": "The difference may be chance: with two equal texts one as large comes in %(chance)s of 100 broadcasts.",
    "a": "Text A does better, and that is hardly chance: with two equal texts it comes in %(chance)s of 100 broadcasts.",
    "b": "Text B does better, and that is hardly chance: with two equal texts it comes in %(chance)s of 100 broadcasts.",
}


@dataclass(frozen=True)
class Side:
    """Of how many people of a text how many did it."""

    number: int
    base: int

    @property
    def rate(self) -> float | None:
        """The share, 0 to 1; None where nobody could."""
        return self.number / self.base if self.base else None


@dataclass(frozen=True)
class Compared:
    """One measure of two texts. `p_value` is None where one of them has not gone out."""

    measure: str
    base: str
    a: Side
    b: Side
    p_value: float | None

    @property
    def verdict(self) -> Verdict:
        """Which text does better, as far as that is no chance."""
        if self.p_value is None or self.a.rate is None or self.b.rate is None:
            return "none-sent"
        if self.p_value >= 1 - CONFIDENCE:
            return "chance"
        return "a" if self.a.rate > self.b.rate else "b"

    @property
    def chance(self) -> str:
        """In how many of 100 broadcasts luck alone makes such a difference."""
        if self.p_value is None:
            return "-"
        return f"{100 * self.p_value:.2g}" if self.p_value >= LEAST_NAMED else f"<{100 * LEAST_NAMED:g}"

    @property
    def sentence(self) -> str:
        """What the numbers mean, in English."""
        return SENTENCES[self.verdict] % {"chance": self.chance}


def compared(measure: str, base: str, a: Side, b: Side) -> Compared:
    """How many of `base` did `measure`, with each of the two texts."""
    return Compared(measure, base, a, b, p_value(a, b))


def p_value(a: Side, b: Side) -> float | None:
    """How likely luck alone makes a difference at least as large; None where one side has nobody."""
    if not a.base or not b.base:
        return None
    if not 0 <= a.number <= a.base or not 0 <= b.number <= b.base:  # an event that is counted late: no comparison yet
        return None
    return _exact(a, b) if a.base + b.base <= EXACT_UP_TO else _normal(a, b)


def _exact(a: Side, b: Side) -> float:
    """Fisher's exact test: the chances of all tables with these margins that are no likelier than this one."""
    hits, whole = a.number + b.number, a.base + b.base

    def chance(number: int) -> float:
        return exp(_choose(a.base, number) + _choose(b.base, hits - number) - _choose(whole, hits))

    limit = chance(a.number) * ALIKE
    every = (chance(number) for number in range(max(0, hits - b.base), min(hits, a.base) + 1))
    return min(1.0, sum(one for one in every if one <= limit))


def _choose(whole: int, part: int) -> float:
    return lgamma(whole + 1) - lgamma(part + 1) - lgamma(whole - part + 1)


def _normal(a: Side, b: Side) -> float:
    pooled = (a.number + b.number) / (a.base + b.base)
    spread = sqrt(pooled * (1 - pooled) * (1 / a.base + 1 / b.base))
    return erfc(abs(a.number / a.base - b.number / b.base) / spread / sqrt(2)) if spread else 1.0
