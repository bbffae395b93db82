"""How fast a broadcast goes and when it begins, in the console: by hand or by a schedule, whose next runs are shown."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from functions.broadcasts import automation_edits, console_forms, schedule_edits, schedule_records, schedules_next
from functions.broadcasts.console_forms import PaceForm
from functions.broadcasts.console_making import LIST, MISTAKES, render
from functions.broadcasts.tables import Automation, Schedule
from shared import clock
from shared.console.identity import Operator
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.crm import editing
from shared.errors import RefusedError
from shared.store.session import reading

RUNS_SHOWN = 10
router = APIRouter(route_class=ConsoleRoute)


@router.get(LIST + "/{automation_id}/pace")
def edit_pace(request: Request, automation_id: UUID) -> Response:
    """How fast, in which hours, and when it begins: by hand, or by a schedule, whose next runs are shown with their reasons."""
    with reading() as session:
        row = automation_edits.find(session, str(automation_id))
        schedule = schedule_records.of_automation(session, row.id)
        session.expunge_all()
    return _pace_page(request, row, _pace_form(row, schedule))


@router.post(LIST + "/{automation_id}/pace")
async def keep_pace(request: Request, automation_id: UUID, operator: Signed) -> Response:
    """Keep it. A schedule rests until somebody lets it begin."""
    posted = await request.form()
    given: dict[str, Any] = {name: value for name, value in posted.items() if isinstance(value, str)}
    given["days"] = [day for day in posted.getlist("days") if isinstance(day, str)]
    answer: Response = await run_in_threadpool(_pace_kept, request, str(automation_id), operator, given)
    return answer


def _pace_kept(request: Request, automation_id: str, operator: Operator, given: Mapping[str, Any]) -> Response:
    with reading() as session:
        row = automation_edits.find(session, automation_id)
        schedule = schedule_records.of_automation(session, row.id)
        session.expunge_all()
    form = _pace_form(row, schedule)
    try:
        form = console_forms.read(PaceForm, given)
        editing.committed(partial(_set_pace, automation_id=automation_id, form=form, actor=operator.actor))
    except RefusedError as error:
        if error.status not in MISTAKES:
            raise
        return _pace_page(request, row, form, error)
    onward = "start" if form.begins == "by_hand" else "pace"
    return RedirectResponse(f"{LIST}/{automation_id}/{onward}", SEE_OTHER)


def _set_pace(session: Session, automation_id: str, form: PaceForm, actor: str) -> None:
    row = automation_edits.change(session, automation_id, console_forms.changed(form.pace()), actor)
    is_there = schedule_records.of_automation(session, row.id) is not None
    if form.begins == "by_hand":
        if is_there:
            schedule_edits.delete(session, automation_id, actor)
        return
    fields = console_forms.schedule(form.schedule())
    if is_there:
        schedule_edits.change(session, automation_id, fields, actor)
    else:
        schedule_edits.add(session, automation_id, fields, actor)


def _pace_form(row: Automation, schedule: Schedule | None) -> PaceForm:
    given: dict[str, Any] = {
        "rate_limit_per_hour": str(row.rate_limit_per_hour),
        "execution_window_start": row.execution_window_start,
        "execution_window_end": row.execution_window_end,
        "execution_timezone": row.execution_timezone,
    }
    if schedule is None or schedule.recurrence_type == "custom":
        return PaceForm(**given)
    config = schedule.recurrence_config or {}
    free = schedule.weekend_policy or ("skip" if schedule.skip_weekends or schedule.skip_holidays else "run")
    return PaceForm(
        **given,
        begins=schedule.recurrence_type,
        start_date=schedule.start_date[:10],
        start_time=schedule.start_time[:5],
        end_date=schedule.end_date,
        interval=str(config.get("interval", 1)),
        days=[str(day) for day in config.get("days", ())],
        day=str(config.get("day", 1)),
        expression=str(config.get("expression", "")),
        on_free_days=free,
    )


def _pace_page(request: Request, row: Automation, form: PaceForm, error: RefusedError | None = None) -> Response:
    facts: dict[str, Any] = {"automation": row, "form": form, "error": error, "weekdays": console_forms.WEEKDAYS}
    with reading() as session:
        schedule = schedule_records.of_automation(session, row.id)
        facts |= {"schedule": schedule, "runs": None}
        if schedule is not None:
            with suppress(RefusedError):  # it cannot be read any more; this page is where that is mended
                rules, spans = schedule_edits.readable(session, schedule)
                facts["runs"] = schedules_next.preview(rules, spans, clock.now(), RUNS_SHOWN)
        session.expunge_all()
    return render(request, "making_pace", row.name, facts, error)


@router.post(LIST + "/{automation_id}/arm")
def arm(automation_id: UUID, operator: Signed) -> Response:
    """Let the schedule begin: its runs go out by themselves from now on."""

    def work(session: Session) -> None:
        schedule_edits.change(session, str(automation_id), {"is_active": True}, operator.actor)
        automation_edits.change(session, str(automation_id), {"status": "active"}, operator.actor)

    editing.committed(work)
    return RedirectResponse(f"{LIST}/{automation_id}", SEE_OTHER)


@router.post(LIST + "/{automation_id}/rest")
def rest(automation_id: UUID, operator: Signed) -> Response:
    """Hold the schedule: no further run begins by itself."""
    editing.committed(lambda session: schedule_edits.change(session, str(automation_id), {"is_active": False}, operator.actor))
    return RedirectResponse(f"{LIST}/{automation_id}/pace", SEE_OTHER)
