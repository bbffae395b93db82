"""Figures of automations and executions, from the roll-ups; no recipient is counted for them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.broadcasts import counts
from functions.broadcasts.tables import COUNTED, CountDelta, Execution, ExecutionCount
from shared import clock

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Figures:
    """What was counted, and what follows from it."""

    counted: Mapping[str, int]

    @property
    def progress(self) -> float:
        """How many of a hundred recipients nothing follows for; 0 where there are none."""
        return round(100 * self.counted["ended"] / self.counted["total"], 2) if self.counted["total"] else 0.0

    @property
    def response_seconds(self) -> float | None:
        """From sending to the reply, on average."""
        return self._mean("response_ms", "replied")

    @property
    def processing_seconds(self) -> float | None:
        """From due to handed to the vendor, on average."""
        return self._mean("processed_ms", "sent")

    def rate(self, part: str, base: str) -> float | None:
        """`part` of a hundred of `base`; None where the base is 0."""
        return round(100 * self.counted[part] / self.counted[base], 2) if self.counted[base] else None

    def per_minute(self, execution: Execution) -> float | None:
        """Messages handed to the vendor in a minute, from the beginning to the end, or to now."""
        if execution.started_at is None or not self.counted["sent"]:
            return None
        until = execution.completed_at or execution.cancelled_at or clock.now()
        return round(self.counted["sent"] / max((until - execution.started_at) / MINUTE, 1 / 60), 2)

    def _mean(self, milliseconds: str, number: str) -> float | None:
        return round(self.counted[milliseconds] / self.counted[number] / 1000, 3) if self.counted[number] else None


def of_executions(session: Session, execution_ids: Iterable[int]) -> dict[int, Figures]:
    """The figures of these executions, exact at this moment."""
    return {number: Figures(counted) for number, counted in counts.of(session, execution_ids).items()}


def of_automations(session: Session, automation_ids: Iterable[int]) -> dict[int, Figures]:
    """The sums over all executions of these automations, exact at this moment. Tests are left out."""
    wanted = sorted(set(automation_ids))
    found = {number: dict.fromkeys(COUNTED, 0) for number in wanted}
    for model in (ExecutionCount, CountDelta):
        columns = [func.sum(getattr(model, name)) for name in COUNTED]
        query = select(Execution.automation_id, *columns).join(Execution, Execution.id == model.execution_id)
        query = query.where(Execution.automation_id.in_(wanted), ~Execution.is_test)
        for number, *values in session.execute(query.group_by(Execution.automation_id)):
            for name, value in zip(COUNTED, values, strict=True):
                found[number][name] += int(value or 0)
    return {number: Figures(counted) for number, counted in found.items()}
