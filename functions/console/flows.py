"""Flows: what each is for, how its events come in and what they lead to, its last executions, its settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic.fields import FieldInfo
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.console import flow_facts, setting_origins
from functions.console.executions import types_of
from shared import clock
from shared import flows as installed
from shared.console import pages, words
from shared.console.navigation import Entry
from shared.console.pause_form import Paused
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import RefusedError
from shared.flow import Flow, Rhythm
from shared.intake import pausing, releasing
from shared.settings import fields_of, get_settings, setting_name
from shared.store.figure_models import EventHour
from shared.store.models import DeadLetter
from shared.store.session import reading
from shared.web import flow_catalogue
from shared.web.paging import counted

RHYTHMS = {
    Rhythm.HALF_MINUTE: mark("every half minute"),
    Rhythm.MINUTE: mark("every minute"),
    Rhythm.FIVE_MINUTES: mark("every five minutes"),
    Rhythm.NIGHT: mark("every night"),
}
"""How often a job runs, in words."""
router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="flows", title=mark("Flows"), path="/console/flows", group="made-of", icon="flows", place=1)

WEEK = timedelta(days=7)
SECRET = ("SecretStr", "ApiKey")
SECRET_NAMES = ("database_url", "webhook_url", "password", "secret", "token")


@dataclass(frozen=True)
class SettingShown:
    """A setting: its name in the environment, its value as it may be shown (None: it is a secret), whether it is set.

    `origin`: where it comes from, in English, to be translated. `is_switch`: it switches something on or off.
    """

    name: str
    value: str | None
    is_set: bool
    meaning: str
    origin: str
    is_switch: bool = False


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
    """One flow: what it does and what it lacks, the way of its events, its last ones, its addresses and settings."""
    found = found_flow(name)
    with reading() as session:
        facts: dict[str, Any] = {
            "last": flow_facts.last(session, name),
            "outs": flow_facts.outs(session, found),
            "day": flow_facts.share(session, name, flow_facts.DAY),
            "month": flow_facts.share(session, name, flow_facts.MONTH),
            "paused": flow_facts.paused(session, name),
            "stopped": _stopped(session, name),
        }
        session.expunge_all()
    settings = _settings(found)
    facts |= {
        "flow": found,
        "catalogue": flow_catalogue.find(name),
        "addresses": flow_facts.addresses(name),
        "missing": list(flow_facts.missing(found)),
        "queues": flow_facts.queues(found),
        "journeys": flow_facts.journeys(name),
        "switches": [one for one in settings if one.is_switch],
        "settings": [one for one in settings if not one.is_switch],
        "takes_events": pausing.takes_events(name),
        "rhythms": RHYTHMS,
    }
    return pages.render(
        request, "console/flow.html", here="flows", heading=pages.declared(request, words.FLOW, found.title), **facts
    )


def found_flow(name: str) -> Flow:
    """The flow of that name. Raises RefusedError 404."""
    found = next((one for one in installed.installed() if one.name == name), None)
    if found is None:
        raise RefusedError(404, "no-such-flow", mark("There is no such flow."))
    return found


def _stopped(session: Session, name: str) -> int:
    """How many of the flow's events are stopped."""
    return counted(session, select(DeadLetter).where(DeadLetter.state == "parked", DeadLetter.type.in_(types_of(name))))


@router.post("/console/flows/{name}/pause")
def pause(name: str, operator: Signed, asked: Paused) -> Response:
    """Let its events wait, for some hours or until somebody resumes it."""
    pausing.pause(name, operator.actor, asked.until, asked.note)
    return RedirectResponse(f"/console/flows/{name}", SEE_OTHER)


@router.post("/console/flows/{name}/resume")
def resume(name: str, operator: Signed) -> Response:
    """Handle what has waited, in its order, and then what comes."""
    releasing.resume(name, operator.actor)
    return RedirectResponse(f"/console/flows/{name}", SEE_OTHER)


def _settings(flow: Flow) -> list[SettingShown]:
    """The settings that the flow brings."""
    return [] if flow.settings is None else shown_settings(fields_of(installed.resolve(flow.settings)))


def shown_settings(fields: Mapping[str, FieldInfo]) -> list[SettingShown]:
    """Settings in their order; the values of secrets, and of what may hold one, are never shown."""
    settings, file = get_settings(), setting_origins.of_file()
    return [
        SettingShown(
            name=setting_name(name),
            value=None if _is_secret(name, field) else _text(getattr(settings, name)),
            is_set=name in settings.model_fields_set,
            meaning=field.description or "",
            origin=setting_origins.origin(
                setting_name(name), is_set=name in settings.model_fields_set, is_secret=_is_secret(name, field), file=file
            ),
            is_switch=field.annotation is bool,
        )
        for name, field in fields.items()
    ]


def _is_secret(name: str, field: FieldInfo) -> bool:
    return any(word in str(field.annotation) for word in SECRET) or any(word in name for word in SECRET_NAMES)


def _text(value: Any) -> str:
    """A value as it is written in the environment."""
    if value is None or isinstance(value, str):
        return (value or "")[:200]
    return json.dumps(value, ensure_ascii=False, default=str).strip('"')[:200]
