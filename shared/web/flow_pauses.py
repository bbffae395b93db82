"""`/api/v1/flows/{name}/pause` and `/resume`, `/api/v1/flow-pauses`: flows whose events wait."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from shared.intake import holding, pausing, releasing
from shared.problems import documented
from shared.store.flow_models import FlowPause
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import Page, PageQuery, find, text
from shared.web.targets import PauseIn

router = APIRouter(prefix="/api/v1", tags=["Flows"], route_class=SecuredRoute)

FlowName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{1,39}$")]


class FlowPauseOut(BaseModel):
    """A time in which a flow's events waited."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    flow: str
    paused_at: datetime
    paused_by: str
    until: datetime | None = Field(description="When it ends by itself; null: when somebody resumes the flow.")
    note: str | None
    ended_at: datetime | None = Field(description="When somebody ended it; null while it holds, and where its time was up.")
    ended_by: str | None
    drained_at: datetime | None = Field(description="Since when none of its events waits any more.")
    waiting: int = Field(default=0, description="How many events of the flow wait now.")
    waiting_since: datetime | None = Field(default=None, description="When the first of them was received.")


class FlowPauseQuery(PageQuery):
    """Filter of the list."""

    flow: Annotated[str, text(40)] | None = Field(default=None, description="The flow's name, for example `leads`.")


@router.post("/flows/{name}/pause", summary="Let a flow's events wait", responses=documented(404, 409))
def pause_flow(name: FlowName, asked: PauseIn, caller: Caller) -> FlowPauseOut:
    """Its webhooks answer as ever, and what they take in waits. What was applied goes on. Again changes `until`."""
    return _shown(pausing.pause(name, actor(caller), asked.until, asked.note))


@router.post("/flows/{name}/resume", summary="Handle a flow's events again", responses=documented(404, 409))
def resume_flow(name: FlowName, caller: Caller) -> FlowPauseOut:
    """What has waited is handled in the order received, and what comes meanwhile after it. 409 where it is not paused."""
    return _shown(releasing.resume(name, actor(caller)))


@router.get("/flow-pauses", summary="List pauses of flows")
def list_flow_pauses(query: Annotated[FlowPauseQuery, Query()]) -> Page[FlowPauseOut]:
    """Who had which flow's events wait, when, and until when."""
    wanted = select(FlowPause)
    if query.flow is not None:
        wanted = wanted.where(FlowPause.flow == query.flow)
    with reading() as session:
        rows, total, after = find(session, wanted, FlowPause.id, query)
    return Page(items=[_shown(row) for row in rows], total=total, next=after)


def _shown(row: FlowPause) -> FlowPauseOut:
    shown = FlowPauseOut.model_validate(row)
    if row.drained_at is None:
        with reading() as session:
            shown.waiting, shown.waiting_since = holding.waiting(session, row.flow)
    return shown
