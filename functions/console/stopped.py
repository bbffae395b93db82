"""Stopped events: those that could not be applied, by their cause; looked at, and put back on their queues when it is gone."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.console import missing
from shared.console import listing, masking, pages
from shared.console.listing import blank
from shared.console.navigation import Count, Entry
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.errors import PermanentError, RefusedError
from shared.intake import dead_letter_reasons, dead_letter_store
from shared.intake.dead_letter_store import MAX_REPLAYED_AT_ONCE
from shared.store.models import ActionLog, DeadLetter
from shared.store.session import reading
from shared.watch import flow_figures
from shared.web import bulk_replay
from shared.web.paging import RowId, counted

router = APIRouter(route_class=ConsoleRoute)

MOST_LINES = 50


def parked(session: Session) -> Count:
    """How many events are stopped."""
    waiting = select(DeadLetter.id).where(DeadLetter.state == dead_letter_reasons.PARKED)
    return Count(counted(session, waiting), mark("stopped events"))


ENTRY = Entry(
    name="stopped", title=mark("Stopped"), path="/console/stopped", group="to-do", icon="stopped", place=1, count=parked
)


class CauseIn(BaseModel):
    """A cause, as the address names it."""

    queue: Annotated[str | None, BeforeValidator(blank), Field(max_length=63)] = None
    type: Annotated[str | None, BeforeValidator(blank), Field(max_length=100)] = None
    reason: Annotated[str | None, BeforeValidator(blank), Field(max_length=64)] = None

    def filter(self) -> dead_letter_store.Filter:
        """The same as a filter of the store."""
        return dead_letter_store.Filter(original_queue=self.queue, type=self.type, reason=self.reason)


class CauseQuery(CauseIn):
    """A cause, and where its list goes on."""

    after: Annotated[str | None, BeforeValidator(blank)] = None


@router.get("/console/stopped")
def stopped(request: Request, query: Annotated[CauseQuery, Query()]) -> Response:
    """All causes, and the events of one."""
    with reading() as session:
        causes = dead_letter_reasons.causes(session)
        chosen = query.filter().applied(select(DeadLetter))
        page = listing.page(session, chosen, DeadLetter.id, query.after)
        fix = missing.fix_of(session, query.reason, page.rows)
        session.expunge_all()
    facts: dict[str, Any] = {"fix": fix, "causes": causes, "page": page, "query": query, "flow_of": flow_figures.flow_of}
    facts |= {"more": listing.address(request, after=page.next) if page.next else None, "at_once": MAX_REPLAYED_AT_ONCE}
    return pages.render(request, "console/stopped.html", here="stopped", heading=mark("Stopped events"), **facts)


@router.post("/console/stopped/replay")
def replay_all(request: Request, operator: Signed, cause: Annotated[CauseIn, Form()]) -> Response:
    """Put the events of a cause back on their queues, the oldest first; those that fail again come back here."""
    with reading() as session:
        letters, total, _after = bulk_replay.select_ids(session, cause.filter(), MAX_REPLAYED_AT_ONCE, None)
    results = list(bulk_replay.replay_each(letters, operator.actor))
    done = sum(result.outcome == "replayed" for result in results)
    facts: dict[str, Any] = {"total": total, "done": done, "results": [one for one in results if one.outcome != "replayed"]}
    return pages.render(request, "console/replayed.html", here="stopped", heading=mark("Replayed"), **facts)


@router.get("/console/stopped/{letter_id:id}")
def letter(request: Request, letter_id: RowId) -> Response:
    """One stopped event, with personal data masked."""
    with reading() as session:
        row = session.get(DeadLetter, letter_id)
        if row is None:
            raise RefusedError(404, "no-such-dead-letter", mark("There is no such event, or no longer."))
        fix = missing.fix_of(session, row.reason, [row]) if row.state == dead_letter_reasons.PARKED else None
        facts: dict[str, Any] = {
            "fix": fix,
            "row": row,
            "event": masking.masked(_read(row.original_event)),
            **_history(session, row),
        }
        session.expunge_all()
    return pages.render(request, "console/letter.html", here="stopped", heading=row.type or row.reason, **facts)


@router.post("/console/stopped/{letter_id:id}/replay")
def replay(letter_id: RowId, operator: Signed) -> Response:
    """Put this event back on its queue."""
    try:
        dead_letter_store.replay(letter_id, operator.actor)
    except LookupError:
        raise RefusedError(404, "no-such-dead-letter", mark("There is no such event, or no longer.")) from None
    except PermanentError as error:
        raise RefusedError(409, error.reason, str(error)) from error
    return RedirectResponse(f"/console/stopped/{letter_id}", SEE_OTHER)


def _history(session: Session, row: DeadLetter) -> dict[str, Any]:
    """What people did with it, and the stopped events that came of that: failed replays and corrections.

    Both are found by the subject, which has an index.
    """
    by_letter = select(ActionLog).where(ActionLog.subject == row.subject, ActionLog.dead_letter_id == row.id)
    newer = select(DeadLetter.id).where(DeadLetter.replay_of == row.id, DeadLetter.subject == row.subject)
    return {
        "lines": session.scalars(by_letter.order_by(ActionLog.id.desc()).limit(MOST_LINES)).all(),
        "followers": session.scalars(newer.order_by(DeadLetter.id)).all(),
    }


def _read(event: str) -> Any:
    """The event as JSON, or as the text that it is."""
    try:
        return json.loads(event)
    except (ValueError, RecursionError):
        return event
