"""A replay as a plan: what it would do is worked out and shown first, and approving the plan does exactly that."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse
from pydantic import BeforeValidator, Field

from functions.console.stopped import CauseIn
from shared.console.identity import Operator
from shared.console.listing import blank
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.plans import replays, running
from shared.store.limits import LONGEST_ID
from shared.store.session import reading

router = APIRouter(route_class=ConsoleRoute)

Number = Annotated[int | None, BeforeValidator(blank), Field(ge=1, lt=10**LONGEST_ID)]


class ReplayIn(CauseIn):
    """The events of a cause, or one."""

    letter: Number = None


@router.post("/console/stopped/rehearse")
def rehearse(operator: Signed, asked: Annotated[ReplayIn, Form()]) -> Response:
    """What a replay would do; nothing of it is done. Thousands are worked out in the background, and the page shows how far."""
    return rehearsed(operator, asked)


def rehearsed(operator: Operator, asked: ReplayIn) -> Response:
    """The plan of a replay, begun."""
    with reading() as session:
        wanted = replays.asked(session, asked.filter(), asked.letter)
    number = running.begin(replays.NAME, wanted, operator.actor, operator.name)
    return RedirectResponse(f"/console/plans/{number}", SEE_OTHER)
