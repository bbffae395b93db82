"""Lists of numbers: kept as parts of a file, read in the background, each row taken or left out with its reason.

A number is one row in whatever spelling; a row that comes again is named with the line of the first. Reading goes on at the
byte behind the last batch, which stands in the row of the list and is committed with the batch: a crash repeats nobody.
"""

import csv
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import batched, islice
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from functions.broadcasts import uploads_read
from functions.broadcasts.tables import Upload, UploadProblem, UploadRow
from functions.broadcasts.uploads_read import PHONE, Layout, Row
from shared import clock, faults, queues
from shared.errors import PermanentError, RefusedError
from shared.phrases import phrase
from shared.readers import UnreadableError, phone
from shared.readers.signs import folded
from shared.settings import get_settings
from shared.store.dialect import held, unclaimed
from shared.store.session import reading, transact

PART_BYTES = 256 * 1024  # a batch reads one part, or two
MOST_BYTES = 96 * 1024 * 1024  # the platform takes 100 MB in one request
MOST_ROWS = 1_000_000
BATCH, SLICE = 1000, 500
BUDGET_SECONDS = 20
READING, READY, FAILED = "reading", "ready", "failed"
DUPLICATE, UNREADABLE = "duplicate", "bad"
AFTER_BATCH = faults.point("broadcasts.after_list_batch")


@dataclass(frozen=True)
class Taken:
    """What became of some rows."""

    accepted: int
    problems: tuple[dict[str, Any], ...]


def keep_file(raw: bytes, filename: str | None, columns: Mapping[str, str | None] | None, actor: str) -> str:
    """Keep a file to be read in the background; the id of its list. Nothing is kept of one that cannot be read.

    Raises:
        RefusedError: 400, its encoding; 413, its size; 422, its columns.
        UnavailableError: the storage account cannot be reached.
    """
    if len(raw) > MOST_BYTES:
        raise RefusedError(413, "too-large", f"A file has at most {MOST_BYTES // 2**20} MiB; send several.")
    parts = range(0, max(len(raw), 1), PART_BYTES)
    encoding = uploads_read.encoding_of(raw[begin : begin + PART_BYTES] for begin in parts)
    region = get_settings().default_phone_region
    layout = uploads_read.layout_of(lambda at: raw[at : at + PART_BYTES], encoding, columns, region)
    upload_id = str(uuid.uuid4())
    for number, begin in enumerate(parts):
        queues.put_blob(_part(upload_id, number), raw[begin : begin + PART_BYTES])
    row = {"uuid": upload_id, "filename": (filename or "")[:255] or None, "size_bytes": len(raw), "blob": _prefix(upload_id)}
    kept = Upload(**row, layout=layout.stored(), columns=list(layout.columns), created_by=actor)
    transact(lambda session: session.add(kept))
    return upload_id


def keep_numbers(session: Session, given: Sequence[Mapping[str, Any]], actor: str) -> tuple[Upload, Taken]:
    """A new list of these rows, each with `phone` and variables."""
    upload = Upload(state=READY, created_by=actor, columns=[PHONE])
    session.add(upload)
    session.flush()
    return upload, add_rows(session, upload.uuid, given)


def add_rows(session: Session, upload_id: str, given: Sequence[Mapping[str, Any]]) -> Taken:
    """Add rows to a list that is there; the same again adds none, and says so.

    Raises:
        RefusedError: 404, there is no such list; 409, its file is still being read.
    """
    upload = session.scalars(held(select(Upload).where(Upload.uuid == upload_id), Upload)).one_or_none()
    if upload is None:
        raise RefusedError(404, "no-such-list", "There is no such list.")
    if upload.state == READING:
        raise RefusedError(409, "list-is-read", "The list's file is still being read; add rows when it is ready.")
    rows = [_posted(upload.line + number, each) for number, each in enumerate(given, start=1)]
    problems = [problem for some in batched(rows, BATCH, strict=False) for problem in _take(session, upload, some)]
    upload.line += len(rows)
    return Taken(len(rows) - len(problems), tuple(problems))


def _posted(line: int, given: Mapping[str, Any]) -> Row:
    values = {name: str(value) for name, value in (given.get("variables") or {}).items() if value not in (None, "")}
    return Row(line, str(given.get(PHONE) or ""), values, 0, line)


def read_all() -> int:
    """Go on reading every list that is not ready; how many rows. A job of every half minute, which may die anywhere."""
    until, done = clock.steady() + BUDGET_SECONDS, 0
    with reading() as session:
        query = select(Upload.id).where(Upload.state == READING).order_by(Upload.id).limit(20)
        upload_ids = session.scalars(query).all()
    for upload_id in upload_ids:
        while clock.steady() < until and (taken := read_batch(upload_id)):
            done += taken
    return done


