"""`/api/v1/flow-automations`: automations, their start, executions, recipients and figures."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from starlette.convertors import register_url_convertor

from functions.broadcasts import automation_edits, ids, starting, stats
from functions.broadcasts.api_comparison import ComparedOut
from functions.broadcasts.api_models import (
    AutomationChange,
    AutomationIn,
    AutomationOut,
    ExecutionOut,
    Listed,
    RecipientOut,
    StartIn,
    StatsOut,
)
from functions.broadcasts.api_query import AutomationQuery, ExecutionQuery, RecipientQuery, SkipQuery
from functions.broadcasts.states import Approval, ExecutionStatus, PlanState
from functions.broadcasts.tables import Automation, Execution, Recipient
from shared.crm import editing
from shared.errors import RefusedError
from shared.problems import documented
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import COUNTED_TO, counted
from shared.web.path_words import WordConvertor


class AutomationConvertor(WordConvertor):
    """`{automation_id:automation}`: an automation's id, not the word of the lists, which have addresses of their own."""

    regex = "(?!uploads(?:/|$))[^/]+"


class ExecutionConvertor(WordConvertor):
    """`{execution_id:execution}`: an execution's id, not a word of the addresses where events of the replaced flows come in."""

    regex = "(?!(?:trigger|webhook)(?:/|$))[^/]+"


register_url_convertor("automation", AutomationConvertor())
register_url_convertor("execution", ExecutionConvertor())
router = APIRouter(prefix="/api/v1/flow-automations", tags=["Broadcasts"], route_class=SecuredRoute)
executions_router = APIRouter(prefix="/api/v1/executions", tags=["Broadcasts"], route_class=SecuredRoute)


@router.post("", status_code=201, summary="Add an automation")
def create_automation(body: AutomationIn, caller: Caller, response: Response) -> AutomationOut:
    """Adds an automation. Unknown flows, chatbots and numbers, and audiences that cannot be meant, are refused with 422."""
    row = editing.committed(partial(automation_edits.create, fields=body.model_dump(), actor=actor(caller)))
    response.headers["Location"] = f"/api/v1/flow-automations/{row.uuid}"
    return _shown(row.uuid)


@router.get("", summary="List automations")
def list_automations(query: Annotated[AutomationQuery, Query()]) -> Listed[AutomationOut]:
    """Automations that were not deleted, newest first."""
    wanted = select(Automation).where(Automation.deleted_at.is_(None))
    if query.status is not None:
        wanted = wanted.where(Automation.status == query.status)
    if query.is_active is not None:
        wanted = wanted.where(Automation.is_active if query.is_active else ~Automation.is_active)
    with reading() as session:
        rows, total = _page(session, wanted, Automation.id, query)
        figures = stats.of_automations(session, [row.id for row in rows])
        items = [AutomationOut.of(row, figures[row.id].counted) for row in rows]
    return Listed[AutomationOut].of(items, total, query.skip, query.limit)


@router.get("/{automation_id:automation}", summary="One automation", responses=documented(404))
def get_automation(automation_id: UUID) -> AutomationOut:
    """The automation, with the sums over its executions."""
    return _shown(str(automation_id))


@router.put("/{automation_id:automation}", summary="Change an automation", responses=documented(400, 404))
def change_automation(automation_id: UUID, body: AutomationChange, caller: Caller) -> AutomationOut:
    """Sets what is given. 400 while one of its executions is queued or running."""
    fields = {name: value for name, value in body.model_dump().items() if name in body.model_fields_set}
    work = partial(automation_edits.change, automation_id=str(automation_id), fields=fields, actor=actor(caller))
    return _shown(editing.committed(work).uuid)


@router.delete("/{automation_id:automation}", status_code=204, summary="Delete an automation", responses=documented(400, 404))
def delete_automation(automation_id: UUID, caller: Caller) -> None:
    """Deletes it with its schedule; executions and recipients stay. 400 while one is queued or running."""
    editing.committed(partial(automation_edits.delete, automation_id=str(automation_id), actor=actor(caller)))


STARTED: dict[int | str, dict[str, Any]] = {
    202: {"model": ExecutionOut, "description": "A second person has to approve it first, or it is still planned."}
}


@router.post("/{automation_id}/start", summary="Start an automation", responses=documented(400, 404) | STARTED)
def start_automation(automation_id: UUID, caller: Caller, response: Response, body: StartIn | None = None) -> ExecutionOut:
    """Begins an execution. 202 where it waits for an approval, or its recipients are still being worked out."""
    wanted = body or StartIn()

    def work(session: Session) -> Execution:
        automation = automation_edits.find(session, str(automation_id), for_change=True)
        asked = starting.Start(test_mode=wanted.test_mode, test_contact_ids=wanted.test_contact_ids)
        return starting.start(session, automation, asked, caller.name, actor(caller))

    execution = editing.committed(work)
    starting.plan_at_once(execution.id)
    with reading() as session:
        row = session.get_one(Execution, execution.id)
        waits = row.approval == Approval.PENDING or row.plan_state == PlanState.PLANNING
        response.status_code = 202 if waits else 200
        return _shown_execution(session, row, str(automation_id))


