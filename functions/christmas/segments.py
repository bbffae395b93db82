"""How urgent somebody's answers are: the first segment of the rule of which one count is reached (SEGMENT_RULE)."""

from collections.abc import Mapping
from typing import Any

CRITICAL, URGENT, OPTIMIZE = "CRITICAL", "URGENT", "OPTIMIZE"
ORDER = (CRITICAL, URGENT)
ZONES = {CRITICAL: "Crisis Zone", URGENT: "Warning Zone", OPTIMIZE: "Growth Zone"}

type Rule = Mapping[Any, Mapping[Any, int]]


def segment(counts: Mapping[str, int], rule: Rule) -> str:
    """CRITICAL, URGENT or OPTIMIZE for so many systems of each colour (`red`, `orange`, `yellow`, `green`)."""
    for name in ORDER:
        if any(counts.get(colour, 0) >= least for colour, least in rule.get(name, {}).items()):
            return name
    return OPTIMIZE
