"""Executions: one for each event that was handled; what it said, what became of it, and what it caused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import Select, UnicodeText, func, select, type_coerce
from sqlalchemy.orm import Session

from functions.console import waterfall
from shared import clock, flows
from shared.console import listing, masking, pages
from shared.console.identity import Role
from shared.console.listing import blank
from shared.console.navigation import Entry
from shared.console.routes import ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import RefusedError
from shared.store.journey_models import Enrolment
from shared.store.models import ActionLog, CampaignChange, InboxEvent, StageChange
from shared.store.session import reading, transact
from shared.watch import flow_figures
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="executions", title=mark("Executions"), path="/console/executions", group="now", icon="runs", place=3)

SINCE = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "": None}
WEEK = timedelta(days=7)
OUTCOMES_AMONG = 2000  # events; looking through all of them would read the whole inbox for each page
MOST_LINES = 50


class Filters(BaseModel):
    """What the list is narrowed to. `text` looks through the payloads of at most seven days."""

    flow: Annotated[str | None, BeforeValidator(blank), Field(max_length=40)] = None
    outcome: Annotated[str | None, BeforeValidator(blank), Field(max_length=32)] = None
    subject: Annotated[str | None, BeforeValidator(blank), Field(max_length=100)] = None
    since: Literal["1h", "24h", "7d", ""] = "24h"
    text: Annotated[str | None, BeforeValidator(blank), Field(max_length=100)] = None
    after: Annotated[str | None, BeforeValidator(blank)] = None

    def applied(self, query: Select[InboxEvent], now: datetime) -> Select[InboxEvent]:
        """`query`, narrowed down."""
        if self.flow is not None:
            query = query.where(InboxEvent.type.in_(types_of(self.flow)))
        if self.outcome is not None:
            query = query.where(InboxEvent.outcome == self.outcome)
        if self.subject is not None:
            query = query.where(InboxEvent.subject == self.subject)
        time = SINCE[self.since]
        if self.text is not None:
            time = min(time or WEEK, WEEK)
            query = query.where(
                func.lower(type_coerce(InboxEvent.data, UnicodeText)).contains(self.text.lower(), autoescape=True)
            )
        return query if time is None else query.where(InboxEvent.handled_at > now - time)


def types_of(flow: str) -> list[str]:
    """The types of the events that a flow handles."""
    return sorted(kind for kind, name in flow_figures.flows_by_type().items() if name == flow)


@router.get("/console/executions")
def executions(request: Request, filters: Annotated[Filters, Query()]) -> Response:
    """The list, newest first."""
    reader = pages.reader_of(request)
    with reading() as session:
        page = listing.page(session, filters.applied(select(InboxEvent), reader.now), InboxEvent.id, filters.after)
        newest = select(InboxEvent.outcome).order_by(InboxEvent.id.desc()).limit(OUTCOMES_AMONG).subquery()
        outcomes = session.scalars(select(newest.c.outcome).distinct().order_by(newest.c.outcome)).all()
        session.expunge_all()
    facts: dict[str, Any] = {"filters": filters, "page": page, "outcomes": outcomes}
    facts |= {"flows": [flow.name for flow in flows.installed() if types_of(flow.name)], "flow_of": flow_figures.flow_of}
    facts |= {"more": listing.address(request, after=page.next) if page.next else None, "sinces": list(SINCE)}
    return pages.render(request, "console/executions.html", here="executions", heading=mark("Executions"), **facts)


@router.get("/console/executions/{event_id:id}")
def execution(request: Request, event_id: RowId) -> Response:
    """One execution, with personal data masked."""
    return _shown(request, event_id, masking.masked)


@router.post("/console/executions/{event_id:id}/show")
def show(request: Request, event_id: RowId, operator: Signed) -> Response:
    """The same with everything in it: for operators, and noted in the action log."""
    with reading() as session:
        subject = _event(session, event_id).subject
    line = ActionLog(actor=operator.actor, action="execution.show", subject=subject, result="shown", detail=f"event {event_id}")
    transact(lambda session: session.add(line))
    return _shown(request, event_id, lambda value: value)


def _shown(request: Request, event_id: int, shown: Any) -> Response:
    reader = pages.reader_of(request)
    with reading() as session:
        event = _event(session, event_id)
        steps = waterfall.of_event(session, event, reader.now)
        facts: dict[str, Any] = {
            "event": event,
            "flow": flow_figures.flow_of(event.type),
            "data": shown(event.data),
            "left_out": event.left_out or [],
            "steps": steps,
            "lane": waterfall.lane(steps),
            "changes": _changes(session, event),
            "lines": _lines(session, steps),
            "journeys": _journeys(session, event),
            "again": _again(session, event),
        }
        session.expunge_all()
    may_show = pages.operator_of(request).may(Role.OPERATOR)
    is_live = clock.now() - event.handled_at < timedelta(minutes=10)
    return pages.render(
        request, "console/execution.html", here="executions", heading=event.type, may_show=may_show, is_live=is_live, **facts
    )


def _event(session: Session, event_id: int) -> InboxEvent:
    event = session.get(InboxEvent, event_id)
    if event is None:
        raise RefusedError(404, "no-such-execution", mark("There is no such execution, or no longer."))
    return event


def _changes(session: Session, event: InboxEvent) -> list[tuple[str, Any, Any]]:
    """Field, before and after, as far as the record keeps what an event has changed."""
    found: list[tuple[str, Any, Any]] = []
    for stage in session.scalars(select(StageChange).where(StageChange.event_key == event.key, StageChange.applied)):
        before = session.scalar(
            select(StageChange.stage_id)
            .where(StageChange.opportunity_id == stage.opportunity_id, StageChange.applied, StageChange.id < stage.id)
            .order_by(StageChange.id.desc())
            .limit(1)
        )
        found.append(("stage", before, stage.stage_id))
    for change in session.scalars(select(CampaignChange).where(CampaignChange.event_key == event.key)):
        found += [(name, None, (change.said or {}).get(name)) for name in change.changed]
    return found


def _lines(session: Session, steps: Sequence[waterfall.Step]) -> list[ActionLog]:
    ids = [step.delivery.id for step in steps if step.delivery is not None]
    query = select(ActionLog).where(ActionLog.delivery_id.in_(ids)).order_by(ActionLog.id.desc()).limit(MOST_LINES)
    return list(session.scalars(query))


def _journeys(session: Session, event: InboxEvent) -> list[Enrolment]:
    """Journeys that somebody began about the time of the event: the enrolment keeps the key of what began it."""
    return list(session.scalars(select(Enrolment).where(Enrolment.event_key == event.key).limit(MOST_LINES)))


def _again(session: Session, event: InboxEvent) -> int:
    """How many events of the same subject came after it."""
    if event.subject is None:
        return 0
    later = select(func.count()).select_from(InboxEvent).where(InboxEvent.subject == event.subject, InboxEvent.id > event.id)
    return session.scalar(later) or 0