@router.get("/{automation_id}/executions", summary="Executions of an automation", responses=documented(404))
def list_executions(automation_id: UUID, query: Annotated[ExecutionQuery, Query()]) -> Listed[ExecutionOut]:
    """Its executions, newest first."""
    with reading() as session:
        automation = automation_edits.find(session, str(automation_id))
        wanted = select(Execution).where(Execution.automation_id == automation.id)
        if query.status is not None:
            wanted = wanted.where(Execution.status == query.status)
        rows, total = _page(session, wanted, Execution.id, query)
        figures = stats.of_executions(session, [row.id for row in rows])
        items = [ExecutionOut.of(row, automation.uuid, figures[row.id]) for row in rows]
    return Listed[ExecutionOut].of(items, total, query.skip, query.limit)


@router.get("/{automation_id}/stats", summary="Figures of an automation", responses=documented(404))
def get_stats(automation_id: UUID) -> StatsOut:
    """Sums and rates over all executions but tests, exact at this moment."""
    with reading() as session:
        row = automation_edits.find(session, str(automation_id))
        found = stats.of_automations(session, [row.id])[row.id]
        newest = select(Execution).where(Execution.automation_id == row.id).order_by(Execution.id.desc()).limit(1)
        last = session.scalars(newest).one_or_none()
        totals = {f"total_{name}": found.counted[name] for name in TOTALS}
        return StatsOut(
            automation_id=row.uuid,
            total_executions=row.total_executions,
            total_recipients=found.counted["total"],
            **totals,
            delivery_rate=found.rate("delivered", "sent"),
            read_rate=found.rate("read", "delivered"),
            reply_rate=found.rate("replied", "sent"),
            completion_rate=found.rate("completed", "sent"),
            variants=ComparedOut.of_counts(found.counted),
            average_response_time=found.response_seconds,
            average_processing_time=found.processing_seconds,
            last_execution_id=last.uuid if last else None,
            last_execution_status=ExecutionStatus(last.status) if last else None,
            last_executed_at=row.last_executed_at,
            next_scheduled_at=row.next_scheduled_at,
        )


TOTALS = ("sent", "delivered", "read", "replied", "completed", "failed", "skipped")


@executions_router.get("/{execution_id:execution}", summary="One execution", responses=documented(404))
def get_execution(execution_id: UUID) -> ExecutionOut:
    """The execution, with its counts."""
    with reading() as session:
        row, automation = find_execution(session, str(execution_id))
        return _shown_execution(session, row, automation.uuid)


@executions_router.get("/{execution_id:execution}/recipients", summary="Recipients of an execution", responses=documented(404))
def list_recipients(execution_id: UUID, query: Annotated[RecipientQuery, Query()]) -> Listed[RecipientOut]:
    """Its recipients, in the order in which they were planned; by status `total` goes no further than 10,000."""
    with reading() as session:
        row, _automation = find_execution(session, str(execution_id))
        wanted = select(Recipient).where(Recipient.execution_id == row.id)
        if query.status is not None:
            wanted = wanted.where(Recipient.status == query.status)
        everybody = stats.of_executions(session, [row.id])[row.id].counted["total"]
        total = everybody if query.status is None else counted(session, wanted)
        # A few of a status are sorted; by the plain id they would be looked for among all of the execution, one by one.
        place = Recipient.id if total >= COUNTED_TO or query.status is None else Recipient.id + 0
        if query.after is not None:
            wanted = wanted.where(Recipient.id > (ids.recipient_number(query.after) or 0))
        rows = session.scalars(wanted.order_by(place).offset(query.skip).limit(query.limit)).all()
        items = [RecipientOut.of(one, row.uuid) for one in rows]
    return Listed[RecipientOut].of(items, total, query.skip, query.limit)


def find_execution(session: Session, execution_id: str) -> tuple[Execution, Automation]:
    """An execution by its UUID, with its automation.

    Raises:
        RefusedError: 404, there is none.
    """
    query = select(Execution, Automation).join(Automation, Automation.id == Execution.automation_id)
    found = session.execute(query.where(Execution.uuid == execution_id)).one_or_none()
    if found is None:
        raise RefusedError(404, "no-such-execution", "There is no execution with this id.")
    return found[0], found[1]


def _shown_execution(session: Session, row: Execution, automation_uuid: str) -> ExecutionOut:
    """An execution as it is shown, with its counts of this moment."""
    return ExecutionOut.of(row, automation_uuid, stats.of_executions(session, [row.id])[row.id])


def _shown(automation_uuid: str) -> AutomationOut:
    with reading() as session:
        row = automation_edits.find(session, automation_uuid)
        return AutomationOut.of(row, stats.of_automations(session, [row.id])[row.id].counted)


def _page[Row](session: Session, query: Select[Row], id_column: object, page: SkipQuery) -> tuple[list[Row], int]:
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(id_column.desc()).offset(page.skip).limit(page.limit)  # type: ignore[attr-defined]
    return list(session.scalars(ordered)), total
