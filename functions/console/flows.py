"""Flows: what each is for, how its events come in and what they lead to, its last executions, its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.console.executions import types_of
from shared import clock
from shared import flows as installed
from shared.console import pages
from shared.console.navigation import Entry
from shared.console.routes import ConsoleRoute
from shared.console.words import mark
from shared.errors import RefusedError
from shared.flow import EVENTS_QUEUE, Flow
from shared.settings import get_settings, setting_name
from shared.store.figure_models import EventHour
from shared.store.models import InboxEvent
from shared.store.session import reading
from shared.web import flow_catalogue

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="flows", title=mark("Flows"), path="/console/flows", group="made-of", icon="flows", place=1)

WEEK = timedelta(days=7)
LAST = 60
SECRET = ("SecretStr", "ApiKey")
SECRET_NAMES = ("database_url", "webhook_url", "password", "secret", "token")


@dataclass(frozen=True)
class SettingShown:
    """A setting: its name in the environment, its value as it may be shown (None: it is a secret), whether it is set."""

    name: str
    value: str | None
    is_set: bool
    meaning: str


@router.get("/console/flows")
def flows(request: Request) -> Response:
    """All flows, with what they did in the last week."""
    with reading() as session:
        week = _week(session)
    listed = [(flow, *week.get(flow.name, (0, 0))) for flow in installed.installed()]
    return pages.render(request, "console/flows.html", here="flows", heading=mark("Flows"), listed=listed)


def _week(session: Session) -> Mapping[str, tuple[int, int]]:
    """What each flow has handled in the last week, and what not."""
    since = clock.now() - WEEK
    rows = session.execute(
        select(EventHour.type, func.sum(EventHour.handled), func.sum(EventHour.failed))
        .where(EventHour.hour > since)
        .group_by(EventHour.type)
    ).all()
    by_type = {kind: (int(handled), int(failed)) for kind, handled, failed in rows}
    found: dict[str, tuple[int, int]] = {}
    for flow in installed.installed():
        figures = [by_type[kind] for kind in types_of(flow.name) if kind in by_type]
        found[flow.name] = (sum(handled for handled, _ in figures), sum(failed for _, failed in figures))
    return found


@router.get("/console/flows/{name}")
def flow(request: Request, name: str) -> Response:
    """One flow."""
    found = next((one for one in installed.installed() if one.name == name), None)
    if found is None:
        raise RefusedError(404, "no-such-flow", mark("There is no such flow."))
    kinds = types_of(name)
    with reading() as session:
        last = select(InboxEvent).where(InboxEvent.type.in_(kinds)).order_by(InboxEvent.id.desc()).limit(LAST)
        events = session.scalars(last).all() if kinds else []
        handled, failed = _week(session)[name]
        session.expunge_all()
    facts: dict[str, Any] = {
        "flow": found,
        "catalogue": flow_catalogue.find(name),
        "way": _way(found),
        "events": events,
        "handled": handled,
        "failed": failed,
        "settings": _settings(found),
    }
    return pages.render(request, "console/flow.html", here="flows", heading=found.title, **facts)


def _way(flow: Flow) -> Mapping[str, Sequence[str]]:
    """How events go through it, from its declaration: in, on which queue, into which tables, out to which systems."""
    tables = [name for name in (*flow.tables,) if name]
    queues = list(flow.queues) or ([EVENTS_QUEUE] if flow.handlers else [])
    targets = sorted({reference.partition(":")[0].split(".")[1] for reference in (*flow.syncs, *flow.effects)} - {flow.name})
    out = sorted({*flow.targets, *(sync.target for sync in _actions(flow) if hasattr(sync, "target"))}) or targets
    return {"queues": queues, "tables": tables, "out": out}


def _actions(flow: Flow) -> Sequence[Any]:
    found = [installed.resolve(reference) for reference in (*flow.syncs, *flow.effects)]
    return [getattr(part, "action", part) for part in found]


def _settings(flow: Flow) -> list[SettingShown]:
    """The settings that the flow brings."""
    return [] if flow.settings is None else shown_settings(installed.resolve(flow.settings))


def shown_settings(group: type[BaseModel]) -> list[SettingShown]:
    """A group's settings in their order; the values of secrets, and of what may hold one, are never shown."""
    settings = get_settings()
    return [
        SettingShown(
            name=setting_name(name),
            value=None if _is_secret(name, field) else _text(getattr(settings, name)),
            is_set=name in settings.model_fields_set,
            meaning=field.description or "",
        )
        for name, field in group.model_fields.items()
    ]


def _is_secret(name: str, field: FieldInfo) -> bool:
    return any(word in str(field.annotation) for word in SECRET) or any(word in name for word in SECRET_NAMES)


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:200]
