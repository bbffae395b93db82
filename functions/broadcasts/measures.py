"""The texts A and B of a broadcast compared, by its counts."""

from collections.abc import Mapping

from shared.comparison import Compared, Side, compared

MEASURES = (("replied", "sent"), ("read", "delivered"), ("completed", "sent"))
"""What is compared, each of which base; the first one decides."""


def of_counts(counted: Mapping[str, int]) -> list[Compared]:
    """Every measure of the texts A and B, from the counts of an execution or automation; none where there is no text B."""
    if not counted.get("b_total"):
        return []
    return [_measured(counted, measure, base) for measure, base in MEASURES]


def _measured(counted: Mapping[str, int], measure: str, base: str) -> Compared:
    b = Side(counted[f"b_{measure}"], counted[f"b_{base}"])
    return compared(measure, base, Side(counted[measure] - b.number, counted[base] - b.base), b)
