"""Reasons for a suspension: the exits that another event may take back, each with its time.

An exit and the event that takes it back may arrive in any order; the newer of the two, by when they happened, counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from shared.journeys import memory
from shared.journeys.definition import Exit
from shared.journeys.memory import Signal
from shared.store.journey_models import Enrolment

MOST_HOLDS = 50


@dataclass(frozen=True)
class Hold:
    """An exit that holds somebody back. `match` says which one it is; `at` is None in rows older than the times."""

    match: str | None
    at: datetime | None

    def is_released_by(self, match: str | None, at: datetime) -> bool:
        """Whether an event with this `match` that happened `at` then takes it back: it names this one or none, and is newer."""
        return match in (None, self.match) and (self.at is None or self.at <= at)


def match_of(way_out: Exit, data: Mapping[str, Any]) -> str | None:
    """Which exit an event is about, by the field that the definition names."""
    value = data.get(way_out.match) if way_out.match else None
    return None if value is None else str(value)


def add(row: Enrolment, hold: Hold) -> None:
    """Hold somebody by one more exit; of two about the same thing the newer counts."""
    known = [one for one in _read(row) if one.match == hold.match]
    newest = max([one.at for one in known if one.at is not None] + ([hold.at] if hold.at else []), default=None)
    others = [one for one in _read(row) if one.match != hold.match]
    _write(row, [*others, Hold(hold.match, newest)][-MOST_HOLDS:])


def take_back(row: Enrolment, match: str | None, at: datetime) -> None:
    """Remove every hold that an event with this `match`, which happened `at` then, takes back."""
    _write(row, [one for one in _read(row) if not one.is_released_by(match, at)])


def is_taken_back(session: Session, way_out: Exit, signal: Signal) -> bool:
    """Whether the event that takes this exit back has arrived before it, though it happened after it."""
    if way_out.resume_on is None:
        return False
    hold = Hold(match_of(way_out, signal.data), signal.at)
    events = memory.since(session, signal.person_keys, [way_out.resume_on], signal.at)
    return any(past.at > signal.at and hold.is_released_by(match_of(way_out, past.data), past.at) for past in events)


def _read(row: Enrolment) -> list[Hold]:
    return [_hold(one) for one in row.held_by or []]


def _hold(kept: Any) -> Hold:
    if isinstance(kept, Mapping):
        return Hold(kept["match"], datetime.fromisoformat(kept["at"]) if kept["at"] else None)
    return Hold(kept, None)  # as it was written before the times were kept


def _write(row: Enrolment, found: list[Hold]) -> None:
    row.held_by = [{"match": one.match, "at": one.at.isoformat() if one.at else None} for one in found]
