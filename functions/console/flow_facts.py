"""What a flow's page shows of it: the way of its events with figures of the last day, what is missing, its last events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.console.executions import types_of
from shared import clock, flows
from shared.console.charts import GAP
from shared.errors import PermanentError
from shared.flow import EVENTS_QUEUE, Flow
from shared.intake import endpoint, holding
from shared.outbox import attempts
from shared.settings import get_settings
from shared.store.figure_models import EventHour
from shared.store.flow_models import FlowHold, FlowPause
from shared.store.models import DeadLetter, InboxEvent
from shared.watch import hour_figures
from shared.web import webhook_paths

DAY, MONTH = timedelta(hours=24), timedelta(days=30)
LAST = 60
MOST_NODES = 12


@dataclass(frozen=True)
class Share:
    """How many events of a time were handled, and how many were not."""

    handled: int
    failed: int

    @property
    def success(self) -> float | None:
        """The share that could be handled; None where there were none."""
        whole = self.handled + self.failed
        return self.handled / whole if whole else None


@dataclass(frozen=True)
class Out:
    """What a flow does outside: a system and an action, with the attempts of the last day that were done, and that failed."""

    target: str
    action: str
    done: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Last:
    """One of a flow's last events: handled (its number in the inbox), or stopped (that of its dead letter)."""

    at: datetime
    type: str
    outcome: str
    path: str
    is_bad: bool
    x: float = 0.0
    width: float = 0.0


@dataclass(frozen=True)
class Paused:
    """A flow whose events wait: its pause, whether it still holds, and how many wait since when."""

    pause: FlowPause
    holds: bool
    waiting: int
    since: datetime | None


def share(session: Session, name: str, time: timedelta) -> Share:
    """What the flow has handled in a time, by the hour, and what not."""
    figures = select(func.sum(EventHour.handled), func.sum(EventHour.failed))
    recent = figures.where(EventHour.type.in_(types_of(name)), EventHour.hour > clock.now() - time)
    handled, failed = session.execute(recent).one()
    return Share(int(handled or 0), int(failed or 0))


def last(session: Session, name: str) -> list[Last]:
    """The flow's last events, newest first, those that are stopped among them; each with its place in a row of bars."""
    kinds = types_of(name)
    if not kinds:
        return []
    events = session.scalars(select(InboxEvent).where(InboxEvent.type.in_(kinds)).order_by(InboxEvent.id.desc()).limit(LAST))
    found = [Last(one.received_at, one.type, one.outcome, f"/console/executions/{one.id}", is_bad=False) for one in events]
    letters = select(DeadLetter).where(DeadLetter.type.in_(kinds), DeadLetter.state == "parked")
    found += [
        Last(one.error_time, str(one.type), one.reason, f"/console/stopped/{one.id}", is_bad=True)
        for one in session.scalars(letters.order_by(DeadLetter.id.desc()).limit(LAST))
    ]
    newest = sorted(found, key=lambda one: one.at, reverse=True)[:LAST]
    wide, width = 100 / LAST, round(100 / LAST * (1 - GAP), 2)
    return [replace(one, x=round(100 - (place + 1) * wide, 2), width=width) for place, one in enumerate(newest)]


def queues(flow: Flow) -> Sequence[str]:
    """The queues that its events go over."""
    return list(flow.queues) or ([EVENTS_QUEUE] if flow.handlers else [])


def outs(session: Session, flow: Flow) -> list[Out]:
    """What the flow's declaration says that it does outside, busiest first."""
    named = {(action.target, action.name) for part in (*flow.syncs, *flow.effects) for action in _actions(flows.resolve(part))}
    figures = _attempts(session) if named else {}
    found = [Out(target, action, *figures.get((target, action), (0, 0))) for target, action in named]
    return sorted(found, key=lambda one: (-one.done, one.target, one.action))[:MOST_NODES]


def _actions(part: Any) -> Iterator[Any]:
    for one in part if isinstance(part, tuple) else (part,):
        action = getattr(one, "action", one)
        if isinstance(getattr(action, "target", None), str) and isinstance(getattr(action, "name", None), str):
            yield action


def _attempts(session: Session) -> Mapping[tuple[str, str], tuple[int, int]]:
    """Of each system and action the attempts of the last day that were done, and those that failed."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for of, number in hour_figures.lately(session, hour_figures.ATTEMPTS, DAY).items():
        done, failed = found.get((of.owner, of.part), (0, 0))
        fails = attempts.is_failure(of.result)
        found[of.owner, of.part] = (done + number * (of.result == "done"), failed + number * fails)
    return found


def journeys(name: str) -> list[str]:
    """The journeys that stand in the flow's folder."""
    folder = flows.folders_by_flow("journeys").get(name)
    return sorted(path.stem for path in folder.glob("*.yaml")) if folder is not None else []


def addresses(name: str) -> list[str]:
    """The addresses at which its events come in, whole, as they are given to the sender."""
    base = get_settings().public_base_url.rstrip("/")
    routes = endpoint.routes_by_flow().get(name, ())
    return [base + path for route in routes for path in webhook_paths.paths_of(route)]


def missing(flow: Flow) -> Iterator[tuple[str, str]]:
    """What the flow lacks: `client`, a system that is set up by half, and what it needs; `sender`, one who cannot send."""
    settings = get_settings()
    for client in map(flows.resolve, flow.clients):
        if hasattr(client, "require") and client.is_used(settings):
            try:
                client.require(settings)
            except PermanentError as error:
                yield "client", str(error)
    by_key = {
        webhook.source
        for route in endpoint.routes_by_flow().get(flow.name, ())
        for webhook in route.webhooks.values()
        if webhook.authenticate is None
    }
    for sender in sorted(by_key):
        opens = {"admin", "webhook", f"webhook:{sender}"}
        if not any(opens & set(key.scopes) for key in settings.api_keys):
            yield "sender", sender


def paused(session: Session, name: str) -> Paused | None:
    """The pause of a flow whose events wait; None where they are handled."""
    hold = session.get(FlowHold, name)
    if hold is None:
        return None
    return Paused(session.get_one(FlowPause, hold.pause_id), hold.is_paused, *holding.waiting(session, name))
