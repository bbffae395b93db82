"""Facts with dates: what several events say of one person, put together the same in whatever order they arrive.

Each fact of a row remembers from when it is (`fact_times`), and only a newer word replaces an older one. A plain "newest event
wins" would not do: an older event that comes late may still be the only one to know the e-mail address.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol

from shared import clock

CLOCK_SKEW = timedelta(minutes=5)


class Dated(Protocol):
    """A row whose facts are dated."""

    fact_times: Any


class _Cleared:
    """Explicitly cleared, as opposed to not given."""

    def __repr__(self) -> str:
        return "CLEARED"


CLEARED = _Cleared()


def effective(occurred: datetime, received: datetime) -> datetime:
    """The time by which an event is ordered: the sender's, but never later than a moment after we received it.

    A sender whose clock runs ahead would otherwise lock out every later event until its time has come.
    """
    return min(occurred, received + CLOCK_SKEW)


GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType({"stage": ("stage_id", "state_date")})
"""Facts that are replaced together, by the name of their group."""


def merge(row: Dated, facts: Mapping[str, Any], at: datetime, event_key: str, *, group: str | None = None) -> set[str]:
    """Replace older facts of `row` by `facts`, which are dated `at`; returns the names whose value changed.

    None means "not given" and replaces nothing; `CLEARED` sets the fact to None. Of two facts of one instant the event with
    the greater key wins, so that every order of arrival ends in the same state. The facts of a `group` are replaced together.

    Raises:
        ValueError: a group is incomplete; its final state would then depend on the order of arrival.
    """
    values = {name: value for name, value in facts.items() if value is not None}
    if group is not None and len(values) < len(facts):
        raise ValueError(f"the group {group!r} is incomplete")
    times: dict[str, Any] = row.fact_times or {}
    stamp = [clock.as_utc(at).isoformat(timespec="microseconds"), event_key]
    newer = {name for name in (values if group is None else (group,)) if name not in times or stamp > times[name]}
    won = newer if group is None else set(values if newer else ())
    if newer:
        # A new dictionary, because the database layer sees assignments and not what happens inside a value.
        row.fact_times = times | dict.fromkeys(sorted(newer), stamp)
    changed = set()
    for name in won:
        value = None if values[name] is CLEARED else values[name]
        if getattr(row, name) != value:
            setattr(row, name, value)
            changed.add(name)
    return changed


def take_newer(row: Dated, other: Dated) -> None:
    """Merge the facts of another row into `row`, each by its own date: as if the events of both had been about `row`."""
    for name, stamp in (other.fact_times or {}).items():
        mine = (row.fact_times or {}).get(name)
        if mine is not None and list(mine) >= list(stamp):
            continue
        row.fact_times = dict(row.fact_times or {}) | {name: stamp}
        for each in GROUPS.get(name, (name,)):
            setattr(row, each, getattr(other, each))


def is_newest(row: Dated, fact: str, event_key: str) -> bool:
    """Whether `fact` has its present value from this event."""
    return bool((row.fact_times or {}).get(fact, ("", ""))[1] == event_key)
