"""What a stopped event lacks is added from its page: a stage that nobody knows, an advisor; then its replay is planned.

Adding is a change of a list (`shared.plans.lists`), so it leaves a version; replaying is a plan, so it is seen first.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse
from pydantic import Field, ValidationError

from functions.console import missing
from functions.console.lists import ForAdmins
from functions.console.replays import ReplayIn, rehearsed
from shared.console.identity import Operator
from shared.console.routes import SEE_OTHER, Signed
from shared.console.words import mark
from shared.crm.list_versions import ADVISORS, STAGES
from shared.errors import RefusedError
from shared.plans import list_files, lists, running, states
from shared.store.plan_models import Plan
from shared.store.session import reading

router = APIRouter(route_class=ForAdmins)


class StageIn(ReplayIn):
    """A name of a stage, what it means, and the events that wait for it."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    stage: Annotated[int, Field(ge=1, lt=2**31)]


class AdvisorIn(ReplayIn):
    """An advisor, and the events that wait for them."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    email: Annotated[str, Field(max_length=254)] = ""
    number: Annotated[str, Field(pattern=r"^\d{0,9}$")] = ""


@router.post("/console/stopped/stage")
def add_stage(operator: Signed, asked: Annotated[StageIn, Form()]) -> Response:
    """Add the name to the stage map, and show what replaying its events does now."""
    with reading() as session:
        known = next((one for one in missing.odoo_stages(session) if one.number == asked.stage), None)
    if known is None:
        raise RefusedError(422, "no-such-stage", mark("The map has no stage of that number: add it to the list first."))
    row = {"manychat_name": asked.name.strip(), "odoo_stage_id": known.number, "odoo_name": known.name}
    return _added(STAGES, row, asked, operator)


@router.post("/console/stopped/advisor")
def add_advisor(operator: Signed, asked: Annotated[AdvisorIn, Form()]) -> Response:
    """Add the advisor, and show what replaying the events does now."""
    given = {"id": int(asked.number) if asked.number else None, "name": asked.name, "email": asked.email.strip() or None}
    return _added(ADVISORS, {name: value for name, value in given.items() if value is not None}, asked, operator)


def _added(name: str, given: dict[str, Any], asked: ReplayIn, operator: Operator) -> Response:
    """Add a row to a list; then the plan of the replay, or that of the addition where it stops."""
    kept = list_files.named(name)
    try:
        row = list_files.checked(kept, given)
    except ValidationError as error:
        wrong = list(list_files.faults(0, error))
        raise RefusedError(
            422, "invalid-fields", mark("It holds values that are not as they must be."), errors=wrong
        ) from error
    edits = [{"id": None, "before": None, "after": row}]
    number = running.begin_small(lists.NAME, lists.asked(name, lists.CHANGE, edits), operator.actor, operator.name)
    with reading() as session:
        is_done = session.get_one(Plan, number).state == states.DONE
    return rehearsed(operator, asked) if is_done else RedirectResponse(f"/console/plans/{number}", SEE_OTHER)
