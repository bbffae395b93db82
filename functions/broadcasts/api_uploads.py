"""`/api/v1/flow-automations/uploads`: lists of numbers, as a CSV file or as JSON, and what was wrong with which line."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import uploads
from functions.broadcasts.api_models import Listed
from functions.broadcasts.api_query import SkipQuery
from functions.broadcasts.tables import Upload, UploadProblem
from functions.broadcasts.uploads import Taken
from shared.crm import editing
from shared.errors import FieldError, RefusedError
from shared.problems import documented
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Body

LONGEST_COLUMNS = 600  # in an address, where a letter may take twelve; a form takes more
router = APIRouter(prefix="/api/v1/flow-automations/uploads", tags=["Broadcasts"], route_class=SecuredRoute)

Value = Annotated[str, StringConstraints(max_length=1000)] | int | float | bool | None


class RowIn(Body):
    """A number with the variables of its recipient."""

    phone: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    variables: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w{0,63}$")], Value] = Field(
        default_factory=dict, max_length=50
    )


class RowsIn(Body):
    """Rows to add to a list."""

    rows: list[RowIn] = Field(min_length=1, max_length=10_000)


class ProblemOut(BaseModel):
    """A line that was left out: `duplicate` of the line `same_as`, or `bad`. It quotes nothing of the line."""

    line: int
    kind: str
    reason: str
    same_as: int | None


class UploadOut(BaseModel):
    """A list: how far it is read, and what became of its lines."""

    id: str
    filename: str | None
    state: str = Field(description="`reading`, `ready` or `failed`.")
    progress_percentage: float
    lines_read: int
    columns: list[str | None] | None = Field(description="What each column is: `phone`, a variable, or null (left out).")
    accepted: int
    duplicates: int
    bad: int
    error_message: str | None
    problems: list[ProblemOut] = Field(description="The first hundred; `/problems` has all.")


class TakenOut(BaseModel):
    """What became of added rows."""

    accepted: int
    problems: list[ProblemOut]


_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "phone,nombre\n55 1234 5678,Ana\n"},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "columns": {
                            "type": "string",
                            "description": "JSON object: header, or number of a column, -> variable.",
                        },
                    },
                }
            },
        },
    }
}


@router.post("", status_code=201, summary="Upload a list", responses=documented(400, 413, 415), openapi_extra=_FILE)
async def upload_list(
    request: Request,
    caller: Caller,
    response: Response,
    columns: Annotated[
        str | None, Query(max_length=LONGEST_COLUMNS, description="As in the form, for a plain CSV body.")
    ] = None,
) -> UploadOut:
    """Takes a CSV file, up to a million rows, with or without a header line. It is read in the background; a short one at once.

    The column of numbers is found by its header (`phone`, `Teléfono`, `WhatsApp`, ...); the others become variables.
    """
    raw, filename, asked = await _file(request, columns)
    shown = await _in_thread(partial(_kept, raw, filename, _columns(asked), actor(caller)))
    response.headers["Location"] = f"/api/v1/flow-automations/uploads/{shown.id}"
    return shown  # type: ignore[no-any-return]


def _kept(raw: bytes, filename: str | None, columns: Mapping[str, str | None] | None, who: str) -> UploadOut:
    upload_id = uploads.keep_file(raw, filename, columns, who)
    with reading() as session:
        number = _found(session, upload_id).id
    for _ in range(3):
        if not uploads.read_batch(number):
            break
    return _shown(upload_id)


@router.get("/{upload_id}", summary="One list", responses=documented(404))
def get_list(upload_id: UUID) -> UploadOut:
    """How far it is read, and what was wrong with its first lines."""
    return _shown(str(upload_id))


@router.get("/{upload_id}/problems", summary="What was wrong with a list", responses=documented(404))
def list_problems(upload_id: UUID, query: Annotated[SkipQuery, Query()]) -> Listed[ProblemOut]:
    """Every line that was left out, in the order of the file, with the reason."""
    with reading() as session:
        upload = _found(session, str(upload_id))
        wanted = select(UploadProblem).where(UploadProblem.upload_id == upload.id).order_by(UploadProblem.line)
        rows = session.scalars(wanted.offset(query.skip).limit(query.limit))
        items = [ProblemOut.model_validate(row, from_attributes=True) for row in rows]
        return Listed[ProblemOut].of(items, upload.duplicates + upload.bad, query.skip, query.limit)


@router.post("/{upload_id}/rows", summary="Add rows to a list", responses=documented(404, 409))
def add_rows(upload_id: UUID, body: RowsIn) -> TakenOut:
    """Adds numbers to a list that is ready. A number that is there adds none, and is named with its first line."""
    given = [row.model_dump() for row in body.rows]
    taken: Taken = editing.committed(partial(uploads.add_rows, upload_id=str(upload_id), given=given))
    return TakenOut(accepted=taken.accepted, problems=[ProblemOut(**one) for one in uploads.lines_of(taken.problems)])


async def _file(request: Request, columns: str | None) -> tuple[bytes, str | None, str | None]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("text/csv", "application/csv", "text/plain", "application/vnd.ms-excel"):
        return await request.body(), None, columns
    if kind != "multipart/form-data":
        raise RefusedError(415, "unsupported-media-type", "Send a CSV file: text/csv, or multipart/form-data with `file`.")
    async with request.form(max_files=1, max_fields=5) as form:
        file, asked = form.get("file"), form.get("columns")
        if file is None or isinstance(file, str):
            wrong = FieldError("file", "is missing")
            raise RefusedError(422, "invalid-fields", "The form is not as it must be.", errors=[wrong])
        return await file.read(), file.filename, asked if isinstance(asked, str) else columns


def _columns(text: str | None) -> dict[str, str | None] | None:
    if not text:
        return None
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or not all(value is None or isinstance(value, str) for value in read.values()):
        wrong = FieldError("columns", 'must be a JSON object such as {"Teléfono": "phone", "Nombre": "nombre"}')
        raise RefusedError(422, "invalid-fields", "The columns are not as they must be.", errors=[wrong])
    return read


async def _in_thread(work: Callable[[], Any]) -> Any:
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(work)


def _found(session: Session, upload_id: str) -> Upload:
    row = session.scalars(select(Upload).where(Upload.uuid == upload_id)).one_or_none()
    if row is None:
        raise RefusedError(404, "no-such-list", "There is no such list.")
    return row


def _shown(upload_id: str) -> UploadOut:
    with reading() as session:
        row = _found(session, upload_id)
        first = select(UploadProblem).where(UploadProblem.upload_id == row.id).order_by(UploadProblem.line).limit(100)
        problems = [ProblemOut.model_validate(one, from_attributes=True) for one in session.scalars(first)]
    done = row.position / row.size_bytes if row.size_bytes else 1.0
    same = {name: getattr(row, name) for name in ("filename", "state", "columns", "accepted", "duplicates", "bad")}
    return UploadOut(
        **same,
        id=row.uuid,
        progress_percentage=100.0 if row.state == "ready" else round(100 * done, 2),
        lines_read=row.line,
        error_message=row.error_message,
        problems=problems,
    )
