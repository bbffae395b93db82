"""Suppressions: who is not to be written to, and why; found by an address, added, lifted, brought in and saved as a file.

Only digests of addresses are kept: who it is, nobody can read here. Nothing is deleted: a lifted one stays as lifted.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.console.lists import ForAdmins, as_file
from shared.console import listing, pages
from shared.console.identity import Operator, Role
from shared.console.routes import LARGEST_FORM_BYTES, SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.crm import editing
from shared.errors import RefusedError
from shared.messages import consent, operator_actions
from shared.plans import list_files, running, suppressions
from shared.store.message_models import Suppression
from shared.store.session import reading, transact
from shared.web.conditions import etag, guard
from shared.web.paging import RowId
from shared.web.suppressions import EDITABLE, SuppressionIn, recipient_digests

router = APIRouter(route_class=ConsoleRoute)
changing = APIRouter(route_class=ForAdmins)

EXPORTED = ("who", "channel", "cause", "lifted", "until", "changed_at")
MOST_EXPORTED = 100_000
KINDS = ("email", "phone", "manychat_id", "person")
CHANGED = 412
Way = Literal["email", "phone", "manychat_id", "person"]


@router.get("/console/suppressions")
def suppressed(request: Request, after: str | None = None) -> Response:
    """All of them, the newest first."""
    return _shown(request, after=after)


def _shown(
    request: Request, error: RefusedError | None = None, after: str | None = None, whose: list[str] | None = None
) -> Response:
    query = select(Suppression) if whose is None else select(Suppression).where(Suppression.who.in_(whose))
    with reading() as session:
        page = listing.page(session, query, Suppression.id, after)
        session.expunge_all()
    facts: dict[str, Any] = {
        "page": page,
        "error": error,
        "kinds": KINDS,
        "is_search": whose is not None,
        "holds": consent.holds,
    }
    facts |= {"may": pages.operator_of(request).may(Role.ADMIN), "columns": suppressions.COLUMNS}
    facts["version"] = lambda row: etag(row, EDITABLE)
    facts["more"] = listing.address(request, after=page.next) if page.next and whose is None else None
    status = 200 if error is None else error.status
    heading = mark("Not to be written to")
    return pages.render(request, "console/suppressions.html", status, here="settings", heading=heading, **facts)


@router.post("/console/suppressions/find")
def find(request: Request, kind: Annotated[Way, Form()], value: Annotated[str, Form(max_length=254)]) -> Response:
    """Those of one address. The address is in no log and no link."""
    try:
        return _shown(request, whose=recipient_digests(SuppressionIn.model_validate({kind: value.strip(), **_ways(kind)})))
    except ValidationError as error:
        return _shown(request, _refused(error))


def _ways(kind: str) -> dict[str, Any]:
    return {"channels": ["email"]} if kind == "person" else {}


@changing.post("/console/suppressions/add")
def add(
    request: Request,
    operator: Signed,
    kind: Annotated[Way, Form()],
    value: Annotated[str, Form(max_length=254)],
    channels: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Write to somebody no more, by some channels or by all by which the address is reached."""
    given: dict[str, Any] = {kind: value.strip()} | (
        {"channels": channels.replace(",", " ").split()} if channels.strip() else {}
    )
    try:
        body = SuppressionIn.model_validate(given)
    except ValidationError as error:
        return _shown(request, _refused(error))
    who, by = recipient_digests(body)[0], body.by()
    editing.committed(lambda session: operator_actions.suppress(session, who, by, body.cause, operator.actor))
    return RedirectResponse("/console/suppressions", SEE_OTHER)


@changing.post("/console/suppressions/{number:id}/lift")
def lift(request: Request, number: RowId, operator: Signed, version: Annotated[str, Form(max_length=40)]) -> Response:
    """They may be written to again, as far as this one goes; where it is another one by now, the page shows it and says so."""
    check = guard(version, EDITABLE)
    try:
        editing.committed(lambda session: operator_actions.lift(session, number, operator.actor, check))
    except RefusedError as error:
        if error.status != CHANGED:
            raise
        return _shown(request, error)
    return RedirectResponse("/console/suppressions", SEE_OTHER)


@changing.post("/console/suppressions/import")
async def bring_in(request: Request, operator: Signed, file: UploadFile) -> Response:
    """Add those of a file, once the plan was seen; every bad line is named, and nothing is done then."""
    text = (await file.read(LARGEST_FORM_BYTES)).decode("utf-8", "replace")
    return await run_in_threadpool(_bring_in, request, operator, text)


def _bring_in(request: Request, operator: Operator, text: str) -> Response:
    try:
        wanted = suppressions.asked(suppressions.read(text))
    except RefusedError as error:
        return _shown(request, error)
    number = running.begin(suppressions.NAME, wanted, operator.actor, operator.name)
    return RedirectResponse(f"/console/plans/{number}", SEE_OTHER)


@changing.post("/console/suppressions/export")
def export(operator: Signed, form: Annotated[Literal["csv", "json"], Form()] = "csv") -> Response:
    """The newest 100,000 as a file, by their digests; that it was asked for is in the action log."""

    def work(session: Session) -> list[dict[str, Any]]:
        editing.log(session, operator.actor, "list.export", "list:suppressions")
        return list(_exported(session))

    rows = transact(work)
    text = list_files.as_csv(EXPORTED, rows) if form == "csv" else list_files.as_json(rows)
    return as_file("suppressions", form, text)


def _exported(session: Session) -> Iterator[dict[str, Any]]:
    columns = [getattr(Suppression, name) for name in EXPORTED]
    for row in session.execute(select(*columns).order_by(Suppression.id.desc()).limit(MOST_EXPORTED)):
        yield {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in zip(EXPORTED, row, strict=True)
        }


def _refused(error: ValidationError) -> RefusedError:
    wrong = list(list_files.faults(0, error))
    return RefusedError(422, "invalid-fields", mark("It holds values that are not as they must be."), errors=wrong)


router.include_router(changing)
