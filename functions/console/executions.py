"""Executions: one for each event that was handled; what it said, what became of it, and what it caused."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import Select, UnicodeText, func, select, type_coerce
from sqlalchemy.orm import Session, undefer

from functions.console import execution_states, people, traces, waterfall
from shared import clock, flows
from shared.console import listing, masking, pages
from shared.console.identity import Role
from shared.console.listing import blank
from shared.console.navigation import Entry
from shared.console.routes import ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import RefusedError
from shared.intake.changes import Change, listed
from shared.store.flow_models import LogLine
from shared.store.journey_models import Enrolment
from shared.store.limits import LONGEST_ID
from shared.store.models import ActionLog, InboxEvent
from shared.store.session import reading, transact
from shared.store.trial_keys import is_trial
from shared.watch import flow_figures, log_lines
from shared.web.paging import RowId, counted

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="executions", title=mark("Executions"), path="/console/executions", group="now", icon="runs", place=3)

SINCE = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "": None}
WEEK = timedelta(days=7)
OUTCOMES_AMONG = 2000  # events; looking through all of them would read the whole inbox for each page
MOST_LINES = 50
LIVE = timedelta(minutes=10)


State = Literal["", "open", "retrying", "uncertain", "failed"]


class Filters(BaseModel):
    """What the list is narrowed to. `text` looks through the payloads of at most seven days.

    `person` is whatever they are known by: a name of ours, an address, a number, words of their name. `state` is how far the
    deliveries are that the event has caused: `open` (some are still to be carried out), `retrying` after a failed attempt,
    `uncertain`, `failed` (given up). `about` is the number of an event: those about the same as it.
    """

    flow: Annotated[str | None, BeforeValidator(blank), Field(max_length=40)] = None
    outcome: Annotated[str | None, BeforeValidator(blank), Field(max_length=32)] = None
    subject: Annotated[str | None, BeforeValidator(blank), Field(max_length=100)] = None
    about: Annotated[int | None, BeforeValidator(blank), Field(ge=1, lt=10**LONGEST_ID)] = None
    person: Annotated[str | None, BeforeValidator(blank), Field(max_length=200)] = None
    state: State = ""
    since: Literal["1h", "24h", "7d", ""] = "24h"
    text: Annotated[str | None, BeforeValidator(blank), Field(max_length=100)] = None
    after: Annotated[str | None, BeforeValidator(blank)] = None

    @property
    def is_any(self) -> bool:
        """Whether something is narrowed down but the time."""
        return any((self.flow, self.outcome, self.subject, self.about, self.person, self.state, self.text))

    def applied(self, session: Session, query: Select[InboxEvent], now: datetime) -> Select[InboxEvent]:
        """`query`, narrowed down."""
        if self.person is not None:
            query = query.where(InboxEvent.subject.in_(people.subjects(session, self.person)))
        if self.state:
            query = query.where(InboxEvent.key.in_(execution_states.keys(self.state)))
        if self.flow is not None:
            query = query.where(InboxEvent.type.in_(types_of(self.flow)))
        if self.outcome is not None:
            query = query.where(InboxEvent.outcome == self.outcome)
        if self.subject is not None:
            query = query.where(InboxEvent.subject == self.subject)
        if self.about is not None:
            same = select(InboxEvent.subject).where(InboxEvent.id == self.about).scalar_subquery()
            query = query.where(InboxEvent.subject == same)
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
        page = listing.page(session, filters.applied(session, select(InboxEvent), reader.now), InboxEvent.id, filters.after)
        states = execution_states.of(session, page.rows)
        newest = select(InboxEvent.outcome).order_by(InboxEvent.id.desc()).limit(OUTCOMES_AMONG).subquery()
        outcomes = session.scalars(select(newest.c.outcome).distinct().order_by(newest.c.outcome)).all()
        session.expunge_all()
    facts: dict[str, Any] = {"filters": filters, "page": page, "outcomes": outcomes, "states": states}
    facts["newer"] = None if filters.after else newer_address(request, page.rows)
    facts |= {"flows": [flow.name for flow in flows.installed() if types_of(flow.name)], "flow_of": flow_figures.flow_of}
    facts |= {"more": listing.address(request, after=page.next) if page.next else None, "sinces": list(SINCE)}
    facts["is_trial"] = is_trial
    facts["without_subject"] = listing.address(request, subject=None)
    facts["without_about"] = listing.address(request, about=None)
    return pages.render(request, "console/executions.html", here="executions", heading=mark("Executions"), **facts)


def newer_address(request: Request, rows: Sequence[InboxEvent]) -> str:
    """Where the list asks how many have come since, so that they are announced and nothing moves under the hand."""
    newest = listing.address(request, than=rows[0].id if rows else 0)
    return newest.replace("/console/executions", "/console/executions/newer", 1)


class Newer(Filters):
    """The same list, and the number of the row that stands first in it."""

    than: Annotated[int, Field(ge=0, lt=10**LONGEST_ID)]


@router.get("/console/executions/newer")
def newer(request: Request, filters: Annotated[Newer, Query()]) -> Response:
    """How many have come since the list was shown, as a link to the list as it is now."""
    reader = pages.reader_of(request)
    with reading() as session:
        query = filters.applied(session, select(InboxEvent), reader.now).where(InboxEvent.id > filters.than)
        number = counted(session, query)
    address = listing.address(request, than=None).replace("/console/executions/newer", "/console/executions", 1)
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    facts: dict[str, Any] = {"number": number, "list_address": address, "asked": asked}
    return pages.render(request, "console/executions_newer.html", here="executions", heading=mark("Executions"), **facts)


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
            "is_trial": is_trial(event.key),
            "flow": flow_figures.flow_of(event.type),
            "data": shown(event.data),
            "left_out": event.left_out or [],
            "steps": steps,
            "lane": waterfall.lane(steps),
            "changes": _changes(event, shown),
            "own_lines": _own_lines(session, event, steps),
            "trace": _trace(event, steps),
            "lines": _lines(session, event, steps),
            "journeys": _journeys(session, event),
            "again": _again(session, event),
        }
        session.expunge_all()
    may_show = pages.operator_of(request).may(Role.OPERATOR)
    is_live = any(_is_soon(step, reader.now) for step in steps) or reader.now - event.handled_at < LIVE
    return pages.render(
        request, "console/execution.html", here="executions", heading=event.type, may_show=may_show, is_live=is_live, **facts
    )


def _is_soon(step: waterfall.Step, now: datetime) -> bool:
    """Whether something of it happens while somebody looks."""
    row = step.delivery
    return row is not None and row.state in waterfall.OPEN and row.due_at < now + LIVE


def _event(session: Session, event_id: int) -> InboxEvent:
    event = session.get(InboxEvent, event_id, options=[undefer(InboxEvent.changes)])
    if event is None:
        raise RefusedError(404, "no-such-execution", mark("There is no such execution, or no longer."))
    return event


def _changes(event: InboxEvent, shown: Any) -> list[Change]:
    """What the event has changed in our record, field by field; events of before this was kept have none."""
    return [replace(one, before=shown(one.before), after=shown(one.after)) for one in listed(event.changes)]


def _ids(steps: Sequence[waterfall.Step]) -> list[int]:
    return [step.delivery.id for step in steps if step.delivery is not None]


def _lines(session: Session, event: InboxEvent, steps: Sequence[waterfall.Step]) -> list[ActionLog]:
    """Of its deliveries, and of the stopped event that it replays; newest first."""
    found: list[ActionLog] = []
    for whose in (ActionLog.delivery_id.in_(_ids(steps)), ActionLog.dead_letter_id == (event.replay_of or 0)):
        found += session.scalars(select(ActionLog).where(whose).order_by(ActionLog.id.desc()).limit(MOST_LINES))
    return sorted(found, key=lambda line: -line.id)[:MOST_LINES]


def _own_lines(session: Session, event: InboxEvent, steps: Sequence[waterfall.Step]) -> list[LogLine]:
    """Our own log lines of the event and its deliveries, oldest first."""
    name = log_lines.of_event(event.type, event.event_id)
    found: list[LogLine] = []
    for whose in (LogLine.event == name, LogLine.delivery_id.in_(_ids(steps))):
        found += session.scalars(select(LogLine).where(whose).order_by(LogLine.id.desc()).limit(MOST_LINES))
    return sorted(found, key=lambda line: (line.at, line.id))[-MOST_LINES:]


def _trace(event: InboxEvent, steps: Sequence[waterfall.Step]) -> str | None:
    """The link to its trace: from when it was received until its last attempt was over."""
    end = max((piece.end for step in steps for piece in step.pieces), default=event.handled_at)
    return traces.link(event.traceparent, event.event_id, event.received_at, min(end, clock.now()))


def _journeys(session: Session, event: InboxEvent) -> list[Enrolment]:
    """Journeys that somebody began about the time of the event: the enrolment keeps the key of what began it."""
    return list(session.scalars(select(Enrolment).where(Enrolment.event_key == event.key).limit(MOST_LINES)))


def _again(session: Session, event: InboxEvent) -> int:
    """How many events of the same subject came after it."""
    if event.subject is None:
        return 0
    later = select(func.count()).select_from(InboxEvent).where(InboxEvent.subject == event.subject, InboxEvent.id > event.id)
    return session.scalar(later) or 0
