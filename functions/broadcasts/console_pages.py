"""The console's pages of broadcasts: which there are, what became of each run, and start, pause, resume, cancel by hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import (
    automation_edits,
    console_forecast,
    forecast_kept,
    forecasts,
    measures,
    running_automation,
    running_control,
    schedule_records,
    start_plan,
    starting,
    stats,
)
from functions.broadcasts.api import find_execution
from functions.broadcasts.settings import BroadcastSettings
from functions.broadcasts.states import OPEN, AutomationStatus, ExecutionStatus
from functions.broadcasts.stats import Figures
from functions.broadcasts.tables import Automation, Execution
from shared.console import listing, pages
from shared.console.listing import blank
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.crm import editing
from shared.messages import portfolio
from shared.plans import running
from shared.settings import get_settings, settings_of
from shared.store.session import reading

router = APIRouter(route_class=ConsoleRoute)

LIST = "/console/broadcasts"
TITLE = "Broadcasts"
NEWEST = 20
COMPARED_AT_ONCE = 20_000
"""With more recipients than this a page is not held up by what happened in each hour; it is shown when asked for."""
COUNTS = ("total", "sent", "delivered", "read", "replied", "completed", "failed", "skipped")
RATES = (("delivered", "sent"), ("read", "delivered"), ("replied", "sent"), ("completed", "sent"))
Reason = Annotated[str, Form(max_length=200)]


class Filters(BaseModel):
    """Which automations are listed."""

    status: Annotated[AutomationStatus | None, BeforeValidator(blank)] = None
    after: Annotated[str | None, BeforeValidator(blank)] = None


@dataclass(frozen=True)
class Run:
    """An execution with its figures."""

    row: Execution
    figures: Figures


@dataclass(frozen=True)
class Hour:
    """What was forecast for an hour, and what was sent in it."""

    hour: datetime
    planned: int
    happened: int


@router.get(LIST)
def automations(request: Request, filters: Annotated[Filters, Query()]) -> Response:
    """All automations, newest first, each with its sums over all runs."""
    query = select(Automation).where(Automation.deleted_at.is_(None))
    if filters.status is not None:
        query = query.where(Automation.status == filters.status)
    with reading() as session:
        page = listing.page(session, query, Automation.id, filters.after)
        figures = stats.of_automations(session, [row.id for row in page.rows])
        limit = {"people": portfolio.limit(session, get_settings()), "used": portfolio.used(session)}
        session.expunge_all()
    facts: dict[str, Any] = {
        "limit": limit,
        "page": page,
        "figures": figures,
        "filters": filters,
        "states": tuple(AutomationStatus),
    }
    facts |= {"more": listing.address(request, after=page.next) if page.next else None}
    return _render(request, "automations", TITLE, facts)


@router.get(LIST + "/executions/{execution_id}")
def execution(request: Request, execution_id: UUID, compare: bool = False) -> Response:  # noqa: FBT001, FBT002  # a query
    """One run: how far it is, what became of its recipients, why it is paused, and the forecast beside what happened."""
    with reading() as session:
        row, automation = find_execution(session, str(execution_id))
        figures = stats.of_executions(session, [row.id])[row.id]
        session.expunge_all()
    is_compared = bool(row.forecast) and (compare or figures.counted["total"] <= COMPARED_AT_ONCE)
    forecast_of_it = forecast_kept.of_execution(row) if is_compared else row.forecast or None
    facts = {"automation": automation, "run": Run(row, figures), "forecast": forecast_of_it, "is_compared": is_compared}
    facts |= {"hours": _hours(forecast_of_it or {}), "rates": RATES, "counted": COUNTS, "open": OPEN}
    facts |= {"compared": measures.of_counts(figures.counted), "is_over": row.status not in OPEN}
    return _render(request, "execution", automation.name, facts)


@router.get(LIST + "/{automation_id}")
def automation(request: Request, automation_id: UUID) -> Response:
    """One automation: what it says, what is open of it, and its newest runs."""
    with reading() as session:
        row = automation_edits.find(session, str(automation_id))
        figures = stats.of_automations(session, [row.id])[row.id]
        runs = _newest(session, row.id)
        running = starting.open_executions(session, row.id, OPEN)
        may = _may(row, running)
        kept = forecasts.of_automation(session, row.id)
        session.expunge_all()
    facts: dict[str, Any] = {"automation": row, "figures": figures, "runs": runs, "may": may, "rates": RATES, "counted": COUNTS}
    facts |= {"compared": measures.of_counts(figures.counted), "is_over": not running}
    facts |= console_forecast.facts_of(kept, row) if kept is not None else {"forecast": None, "forecasting": None}
    facts |= {"hours": _hours(facts["forecast"] or {})}
    return _render(request, "automation", row.name, facts)


def _newest(session: Session, automation_id: int) -> list[Run]:
    query = select(Execution).where(Execution.automation_id == automation_id).order_by(Execution.id.desc()).limit(NEWEST)
    rows = session.scalars(query).all()
    figures = stats.of_executions(session, [row.id for row in rows])
    return [Run(row, figures[row.id]) for row in rows]


def _may(row: Automation, running: Sequence[Execution]) -> dict[str, bool]:
    """Which buttons an automation has: those that its state does not refuse."""
    is_paused = row.status == AutomationStatus.PAUSED or any(one.status == ExecutionStatus.PAUSED for one in running)
    return {
        "start": row.status != AutomationStatus.ARCHIVED,
        "pause": row.status in (AutomationStatus.ACTIVE, AutomationStatus.COMPLETED),
        "resume": is_paused,
        "cancel": bool(running),
    }


@router.get(LIST + "/{automation_id}/start")
def before_start(request: Request, automation_id: UUID) -> Response:
    """What a start would touch, worked out on the real audience, or how far that is; nothing is begun."""
    with reading() as session:
        row = automation_edits.find(session, str(automation_id))
        schedule = schedule_records.of_automation(session, row.id)
        session.expunge_all()
    facts: dict[str, Any] = {"automation": row, "schedule": schedule} | console_forecast.of_page(row, "console")
    facts |= {"hours": _hours(facts["forecast"] or {})}
    facts |= _needs_second(facts["forecast"])
    return _render(request, "start", row.name, facts)


def _needs_second(forecast: Mapping[str, Any] | None) -> dict[str, Any]:
    """The bounds of the settings that a start would go beyond: of people, and of cost as the settings write it; None each."""
    settings = settings_of(BroadcastSettings)
    above, most = settings.broadcast_approval_above, settings.broadcast_approval_cost
    is_large = forecast is not None and forecast["sends"] > above
    is_dear = forecast is not None and most is not None and Decimal(forecast["cost"]["total"]) > most
    return {"people_above": above if is_large else None, "cost_above": most if is_dear else None}


@router.post(LIST + "/{automation_id}/start")
def start(automation_id: UUID, operator: Signed) -> Response:
    """The plan of a start: to whom and with which texts. It begins once the plan is approved, and exactly as it says."""
    with reading() as session:
        wanted = start_plan.asked(automation_edits.find(session, str(automation_id)))
    number = running.begin(start_plan.NAME, wanted, operator.actor, operator.name)
    return RedirectResponse(f"/console/plans/{number}", SEE_OTHER)


@router.post(LIST + "/{automation_id}/pause")
def pause(automation_id: UUID, operator: Signed, reason: Reason = "") -> Response:
    """Hold everything of it."""
    why = reason or None
    return _changed(automation_id, lambda session, uuid: running_automation.pause(session, uuid, operator.actor, why))


@router.post(LIST + "/{automation_id}/resume")
def resume(automation_id: UUID, operator: Signed) -> Response:
    """Let everything of it go on."""
    return _changed(automation_id, lambda session, uuid: running_automation.resume(session, uuid, operator.actor))


@router.post(LIST + "/{automation_id}/cancel")
def cancel(automation_id: UUID, operator: Signed, reason: Reason = "") -> Response:
    """End everything of it for good."""
    why = reason or None
    return _changed(automation_id, lambda session, uuid: running_automation.cancel(session, uuid, operator.actor, why))


@router.post(LIST + "/executions/{execution_id}/pause")
def pause_execution(execution_id: UUID, operator: Signed, reason: Reason = "") -> Response:
    """Hold this run."""
    return _one(execution_id, lambda session, number: running_control.pause(session, number, operator.actor, reason or None))


@router.post(LIST + "/executions/{execution_id}/resume")
def resume_execution(execution_id: UUID, operator: Signed) -> Response:
    """Let this run go on."""
    return _one(execution_id, lambda session, number: running_control.resume(session, number, operator.actor))


@router.post(LIST + "/executions/{execution_id}/cancel")
def cancel_execution(execution_id: UUID, operator: Signed, reason: Reason = "") -> Response:
    """End this run for good."""
    return _one(execution_id, lambda session, number: running_control.cancel(session, number, operator.actor, reason or None))


def _changed(automation_id: UUID, work: Callable[[Session, str], object]) -> Response:
    editing.committed(lambda session: work(session, str(automation_id)))
    return RedirectResponse(f"{LIST}/{automation_id}", SEE_OTHER)


def _one(execution_id: UUID, work: Callable[[Session, int], Execution]) -> Response:
    editing.committed(lambda session: work(session, find_execution(session, str(execution_id))[0].id))
    return _to_execution(str(execution_id))


def _to_execution(uuid: str) -> Response:
    return RedirectResponse(f"{LIST}/executions/{uuid}", SEE_OTHER)


def _hours(shown: dict[str, Any]) -> list[Hour]:
    """Each hour of a forecast, with what happened in it."""
    planned = {one["hour"]: one["sends"] for one in shown.get("hours", ())}
    happened = {one["hour"]: one["sends"] for one in (shown.get("happened") or {}).get("hours", ())}
    return [
        Hour(datetime.fromisoformat(hour), planned.get(hour, 0), happened.get(hour, 0))
        for hour in sorted(planned.keys() | happened.keys())
    ]


def _render(request: Request, name: str, heading: str, facts: dict[str, Any]) -> Response:
    return pages.render(request, f"broadcasts/{name}.html", here="broadcasts", heading=heading, **facts)
