"""Systems: which of them answer, what waits for each, pauses by hand, and a report of every outage."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import clock
from shared.console import listing, pages
from shared.console.navigation import Count, Entry
from shared.console.pause_form import Paused
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import RefusedError
from shared.outbox import actions, attempts, pauses
from shared.outbox.actions import State
from shared.store.models import ActionLog, Delivery, Target
from shared.store.session import reading
from shared.store.wait_models import DeliveryWait, Outage
from shared.watch import hour_figures
from shared.web import targets
from shared.web.paging import RowId, counted_values
from shared.web.targets import TargetOut

router = APIRouter(route_class=ConsoleRoute)

DAY = timedelta(hours=24)
MOST_SHOWN = 20


def down(session: Session) -> Count:
    """How many systems do not answer."""
    number = session.scalar(select(func.count()).select_from(Target).where(Target.circuit == "open")) or 0
    return Count(number, mark("systems that do not answer"), "bad")


ENTRY = Entry(
    name="systems", title=mark("Systems"), path="/console/systems", group="to-do", icon="systems", place=2, count=down
)


@dataclass(frozen=True)
class System:
    """A system with its attempts of the last day, done and failed, and since when the oldest that is due has been."""

    target: TargetOut
    state: str
    done: int
    errors: int
    oldest: datetime | None


@router.get("/console/systems")
def systems(request: Request) -> Response:
    """All systems, those that do not answer first."""
    with reading() as session:
        known = {row.name: row for row in session.scalars(select(Target))}
        names = sorted(actions.targets() | set(known))
        attempts, oldest = _attempts(session), _oldest(session)
        shown = [
            System(described, _state(described, known.get(name)), *attempts.get(name, (0, 0)), oldest.get(name))
            for name in names
            for described in (targets.described(session, name, known.get(name)),)
        ]
        lasting = session.scalars(select(Outage).order_by(Outage.id.desc()).limit(MOST_SHOWN)).all()
        session.expunge_all()
    shown.sort(key=lambda each: (_WORST.index(each.state), each.target.name))
    return pages.render(
        request, "console/systems.html", here="systems", heading=mark("Systems"), systems=shown, outages=lasting
    )


_WORST = ("down", "ramping", "throttled", "paused", "shadowed", "up")


def _state(target: TargetOut, row: Target | None) -> str:
    """How a system stands, worst first where several hold."""
    if target.pause is not None:
        return "paused"
    if target.shadowed:
        return "shadowed"
    if target.circuit != "closed":
        return "down" if target.circuit == "open" else "ramping"
    waits = row is not None and row.next_call_at is not None and row.next_call_at > clock.now() + timedelta(seconds=2)
    return "throttled" if waits else "up"


def _attempts(session: Session) -> Mapping[str, tuple[int, int]]:
    """Of each system the attempts of the last day that were done, and those that failed."""
    found: dict[str, tuple[int, int]] = {}
    for of, number in hour_figures.lately(session, hour_figures.ATTEMPTS, DAY).items():
        done, failed = found.get(of.owner, (0, 0))
        fails = attempts.is_failure(of.result)
        found[of.owner] = (done + number * (of.result == "done"), failed + number * fails)
    return found


def _kinds(session: Session, name: str) -> list[tuple[str, int]]:
    """The failed attempts of a system in the last day by what was said of them, the most frequent first."""
    found: Counter[str] = Counter()
    for of, number in hour_figures.lately(session, hour_figures.ATTEMPTS, DAY).items():
        if of.owner == name and attempts.is_failure(of.result):
            found[of.result.removeprefix(attempts.LATE)] += number
    return found.most_common(MOST_SHOWN)


def _oldest(session: Session) -> dict[str, datetime]:
    due = (Delivery.state == State.PENDING, Delivery.due_at <= clock.now())
    rows = session.execute(select(Delivery.target, func.min(Delivery.due_at)).where(*due).group_by(Delivery.target))
    return {row[0]: row[1] for row in rows}


@router.get("/console/systems/{name}")
def system(request: Request, name: str) -> Response:
    """One system: how it stands, whom what waits for it is about, its outages."""
    if name not in actions.targets():
        raise RefusedError(404, "no-such-target", mark("There is no such system."))
    with reading() as session:
        row = session.get(Target, name)
        target = targets.described(session, name, row)
        due = (Delivery.target == name, Delivery.state == State.PENDING, Delivery.due_at <= clock.now())
        waiting = session.scalars(select(Delivery).where(*due).order_by(Delivery.due_at).limit(MOST_SHOWN)).all()
        people, are_more = counted_values(session, select(Delivery).where(*due), Delivery.subject)
        outages = session.scalars(select(Outage).where(Outage.target == name).order_by(Outage.id.desc()).limit(MOST_SHOWN))
        facts: dict[str, Any] = {"outages": outages.all(), "waiting": waiting, "people": people, "are_more": are_more}
        facts["kinds"] = _kinds(session, name)
        facts |= {"target": target, "state": _state(target, row), "policy": actions.policy(name)}
        session.expunge_all()
    return pages.render(request, "console/system.html", here="systems", heading=name, **facts)


@router.post("/console/systems/{name}/pause")
def pause(name: str, operator: Signed, asked: Paused) -> Response:
    """Leave the system alone, for some hours or until somebody resumes it."""
    pauses.pause(name, operator.actor, asked.until, asked.note)
    return RedirectResponse(f"/console/systems/{name}", SEE_OTHER)


@router.post("/console/systems/{name}/resume")
def resume(name: str, operator: Signed) -> Response:
    """Call it again."""
    pauses.resume(name, operator.actor)
    return RedirectResponse(f"/console/systems/{name}", SEE_OTHER)


@router.post("/console/systems/{name}/probe")
def probe(name: str, operator: Signed) -> Response:
    """Try it now."""
    pauses.probe(name, operator.actor)
    return RedirectResponse(f"/console/systems/{name}", SEE_OTHER)


@router.get("/console/outages/{outage_id:id}")
def outage(request: Request, outage_id: RowId, after: str | None = None) -> Response:
    """The report of an outage: from when to when, whom it touched, and that each delivery was carried out once."""
    with reading() as session:
        row = session.get(Outage, outage_id)
        if row is None:
            raise RefusedError(404, "no-such-outage", mark("There is no such outage."))
        held_up = select(Delivery).where(
            Delivery.id.in_(select(DeliveryWait.delivery_id).where(DeliveryWait.outage_id == outage_id))
            | (Delivery.outage_id == outage_id)
        )
        page = listing.page(session, held_up, Delivery.id, after)
        people, are_more = counted_values(session, held_up, Delivery.subject)
        longest = _longest(session, outage_id)
        twice = _twice(session, outage_id)
        session.expunge_all()
    facts: dict[str, Any] = {"outage": row, "page": page, "longest": longest, "twice": twice}
    facts |= {"people": people, "are_more": are_more}
    return pages.render(request, "console/outage.html", here="systems", heading=row.target, **facts)


def _longest(session: Session, outage_id: int) -> timedelta | None:
    """How long the delivery waited that waited longest for the end of an outage."""
    waits: Sequence[tuple[datetime, datetime]] = [
        (begin, end)
        for begin, end in session.execute(
            select(func.min(DeliveryWait.started_at), func.max(DeliveryWait.ended_at))
            .where(DeliveryWait.outage_id == outage_id)
            .group_by(DeliveryWait.delivery_id)
        )
    ]
    return max((end - begin for begin, end in waits), default=None)


def _twice(session: Session, outage_id: int) -> int:
    """How many of its deliveries have more than one attempt that took effect; it is to be none."""
    of_outage = select(DeliveryWait.delivery_id).where(DeliveryWait.outage_id == outage_id)
    done = (
        select(ActionLog.delivery_id)
        .where(ActionLog.delivery_id.in_(of_outage), ActionLog.result == "done", ActionLog.attempt.is_not(None))
        .group_by(ActionLog.delivery_id)
        .having(func.count() > 1)
    )
    return session.scalar(select(func.count()).select_from(done.subquery())) or 0
