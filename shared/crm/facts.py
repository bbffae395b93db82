"""Facts with dates: what several events say of one person, put together the same in whatever order they arrive.

Each fact of a row remembers from when it is (`fact_times`), and only a newer word replaces an older one. A plain "newest event
wins" would not do: an older event that comes late may still be the only one to know the e-mail address.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from shared import clock

CLOCK_SKEW = timedelta(minutes=5)


class Dated(Protocol):
    """A row whose facts are dated."""

    fact_times: Any


class _Cleared:
    """Said explicitly to be none, as opposed to not said."""

    def __repr__(self) -> str:
        return "CLEARED"


CLEARED = _Cleared()


def effective(occurred: datetime, received: datetime) -> datetime:
    """The time by which an event is ordered: the sender's, but never later than a moment after we received it.

    A sender whose clock runs ahead would otherwise lock out every later event until its time has come.
    """
    return min(occurred, received + CLOCK_SKEW)


def merge(row: Dated, facts: Mapping[str, Any], at: datetime, event_key: str, *, group: str | None = None) -> set[str]:
    """Let `facts`, true from `at`, replace older ones of `row`; the names whose value changed.

    None means "not said" and replaces nothing; `CLEARED` sets the fact to None. Two words of the same instant are told apart by
    their events' keys, so that every order of arrival ends in the same state. Facts of a `group` stand or fall together.

    Raises:
        ValueError: a group is not said whole; what it then ends in would depend on the order of arrival.
    """
    said = {name: value for name, value in facts.items() if value is not None}
    if group is not None and len(said) < len(facts):
        raise ValueError(f"the group {group!r} is not said whole")
    times: dict[str, Any] = row.fact_times or {}
    stamp = [clock.as_utc(at).isoformat(timespec="microseconds"), event_key]
    newer = {name for name in (said if group is None else (group,)) if name not in times or stamp > times[name]}
    won = newer if group is None else set(said if newer else ())
    if newer:
        # A new dictionary, because the database layer sees assignments and not what happens inside a value.
        row.fact_times = times | dict.fromkeys(sorted(newer), stamp)
    changed = set()
    for name in won:
        value = None if said[name] is CLEARED else said[name]
        if getattr(row, name) != value:
            setattr(row, name, value)
            changed.add(name)
    return changed


def is_newest(row: Dated, fact: str, event_key: str) -> bool:
    """Whether `fact` has its present value from this event."""
    return bool((row.fact_times or {}).get(fact, ("", ""))[1] == event_key)
