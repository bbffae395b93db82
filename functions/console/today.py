"""Today: is all well, in one sentence; what waits for a person; the last day in figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import clock
from shared.console import charts, pages, waiting
from shared.console.moments import Reader
from shared.console.navigation import Entry
from shared.console.routes import ConsoleRoute
from shared.console.waiting import Waiting
from shared.console.words import mark
from shared.store.figure_models import EventHour
from shared.store.models import Delivery, Target
from shared.store.session import reading
from shared.store.wait_models import Outage
from shared.watch import flow_figures
from shared.web.paging import counted

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="today", title=mark("Today"), path="/console", group="now", icon="today", place=1)

DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)
By = Literal["matter", "flow", "system"]


@dataclass(frozen=True)
class Down:
    """An outside system that does not answer now: since when, how many deliveries wait for it, when it is tried next."""

    outage: Outage
    waiting: int
    tried_at: datetime | None


@dataclass(frozen=True)
class FlowDay:
    """What one flow did in the last day."""

    name: str
    handled: int
    failed: int

    @property
    def success(self) -> float | None:
        """The share that could be handled."""
        whole = self.handled + self.failed
        return self.handled / whole if whole else None


@dataclass(frozen=True)
class Lag:
    """How long events took from the door to the record: on average, and in the slowest hour, `at` which it was."""

    average: timedelta
    longest: timedelta
    at: datetime


@router.get("/console")
def today(request: Request, by: By = "matter") -> Response:
    """The first page."""
    reader = pages.reader_of(request)
    with reading() as session:
        down, matters = _down(session), waiting.found(session)
        hours = _hours(session, reader.now)
        facts: dict[str, Any] = {
            "down": down,
            "waiting": _grouped(matters, by),
            "matters": len(matters),
            "matters_paused": any(matter.kind == "Paused" for matter in matters),
            "by": by,
            "bars": charts.bars([(handled, failed) for _hour, handled, failed in hours]),
            "hours": hours,
            "lag": _lag(session, reader.now),
            "flows": _by_flow(session, reader.now),
            "due": _due(session, reader),
        }
        session.expunge_all()
    return pages.render(request, "console/today.html", here="today", heading=mark("Today"), **facts)


def _down(session: Session) -> list[Down]:
    lasting = session.scalars(select(Outage).where(Outage.ended_at.is_(None)).order_by(Outage.started_at)).all()
    targets = {row.name: row for row in session.scalars(select(Target).where(Target.circuit != "closed"))}
    return [
        Down(outage, _waiting_for(session, outage.target), targets[outage.target].closed_until)
        for outage in lasting
        if outage.target in targets
    ]


def _waiting_for(session: Session, target: str) -> int:
    open_ones = select(Delivery.id).where(
        Delivery.target == target, Delivery.state == "pending", Delivery.due_at <= clock.now()
    )
    return counted(session, open_ones)


def _grouped(matters: Sequence[Waiting], by: By) -> Mapping[str, list[Waiting]]:
    """The matters under their headings: none, their flows, or the systems that they are about."""
    found: dict[str, list[Waiting]] = {}
    for matter in matters:
        name = "" if by == "matter" else (matter.flow if by == "flow" else matter.system) or "-"
        found.setdefault(name, []).append(matter)
    return found


def _hours(session: Session, now: datetime) -> list[tuple[datetime, int, int]]:
    """The last 24 hours, oldest first: what was handled and what was not in each."""
    begin = _begin(now)
    summed = select(EventHour.hour, func.sum(EventHour.handled), func.sum(EventHour.failed))
    rows = session.execute(summed.where(EventHour.hour >= begin).group_by(EventHour.hour))
    known = {hour: (int(handled), int(failed)) for hour, handled, failed in rows}
    return [(hour, *known.get(hour, (0, 0))) for hour in (begin + each * HOUR for each in range(24))]


def _begin(now: datetime) -> datetime:
    """When the first of the last 24 hours began; the one under way is the last."""
    return now.replace(minute=0, second=0, microsecond=0) - DAY + HOUR


def _lag(session: Session, now: datetime) -> Lag | None:
    """How long events of the last day took from the door to the record; None where there were none."""
    taken, handled = func.sum(EventHour.milliseconds), func.sum(EventHour.handled)
    rows = session.execute(select(EventHour.hour, taken, handled).where(EventHour.hour >= _begin(now)).group_by(EventHour.hour))
    by_hour = {hour: (int(milliseconds), int(number)) for hour, milliseconds, number in rows if number}
    if not by_hour:
        return None
    whole, number = (sum(part) for part in zip(*by_hour.values(), strict=True))
    longest, at = max((milliseconds / number, hour) for hour, (milliseconds, number) in by_hour.items())
    return Lag(timedelta(milliseconds=whole / number), timedelta(milliseconds=longest), at)


def _by_flow(session: Session, now: datetime) -> list[FlowDay]:
    """The flows that had events in the last day, busiest first."""
    summed = select(EventHour.type, func.sum(EventHour.handled), func.sum(EventHour.failed))
    found: dict[str, tuple[int, int]] = {}
    for kind, handled, failed in session.execute(summed.where(EventHour.hour > now - DAY).group_by(EventHour.type)):
        flow = flow_figures.flow_of(kind)
        before = found.get(flow, (0, 0))
        found[flow] = (before[0] + int(handled), before[1] + int(failed))
    return sorted((FlowDay(name, *figures) for name, figures in found.items()), key=lambda day: -day.handled)


def _due(session: Session, reader: Reader) -> Mapping[str, Any]:
    """What is due and not done: how many deliveries, and since when the first of them is."""
    due = select(Delivery).where(Delivery.state == "pending", Delivery.due_at <= reader.now)
    first = session.scalar(select(func.min(Delivery.due_at)).where(Delivery.state == "pending", Delivery.due_at <= reader.now))
    return {"count": counted(session, due), "first": first}
