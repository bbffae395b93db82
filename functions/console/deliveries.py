"""Deliveries: what is planned for outside systems, what was done and what failed; tried again or taken back one by one."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import Select, select

from functions.console import waterfall
from shared.console import listing, masking, pages
from shared.console.listing import blank
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed, own_path
from shared.console.words import mark
from shared.errors import RefusedError
from shared.outbox import actions, operator_actions
from shared.outbox.actions import State
from shared.store.limits import LONGEST_ID
from shared.store.models import ActionLog, Delivery, InboxEvent
from shared.store.session import reading
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)

MOST_LINES = 100
RETRYING = "retrying"
CLOSED = (State.DEAD, State.UNCERTAIN, State.CANCELLED, State.SKIPPED)


class Filters(BaseModel):
    """What the list is narrowed to; `retrying` is what waits after a failed attempt.

    `event`: what the event of that number caused.
    """

    state: Annotated[State | Literal["retrying"] | None, BeforeValidator(blank)] = None
    target: Annotated[str | None, BeforeValidator(blank), Field(max_length=50)] = None
    subject: Annotated[str | None, BeforeValidator(blank), Field(max_length=100)] = None
    event: Annotated[int | None, BeforeValidator(blank), Field(ge=1, lt=10**LONGEST_ID)] = None
    after: Annotated[str | None, BeforeValidator(blank)] = None

    def applied(self, query: Select[Delivery]) -> Select[Delivery]:
        """`query`, narrowed down."""
        if self.state == RETRYING:
            query = query.where(Delivery.state == State.PENDING, Delivery.attempts > 0)
        elif self.state is not None:
            query = query.where(Delivery.state == str(self.state))
        if self.event is not None:
            key = select(InboxEvent.key).where(InboxEvent.id == self.event).scalar_subquery()
            query = query.where(Delivery.event_key == key)
        if self.target is not None:
            query = query.where(Delivery.target == self.target)
        return query if self.subject is None else query.where(Delivery.subject == self.subject)


@router.get("/console/deliveries")
def deliveries(request: Request, filters: Annotated[Filters, Query()]) -> Response:
    """The list, newest first."""
    with reading() as session:
        page = listing.page(session, filters.applied(select(Delivery)), Delivery.id, filters.after)
        session.expunge_all()
    facts: dict[str, Any] = {"filters": filters, "page": page, "targets": sorted(actions.targets())}
    facts |= {"states": [*State, RETRYING], "more": listing.address(request, after=page.next) if page.next else None}
    facts["without_event"] = listing.address(request, event=None)
    return pages.render(request, "console/deliveries.html", here="systems", heading=mark("Deliveries"), **facts)


@router.get("/console/deliveries/{delivery_id:id}")
def delivery(request: Request, delivery_id: RowId) -> Response:
    """One delivery: its attempts and waits, what it says, and what can be done about it."""
    reader = pages.reader_of(request)
    with reading() as session:
        row = session.get(Delivery, delivery_id)
        if row is None:
            raise RefusedError(404, "no-such-delivery", mark("There is no such delivery, or no longer."))
        steps = waterfall.of_deliveries(session, [row], reader.now)
        by_event = select(InboxEvent.id).where(InboxEvent.key == (row.event_key or ""))
        lines = select(ActionLog).where(ActionLog.delivery_id == row.id).order_by(ActionLog.id.desc()).limit(MOST_LINES)
        facts: dict[str, Any] = {
            "row": row,
            "steps": steps,
            "lane": waterfall.lane(steps),
            "payload": masking.masked(row.payload),
            "result": masking.masked(row.result),
            "event_id": session.scalar(by_event) if row.event_key else None,
            "lines": session.scalars(lines).all(),
            "age": reader.now - row.created_at if row.created_at < reader.now else timedelta(0),
        }
        session.expunge_all()
    return pages.render(request, "console/delivery.html", here="systems", heading=f"{row.target}.{row.action}", **facts)


@router.post("/console/deliveries/{delivery_id:id}/retry")
def retry(delivery_id: RowId, operator: Signed) -> Response:
    """Try it again: at once where it waits, else by a new delivery."""
    return RedirectResponse(f"/console/deliveries/{operator_actions.retry(delivery_id, operator.actor).id}", SEE_OTHER)


@router.post("/console/deliveries/{delivery_id:id}/cancel")
def cancel(delivery_id: RowId, operator: Signed, next: Annotated[str, Form()] = "") -> Response:  # noqa: A002
    """Take it back. Of one that is uncertain this says that it arrived: nobody sends it again."""
    operator_actions.cancel(delivery_id, operator.actor)
    return RedirectResponse(own_path(next) if next else f"/console/deliveries/{delivery_id}", SEE_OTHER)
