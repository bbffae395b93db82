"""What people wrote and nobody has answered: each with the time that is left to answer in free words, and the answer itself."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared.console import listing, masking, pages
from shared.console.listing import blank
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed, own_path
from shared.console.words import mark
from shared.crm import editing
from shared.errors import RefusedError
from shared.messages import answering, received
from shared.messages.received import MessageState
from shared.people import kinds, queries
from shared.store.message_models import ReceivedMessage
from shared.store.session import reading, transact
from shared.web.paging import RowId

router = APIRouter(route_class=ConsoleRoute)

NOT_ANSWERED = {
    answering.NEEDS_TEMPLATE: mark("WhatsApp takes only an approved template now: their last message is older than 24 hours."),
    "suppressed-stop": mark("They asked for silence. If they write again, that message may be answered."),
    "suppressed-by-hand": mark("Somebody here has stopped everything to them by this channel."),
    "not-configured": mark("This channel is not set up."),
    "no-words": mark("An answer needs words."),
    "too-long": mark("The answer is too long for this channel."),
}
"""Why a message cannot be answered, by the code of the refusal."""


class Filters(BaseModel):
    """Which of them: those without an answer, unless a state is asked for. `first`: this one before the others."""

    state: Annotated[MessageState | None, BeforeValidator(blank)] = None
    first: Annotated[int | None, BeforeValidator(blank), Field(ge=1, lt=10**18)] = None
    after: Annotated[str | None, BeforeValidator(blank)] = None


@router.get("/console/answers")
def answers(request: Request, filters: Annotated[Filters, Query()]) -> Response:
    """The list, newest first; the message of `first`, as long as it is of this list, stands before all others."""
    wanted = ("unread", "read") if filters.state is None else (filters.state,)
    with reading() as session:
        query = select(ReceivedMessage).where(ReceivedMessage.state.in_(wanted))
        page = listing.page(session, query, ReceivedMessage.id, filters.after)
        rows = _with_first(session, query, filters.first, page.rows)
        standings = answering.standings(session, (row for row in rows if row.state in ("unread", "read")))
        session.expunge_all()
    facts: dict[str, Any] = {
        "filters": filters,
        "page": page,
        "rows": rows,
        "states": received.STATES,
        "standings": standings,
        "not_answered": NOT_ANSWERED,
        "longest": answering.LONGEST,
        "masked": masking.masked,
    }
    facts |= {"more": listing.address(request, after=page.next, first=None) if page.next else None}
    return pages.render(request, "console/answers.html", here="people", heading=mark("Messages without an answer"), **facts)


def _with_first(
    session: Session, query: Select[ReceivedMessage], number: int | None, rows: Sequence[ReceivedMessage]
) -> Sequence[ReceivedMessage]:
    """The rows of a page; that of `number` before them, wherever in the list it stands."""
    chosen = session.scalars(query.where(ReceivedMessage.id == number)).first() if number is not None else None
    return rows if chosen is None else [chosen, *(row for row in rows if row.id != chosen.id)]


@router.get("/console/answers/{message_id:id}/person")
def person(message_id: RowId) -> Response:
    """The page of whoever wrote it, so that no number has to stand in an address; the search, where nobody is known by it."""
    with reading() as session:
        row = session.get(ReceivedMessage, message_id)
        if row is None:
            raise RefusedError(404, "no-such-message", mark("There is no such message, or no longer."))
        meant = (*kinds.identities(phone=row.sender), *kinds.identities(whatsapp=row.user_id))
        numbers = [number for one in meant for number in queries.with_proposals(session, one)]
    return RedirectResponse(f"/console/people/{numbers[0]}#conversation" if numbers else "/console/people", SEE_OTHER)


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


@router.post("/console/answers/{message_id:id}/reply")
def reply(
    message_id: RowId,
    operator: Signed,
    text: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",  # noqa: A002
) -> Response:
    """Send them an answer in one's own words. A second click sends nothing more."""
    try:
        editing.committed(lambda session: answering.answer(session, message_id, text, operator.actor))
    except RefusedError as error:
        raise RefusedError(error.status, error.reason, NOT_ANSWERED.get(error.reason, error.title)) from error
    return RedirectResponse(own_path(next or "/console/answers"), SEE_OTHER)
