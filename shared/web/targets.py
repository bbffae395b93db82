"""`/api/v1/targets`, `/api/v1/target-pauses`, `/api/v1/outages`: outside systems, their pauses by hand, and their outages."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from shared import shadow_mode
from shared.errors import RefusedError
from shared.outbox import actions, claims, pauses
from shared.problems import documented
from shared.store.models import Delivery, Target
from shared.store.session import reading
from shared.store.wait_models import Outage, TargetPause
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.paging import COUNTED_TO, Moment, Page, PageQuery, RowId, counted, find, text

router = APIRouter(prefix="/api/v1", tags=["Targets"], route_class=SecuredRoute)

TargetName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]


class PauseOut(BaseModel):
    """A time in which a person had a target left alone."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    target: str
    paused_at: datetime
    paused_by: str
    until: datetime | None = Field(description="When it ends by itself; null: when somebody resumes the target.")
    note: str | None
    ended_at: datetime | None = Field(description="When somebody ended it; null while it holds, and where its time was up.")
    ended_by: str | None


class TargetOut(BaseModel):
    """An outside system, and whether it is called now."""

    name: str
    circuit: str = Field(description="`closed` while it answers, `open` during an outage, `ramping` just after one.")
    closed_until: datetime | None = Field(description="During an outage: when it is tried next.")
    last_error: str | None = Field(description="Why its last call failed; null once one is answered.")
    due: int = Field(description=f"How many deliveries are due; {COUNTED_TO} means as many or more.")
    shadowed: bool = Field(description="Whether SHADOW covers it: everything for it is planned and nothing carried out.")
    pause: PauseOut | None = Field(description="The pause that holds now.")
    outage_id: int | None = Field(description="The outage that it is in, or just comes out of.")


class PauseIn(BaseModel):
    """For how long, and why."""

    model_config = ConfigDict(extra="forbid")

    until: Moment | None = Field(default=None, description="When it goes on by itself; left out: when somebody resumes it.")
    note: Annotated[str, text(200)] | None = Field(default=None, description="Why, for whoever finds it paused.")


class OutageOut(BaseModel):
    """A time in which an outside system did not answer, and what became of what waited for it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    target: str
    started_at: datetime
    ended_at: datetime | None = Field(description="When it answered again; null while it lasts.")
    error: str | None = Field(description="What it said, or did not, when it began.")
    held_up: int = Field(
        description="How many deliveries have waited for its end. They are counted when their turn comes, so while it lasts "
        "most of them stand in the target's `due`."
    )
    done: int = Field(description="How many of these took effect, each counted once.")
    not_done: int = Field(description="How many ended otherwise: skipped, cancelled, dead, uncertain.")
    open: int = Field(description="How many of these are still to be carried out.")


class OfTarget(PageQuery):
    """Filter of both lists."""

    target: Annotated[str, text(50)] | None = Field(default=None, description="The outside system, for example `odoo`.")


class OutageQuery(OfTarget):
    """Filters of the list of outages."""

    lasts: bool | None = Field(default=None, description="Only those that last, or only those that are over.")


@router.get("/targets", summary="Outside systems and whether they are called now")
def list_targets() -> list[TargetOut]:
    """Every system that deliveries go to, by name: a few dozen at most, so they come at once."""
    with reading() as session:
        known = {row.name: row for row in session.scalars(select(Target))}
        return [described(session, name, known.get(name)) for name in sorted(actions.targets() | set(known))]


@router.post("/targets/{name}/pause", summary="Leave a system alone", responses=documented(404))
def pause_target(name: TargetName, asked: PauseIn, caller: Caller) -> PauseOut:
    """Nothing more is sent to it; what is planned waits, and calls under way are finished. Pausing again changes `until`."""
    return PauseOut.model_validate(pauses.pause(name, actor(caller), asked.until, asked.note))


@router.post("/targets/{name}/resume", summary="Call a system again", responses=documented(404, 409))
def resume_target(name: TargetName, caller: Caller) -> PauseOut:
    """What has become due meanwhile goes out, at the system's pace. 409 where it is not paused."""
    return PauseOut.model_validate(pauses.resume(name, actor(caller)))


@router.post("/targets/{name}/probe", summary="Try a system now", status_code=202, responses=documented(404, 409))
def probe_target(name: TargetName, caller: Caller) -> TargetOut:
    """One delivery is tried as soon as a worker is free; its answer decides about the others. 409 where it is paused."""
    pauses.probe(name, actor(caller))
    with reading() as session:
        return described(session, name, session.get(Target, name))


@router.get("/target-pauses", summary="List pauses of outside systems")
def list_pauses(query: Annotated[OfTarget, Query()]) -> Page[PauseOut]:
    """Who had what left alone, when, and until when."""
    wanted = select(TargetPause)
    if query.target is not None:
        wanted = wanted.where(TargetPause.target == query.target)
    with reading() as session:
        rows, total, after = find(session, wanted, TargetPause.id, query)
    return Page(items=[PauseOut.model_validate(row) for row in rows], total=total, next=after)


@router.get("/outages", summary="List outages of outside systems")
def list_outages(query: Annotated[OutageQuery, Query()]) -> Page[OutageOut]:
    """From when to when a system did not answer, how much waited for it, and what became of that."""
    wanted = select(Outage)
    if query.target is not None:
        wanted = wanted.where(Outage.target == query.target)
    if query.lasts is not None:
        wanted = wanted.where(Outage.ended_at.is_(None) if query.lasts else Outage.ended_at.is_not(None))
    with reading() as session:
        rows, total, after = find(session, wanted, Outage.id, query)
    return Page(items=[_outage(row) for row in rows], total=total, next=after)


@router.get("/outages/{outage_id:id}", summary="One outage", responses=documented(404))
def get_outage(outage_id: RowId) -> OutageOut:
    """The outage and what became of what waited for it."""
    with reading() as session:
        row = session.get(Outage, outage_id)
    if row is None:
        raise RefusedError(404, "no-such-outage", f"There is no outage {outage_id}.")
    return _outage(row)


def _outage(row: Outage) -> OutageOut:
    values = {name: getattr(row, name) for name in OutageOut.model_fields if name != "open"}
    return OutageOut(**values, open=row.held_up - row.done - row.not_done)


def described(session: Session, name: str, row: Target | None) -> TargetOut:
    """A target as the list has it; without a row it was never called."""
    due = counted(session, select(literal(1)).select_from(Delivery).where(claims.due(session, name)))
    row = row or Target(name=name, circuit="closed")
    paused = session.get(TargetPause, row.pause_id) if claims.is_paused(row) and row.pause_id is not None else None
    return TargetOut(
        name=name,
        circuit=row.circuit,
        closed_until=row.closed_until,
        last_error=row.last_error,
        due=due,
        shadowed=shadow_mode.covers(name),
        pause=PauseOut.model_validate(paused) if paused else None,
        outage_id=row.outage_id,
    )
