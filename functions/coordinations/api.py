"""`/api/v1/coordinations`: how far each process with its robot is; cancel one."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.coordinations import effects, services
from functions.coordinations.tables import BEFORE_RESULT, Coordination
from shared.crm import editing
from shared.errors import RefusedError
from shared.problems import documented
from shared.store.models import Delivery
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Body
from shared.web.paging import Page, PageQuery, RowId, find, text

router = APIRouter(prefix="/api/v1/coordinations", tags=["Coordinations"], route_class=SecuredRoute)

State = Literal["starting", "approval", "triggering", "waiting", "reporting", "compensating", "done", "failed"]


class CoordinationQuery(PageQuery):
    """Filters of the list."""

    state: State | None = None
    reason: Annotated[str, text(64)] | None = None
    bot: Annotated[str, text(100)] | None = None
    process_key: Annotated[str, text(100)] | None = None
    business_key: Annotated[str, text(100)] | None = None
    process_id: Annotated[str, text(100)] | None = None
    execution_id: Annotated[str, text(100)] | None = None


class CoordinationOut(BaseModel):
    """A process and its robot."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    business_key: str
    process_key: str
    bot: str
    asked_by: str
    needs_approval: bool
    approved_by: str | None
    state: State
    reason: str | None = Field(description="Why it failed, or what is not known.")
    process_id: str | None = Field(description="Flowable's number of the process.")
    definition_id: str | None
    execution_id: str | None = Field(description="The robot's number of its run, or that of its work item.")
    robot_answer: str | None = Field(description="The status that was answered when the robot was started.")
    item_state: str | None = Field(description="The state of its work item in OpenFlow, when that was last looked at.")
    triggered_at: datetime | None
    wait_until: datetime | None
    escalated_at: datetime | None = Field(description="When the operators were alerted that the robot has not answered.")
    result_status: Literal["completed", "failed"] | None
    error: str | None
    result_at: datetime | None
    reported_at: datetime | None
    cancelled_at: datetime | None
    undone_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime


class StepOut(BaseModel):
    """A call to an outside system that belongs to it."""

    delivery_id: int
    step: str = Field(description="Such as `flowable.start`.")
    state: str
    attempts: int
    due_at: datetime
    finished_at: datetime | None
    error: str | None


class CoordinationWhole(CoordinationOut):
    """One with all that is known of it."""

    payload: dict[str, Any] | None
    result: Any = None
    steps: list[StepOut]


class Nothing(Body):
    """An empty object."""


@router.get("", summary="List coordinations")
def list_coordinations(query: Annotated[CoordinationQuery, Query()]) -> Page[CoordinationOut]:
    """Processes with their robots, by state, reason, and each of their keys."""
    wanted = select(Coordination)
    for name in ("state", "reason", "bot", "process_key", "business_key", "process_id", "execution_id"):
        if (value := getattr(query, name)) is not None:
            wanted = wanted.where(getattr(Coordination, name) == value)
    with reading() as session:
        rows, total, after = find(session, wanted, Coordination.id, query)
        return Page(items=[CoordinationOut.model_validate(row) for row in rows], total=total, next=after)


@router.get("/{coordination_id:id}", summary="One coordination", responses=documented(404))
def get_coordination(coordination_id: RowId) -> CoordinationWhole:
    """How far it is, what the robot has answered, and each call that was made, or is still to be."""
    with reading() as session:
        row = session.get(Coordination, coordination_id)
        if row is None:
            raise editing.missing(services.NOUN, coordination_id)
        return _whole(session, row)


@router.post("/{coordination_id:id}/cancel", summary="Cancel a coordination", responses=documented(404, 409))
def cancel_coordination(coordination_id: RowId, body: Nothing, caller: Caller) -> CoordinationWhole:
    """Cancels the process, and has undone what the robot may have done. 409 where the robot has answered, or it is over."""
    del body

    def work(session: Session) -> CoordinationWhole:
        row = session.get(Coordination, coordination_id)
        if row is None:
            raise editing.missing(services.NOUN, coordination_id)
        if row.state not in (*BEFORE_RESULT, "compensating") and row.reason != services.CANCELLED:
            raise RefusedError(409, "not-open", "It is too late to cancel this.", detail=f"It is {row.state}.")
        services.cancel(session, coordination_id, actor(caller))
        session.flush()
        return _whole(session, row)

    return editing.committed(work)


def _whole(session: Session, row: Coordination) -> CoordinationWhole:
    subject = effects.START.subject(row)
    deliveries = session.scalars(select(Delivery).where(Delivery.subject == subject).order_by(Delivery.id)).all()
    steps = [
        StepOut(
            delivery_id=one.id,
            step=f"{one.target}.{one.action}",
            state=one.state,
            attempts=one.attempts,
            due_at=one.due_at,
            finished_at=one.finished_at,
            error=one.last_error,
        )
        for one in deliveries
    ]
    shown = CoordinationOut.model_validate(row).model_dump()
    return CoordinationWhole(**shown, payload=row.payload, result=row.result, steps=steps)
