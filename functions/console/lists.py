"""The lists that people keep: the stage map, advisors, channels. Edited by a row, by a file, and back to an earlier version.

Every change is a plan (`shared.plans.lists`): one that touches few is carried out at once, any other is shown first.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.console import listing, masking, pages
from shared.console.identity import Operator, Role
from shared.console.routes import LARGEST_FORM_BYTES, SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.crm import editing, list_versions
from shared.errors import RefusedError
from shared.plans import list_files, lists, running, states
from shared.plans.list_files import KeptList
from shared.store.limits import LONGEST_ID
from shared.store.plan_models import ListVersion, Plan
from shared.store.session import reading, transact

router = APIRouter(route_class=ConsoleRoute)

ListName = Literal["stages", "advisors", "channels"]
TITLES: Mapping[str, str] = {"stages": mark("Stage map"), "advisors": mark("Advisors"), "channels": mark("Channels")}
COLUMNS: Mapping[str, str] = {
    "manychat_name": mark("State in ManyChat"),
    "odoo_stage_id": mark("Odoo's number of the stage"),
    "odoo_name": mark("Stage in Odoo"),
    "id": mark("Number"),
    "name": mark("Name"),
    "email": mark("E-mail"),
    "phone": mark("Phone"),
    "odoo_user_id": mark("Odoo's number of the user"),
    "role": mark("Role"),
    "status": mark("Status"),
    "genre": mark("Gender"),
    "is_active": mark("Active"),
    "description": mark("Description"),
}
MARKED = (mark("The file cannot be taken; nothing was changed."), mark("It holds values that are not as they must be."))
VERSIONS = 20
FILE = "file"
RowNumber = Annotated[str, Form(pattern=rf"^\d{{0,{LONGEST_ID}}}$")]


class ForAdmins(ConsoleRoute):
    """A post of those who may change how everything is set up."""

    role = Role.ADMIN


changing = APIRouter(route_class=ForAdmins)


@router.get("/console/lists/{name}")
def kept_list(request: Request, name: ListName, after: str | None = None) -> Response:
    """A list with its versions."""
    return _shown(request, name, after=after)


def _shown(request: Request, name: str, error: RefusedError | None = None, after: str | None = None) -> Response:
    kept = list_files.named(name)
    with reading() as session:
        numbered = _numbered(session, kept)
        versions = select(ListVersion).where(ListVersion.name == name)
        page = listing.page(session, versions, ListVersion.id, after, VERSIONS)
        session.expunge_all()
    facts: dict[str, Any] = {"kept": kept, "title": TITLES[name], "columns": COLUMNS, "rows": numbered, "page": page}
    facts |= {"masked": masking.masked, "error": error, "may": pages.operator_of(request).may(Role.ADMIN)}
    facts["more"] = listing.address(request, after=page.next) if page.next else None
    status = 200 if error is None else error.status
    return pages.render(request, "console/list.html", status, here="settings", heading=TITLES[name], **facts)


def _numbered(session: Session, kept: KeptList) -> list[tuple[int, Mapping[str, Any]]]:
    """The rows of a list, each with our number of it, in the order in which they were made."""
    table: Any = kept.model
    numbers = session.scalars(select(table.id).order_by(table.id)).all()
    return list(zip(numbers, list_versions.rows(session, kept.name), strict=True))


@changing.post("/console/lists/{name}/edit")
def edit(request: Request, name: ListName, operator: Signed, number: RowNumber = "") -> Response:
    """A form with a row as it is, unmasked, which is in the action log; without a number an empty one."""
    row = _row(name, int(number)) if number else {}
    if row:
        transact(lambda session: editing.log(session, operator.actor, "list.show", f"{name}:{number}"))
    return _form(request, name, number, row)


def _row(name: str, number: int) -> Mapping[str, Any]:
    """The row of that number. Raises RefusedError, 404."""
    kept = list_files.named(name)
    with reading() as session:
        found = dict(_numbered(session, kept)).get(number)
    if found is None:
        raise RefusedError(404, "no-such-row", mark("There is no such row, or no longer."))
    return found


def _form(request: Request, name: str, number: str, row: Mapping[str, Any], error: RefusedError | None = None) -> Response:
    kept = list_files.named(name)
    facts: dict[str, Any] = {"kept": kept, "title": TITLES[name], "columns": COLUMNS, "number": number, "row": row}
    facts |= {"error": error, "flags": list_files.FLAGS, "numbers": list_files.NUMBERS}
    status = 200 if error is None else error.status
    return pages.render(request, "console/list_row.html", status, here="settings", heading=TITLES[name], **facts)


@changing.post("/console/lists/{name}/save")
async def save(request: Request, name: ListName, operator: Signed) -> Response:
    """Add a row, or change the one whose number the form has; a mistake shows the form again, with what was typed."""
    form = await request.form()
    kept = list_files.named(name)
    number = str(form.get("number") or "")
    given = {column: str(form.get(column) or "") for column in kept.columns if column != "id"}
    return await run_in_threadpool(_save, request, operator, kept, number, given)


def _save(request: Request, operator: Operator, kept: KeptList, number: str, given: Mapping[str, str]) -> Response:
    before = _row(kept.name, int(number)) if number.isdecimal() and len(number) <= LONGEST_ID else None
    typed = {name: list_files.value_of(name, text) for name, text in given.items() if text.strip()}
    try:
        after = list_files.checked(kept, typed)
    except ValidationError as error:
        wrong = list(list_files.faults(0, error))
        refused = RefusedError(422, "invalid-fields", mark("It holds values that are not as they must be."), errors=wrong)
        return _form(request, kept.name, number, given, refused)
    if before is not None and "id" in kept.columns:
        after = {**after, "id": before["id"]}
    changes = {"id": int(number) if before is not None else None, "before": before, "after": after}
    return _planned(kept.name, lists.CHANGE, [] if before == after else [changes], operator)


@changing.post("/console/lists/{name}/remove")
def remove(name: ListName, operator: Signed, number: RowNumber) -> Response:
    """Take a row out; one that others refer to stays, and the plan says which."""
    row = _row(name, int(number or 0))
    return _planned(name, lists.CHANGE, [{"id": int(number), "before": row, "after": None}], operator)


@changing.post("/console/lists/{name}/import")
async def bring_in(request: Request, name: ListName, operator: Signed, file: UploadFile) -> Response:
    """Make the list that of a file, once the difference was seen; every bad line is named, and nothing is done then."""
    text = (await file.read(LARGEST_FORM_BYTES)).decode("utf-8", "replace")
    return await run_in_threadpool(_bring_in, request, operator, name, text)


def _bring_in(request: Request, operator: Operator, name: str, text: str) -> Response:
    kept = list_files.named(name)
    try:
        rows = list_files.read(kept, text)
    except RefusedError as error:
        return _shown(request, name, error)
    with reading() as session:
        edits = list_files.differences(session, kept, rows)
    number = running.begin(lists.NAME, lists.asked(name, lists.IMPORT, edits), operator.actor, operator.name)
    return RedirectResponse(f"/console/plans/{number}", SEE_OTHER)


@changing.post("/console/lists/{name}/return")
def go_back(
    name: ListName, operator: Signed, version: Annotated[str, Form(pattern=rf"^(file|\d{{1,{LONGEST_ID}}})$")]
) -> Response:
    """Make the list that of a version, or of the file in the repository."""
    kept = list_files.named(name)
    with reading() as session:
        rows = kept.file if version == FILE else _rows_of(session, name, int(version))
        if rows is None:
            raise RefusedError(404, "no-such-version", mark("There is no such version, or no longer."))
        edits = list_files.differences(session, kept, rows)
    return _planned(name, lists.RETURN, edits, operator)


def _rows_of(session: Session, name: str, number: int) -> Any:
    query = select(ListVersion.rows).where(ListVersion.id == number, ListVersion.name == name)
    return session.scalars(query).first()


@changing.post("/console/lists/{name}/export")
def export(name: ListName, operator: Signed, form: Annotated[Literal["csv", "json"], Form()] = "csv") -> Response:
    """The list as a file, unmasked; that it was asked for is in the action log."""
    kept = list_files.named(name)

    def work(session: Session) -> list[Mapping[str, Any]]:
        editing.log(session, operator.actor, "list.export", f"list:{name}")
        return list_versions.rows(session, name)

    rows = transact(work)
    return as_file(name, form, list_files.as_csv(kept.columns, rows) if form == "csv" else list_files.as_json(rows))


def as_file(name: str, form: str, text: str) -> Response:
    """A file that the browser saves."""
    kinds = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
    headers = pages.HEADERS | {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(text, media_type=kinds[form], headers=headers)


def _planned(name: str, how: str, edits: list[Any], operator: Operator) -> Response:
    """Back to the list where the edits are done, as they touch few; else the plan of them."""
    if not edits:
        return RedirectResponse(f"/console/lists/{name}", SEE_OTHER)
    number = running.begin_small(lists.NAME, lists.asked(name, how, edits), operator.actor, operator.name)
    with reading() as session:
        is_done = session.get_one(Plan, number).state == states.DONE
    return RedirectResponse(f"/console/lists/{name}" if is_done else f"/console/plans/{number}", SEE_OTHER)


router.include_router(changing)