def read_batch(upload_id: int) -> int:
    """Take the next rows of a list in one transaction; how many. 0: it is ready, or somebody else reads it.

    A file that cannot be read further is `failed` with the reason; what was taken of it stays.
    """
    with reading() as session:
        upload = session.get_one(Upload, upload_id)
        layout, prefix, position, line = Layout.read(upload.layout), upload.blob, upload.position, upload.line
    try:
        rows = list(islice(uploads_read.rows(_source(str(prefix)), layout, position, line), BATCH))
    except (csv.Error, PermanentError) as error:
        transact(partial(_fail, upload_id=upload_id, why=str(error)))
        return 0
    taken = transact(partial(_take_batch, upload_id=upload_id, position=position, rows=rows))
    faults.hit(AFTER_BATCH)
    return taken


def _source(prefix: str) -> uploads_read.Source:
    """The file's bytes from a place on: the rest of the part in which it lies."""

    def read(position: int) -> bytes:
        number, begin = divmod(position, PART_BYTES)
        try:
            return queues.get_blob(f"{prefix}{number:05}")[begin:]
        except PermanentError:
            if position == 0 or begin:  # a part is missing; at the beginning of the next one it is the end of the file
                raise
            return b""

    return read


def _prefix(upload_id: str) -> str:
    return f"{queues.CLAIM_CHECK_CONTAINER}/list-{upload_id}-"


def _part(upload_id: str, number: int) -> str:
    return f"list-{upload_id}-{number:05}"


def _fail(session: Session, upload_id: int, why: str) -> None:
    upload = session.scalars(held(select(Upload).where(Upload.id == upload_id), Upload)).one()
    upload.state, upload.error_message = FAILED, phrase("near line %(line)s: %(reason)s", line=upload.line + 1, reason=why)


def _take_batch(session: Session, upload_id: int, position: int, rows: Sequence[Row]) -> int:
    query = unclaimed(select(Upload).where(Upload.id == upload_id, Upload.state == READING), Upload)
    upload = session.scalars(query).one_or_none()
    if upload is None or upload.position != position:
        return 0  # somebody else was quicker
    if not rows:
        upload.state = READY
        return 0
    if upload.accepted + len(rows) > MOST_ROWS:
        _fail(session, upload_id, phrase("a list has at most %(most)s numbers", most=MOST_ROWS))
        return 0
    _take(session, upload, rows)
    upload.position, upload.line = rows[-1].ends_at, rows[-1].next_line
    return len(rows)


def _take(session: Session, upload: Upload, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Take some rows; the problems of the others, in the order of their lines."""
    numbers, problems = {}, []
    for row in rows:
        try:
            numbers[row.line] = phone.read(row.phone, default=get_settings().default_phone_region, channel="csv").e164
        except UnreadableError as error:
            problems.append(_problem(upload, row, UNREADABLE, f"no number can be read ({error.reason})"))
    first = _first_of_each(session, upload, set(numbers.values()))
    new = []
    for row in rows:
        if (number := numbers.get(row.line)) is None:
            continue
        if (before := first.get(number)) is not None:
            problems.append(_problem(upload, row, DUPLICATE, _same(before, row), before.line))
            continue
        first[number] = row
        values = {"key": number, "phone_number": number, "line": row.line, "variables": dict(row.variables)}
        new.append({"upload_id": upload.id, **values})
    for model, found in ((UploadRow, new), (UploadProblem, problems)):
        if found:
            session.execute(insert(model), found)
    upload.accepted += len(new)
    upload.bad += sum(one["kind"] == UNREADABLE for one in problems)
    upload.duplicates += sum(one["kind"] == DUPLICATE for one in problems)
    return sorted(problems, key=lambda one: int(one["line"]))


def _first_of_each(session: Session, upload: Upload, numbers: set[str]) -> dict[str, Row]:
    """The rows that have these numbers already."""
    found = {}
    for some in batched(sorted(numbers), SLICE, strict=False):
        same = (UploadRow.upload_id == upload.id, UploadRow.key.in_(some))
        for row in session.scalars(select(UploadRow).where(*same)):
            found[row.key] = Row(row.line, row.phone_number, row.variables, 0, row.line)
    return found


def _same(before: Row, row: Row) -> str:
    words = f"the same number as line {before.line}"
    names = [_name(one.variables) for one in (before, row)]
    return f"{words}, under another name" if all(names) and names[0] != names[1] else words


def _name(values: Mapping[str, str]) -> str:
    """The first word of the name in a row; two spellings of a person mostly share it."""
    found = next((value for name, value in values.items() if name.replace("_", "") in uploads_read.NAME_NAMES), "")
    return next(iter(folded(found).split()), "")


def _problem(upload: Upload, row: Row, kind: str, reason: str, same_as: int | None = None) -> dict[str, Any]:
    return {"upload_id": upload.id, "line": row.line, "kind": kind, "reason": reason, "same_as": same_as}


def lines_of(problems: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The problems as they are shown."""
    for one in problems:
        yield {name: one[name] for name in ("line", "kind", "reason", "same_as")}


__all__ = ["add_rows", "keep_file", "keep_numbers", "lines_of", "read_all", "read_batch"]
