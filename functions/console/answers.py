"""What people wrote and nobody has answered: each with the time that is left to answer in free words."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator
from sqlalchemy import select

from functions.console.executions import blank
from functions.console.matters import WINDOW
from shared.console import listing, pages
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed, own_path
from shared.console.words import mark
from shared.messages import received
from shared.messages.received import MessageState
from shared.store.message_models import ReceivedMessage
from shared.store.session import reading, transact
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)


class Filters(BaseModel):
    """Which of them: those without an answer, unless a state is asked for."""

    state: Annotated[MessageState | None, BeforeValidator(blank)] = None
    after: Annotated[str | None, BeforeValidator(blank)] = None


@router.get("/console/answers")
def answers(request: Request, filters: Annotated[Filters, Query()]) -> Response:
    """The list, newest first."""
    wanted = ("unread", "read") if filters.state is None else (filters.state,)
    with reading() as session:
        query = select(ReceivedMessage).where(ReceivedMessage.state.in_(wanted))
        page = listing.page(session, query, ReceivedMessage.id, filters.after)
        session.expunge_all()
    facts: dict[str, Any] = {
        "filters": filters,
        "page": page,
        "window": WINDOW,
        "states": received.STATES,
        "zero": timedelta(0),
    }
    facts |= {"more": listing.address(request, after=page.next) if page.next else None}
    return pages.render(request, "console/answers.html", here="people", heading=mark("Messages without an answer"), **facts)


@router.post("/console/answers/{message_id:id}")
def settle(
    message_id: RowId,
    operator: Signed,
    state: Annotated[MessageState, Form()],
    next: Annotated[str, Form()] = "",  # noqa: A002
) -> Response:
    """Say what has become of a message; it is logged with the operator's name."""
    transact(lambda session: received.set_state(session, message_id, state, operator.actor))
    return RedirectResponse(own_path(next or "/console/answers"), SEE_OTHER)
