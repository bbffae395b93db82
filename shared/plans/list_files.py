"""The lists that people keep as files, CSV or JSON: written, read with every bad line named, and held against the record.

CSV is UTF-8 with the columns' names in the first line; an empty field says nothing. JSON is a list of objects with the same
names. A file holds the whole list: what is not in it is taken out. Rows are the same by their `key`, whatever their spelling.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm import list_versions
from shared.crm.list_versions import ADVISORS, CHANNELS, KEPT, STAGES, Row
from shared.crm.people import channel_key
from shared.crm.stages import DEFAULT_STAGES, stage_key
from shared.errors import FieldError, RefusedError
from shared.phrases import counted_phrase
from shared.readers import sheet_cells
from shared.store.models import Base
from shared.web.advisors import NewAdvisor
from shared.web.channels import ChannelIn
from shared.web.stages import StageIn

MOST_ROWS = 2000
MOST_FAULTS = 100
NUMBERS = frozenset(("id", "odoo_stage_id", "odoo_user_id"))
FLAGS = frozenset(("is_active",))
YES, NO = frozenset(("true", "yes", "1", "sí", "si")), frozenset(("false", "no", "0"))

type Key = Callable[[Row], str]


@dataclass(frozen=True)
class KeptList:
    """A list: its table, the columns of its file, how a row is read, and by what two rows are one.

    `file` is what the list is by default, as it stands in the repository; None: it is empty.
    """

    name: str
    read: type[BaseModel]
    key: Key
    file: Sequence[Row] | None = None

    @property
    def model(self) -> type[Base]:
        """Its table."""
        return KEPT[self.name][0]

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of its file."""
        return KEPT[self.name][1]


def _advisor_key(row: Row) -> str:
    return f"id:{row['id']}" if row.get("id") else f"name:{str(row['name']).strip().casefold()}"


LISTS: Mapping[str, KeptList] = MappingProxyType(
    {
        STAGES: KeptList(
            STAGES, StageIn, lambda row: stage_key(row["manychat_name"]), [stage._asdict() for stage in DEFAULT_STAGES]
        ),
        ADVISORS: KeptList(ADVISORS, NewAdvisor, _advisor_key),
        CHANNELS: KeptList(CHANNELS, ChannelIn, lambda row: channel_key(row["name"])),
    }
)


def named(name: str) -> KeptList:
    """The list of that name. Raises RefusedError, 404."""
    if name not in LISTS:
        raise RefusedError(404, "no-such-list", f"There is no list {name[:40]!r}.")
    return LISTS[name]


def as_csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A list as the text of a file. What a spreadsheet would take for a formula is written with a quote before it."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return written.getvalue()


def as_json(rows: Sequence[Row]) -> str:
    """The same as JSON."""
    return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return sheet_cells.written(str(value))


def parsed(text: str, columns: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a file with their lines (of JSON: their places), not checked any further.

    Raises:
        RefusedError: 422, it is neither CSV with these columns nor a JSON list of objects, or it is too long.
    """
    plain = text.removeprefix("\ufeff").strip()
    rows = _of_json(plain) if plain.startswith(("[", "{")) else _of_csv(plain, columns)
    if not rows:
        raise bad_file([FieldError("file", "it holds no row")])
    if len(rows) > MOST_ROWS:
        raise bad_file([FieldError("file", f"it holds more than {MOST_ROWS} rows")])
    return rows


def _of_json(text: str) -> list[tuple[int, dict[str, Any]]]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad_file([FieldError("file", f"it is no JSON: {error}"[:200])]) from error
    if not isinstance(read, list) or not all(isinstance(row, dict) for row in read):
        raise bad_file([FieldError("file", "it must be a list of objects")])
    return list(enumerate(read, start=1))


def _of_csv(text: str, columns: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        unknown = [name for name in reader.fieldnames or () if name not in columns]
        if unknown or not reader.fieldnames:
            raise bad_file([FieldError("line 1", f"the first line must hold names of {', '.join(columns)}")])
        return [(reader.line_num, _converted(row)) for row in reader]
    except csv.Error as error:
        raise bad_file([FieldError(f"line {reader.line_num}", str(error))]) from error


def _converted(row: Mapping[str | None, Any]) -> dict[str, Any]:
    """The fields of a line as JSON would have them; what cannot be converted stays, and is refused by whoever reads it."""
    if None in row:
        return {"": row[None]}
    given = {str(name): value.strip() for name, value in row.items() if value}
    return {name: value_of(name, sheet_cells.read(value)) for name, value in given.items() if value}


def value_of(name: str, text: str) -> Any:
    """A field of a file or a form as JSON would have it."""
    plain = text.strip()
    if name in NUMBERS and plain.isascii() and plain.isdecimal():
        return int(plain)
    if name in FLAGS and plain.casefold() in YES | NO:
        return plain.casefold() in YES
    return plain


def read(kept: KeptList, text: str) -> list[Row]:
    """The list in a file.

    Raises:
        RefusedError: 422 with every bad line and what is wrong with it; also where a row comes twice.
    """
    rows, wrong, seen = list[Row](), list[FieldError](), dict[str, int]()
    for line, given in parsed(text, kept.columns):
        try:
            row = checked(kept, given)
        except ValidationError as error:
            wrong += faults(line, error)
            continue
        if (first := seen.setdefault(kept.key(row), line)) != line:
            wrong.append(FieldError(f"line {line}", f"the same as in line {first}"))
        rows.append(row)
    if wrong:
        raise bad_file(wrong)
    return rows


def checked(kept: KeptList, given: Mapping[str, Any]) -> Row:
    """A row as the list keeps it. Raises ValidationError."""
    values = kept.read.model_validate(dict(given)).model_dump()
    if "is_active" in kept.columns and "is_active" not in given:
        values["is_active"] = True
    return {column: values.get(column) for column in kept.columns}


def faults(line: int, error: ValidationError) -> Iterator[FieldError]:
    """What is wrong with a line; 0 is a form, whose fields are named alone."""
    for fault in error.errors():
        where = str(fault["loc"][-1])[:40] if fault["loc"] else ""
        text = f"{where}: {fault['msg']}"[:200]
        yield FieldError(f"line {line}", text) if line else FieldError(where, str(fault["msg"]))


def bad_file(wrong: Sequence[FieldError]) -> RefusedError:
    """The refusal of a file, with what is wrong with its lines."""
    left = len(wrong) - MOST_FAULTS
    more = counted_phrase("and %(count)s more", "and %(count)s more", left) if left > 0 else ""
    return RefusedError(422, "bad-file", BAD_FILE, detail=more, errors=wrong[:MOST_FAULTS])


BAD_FILE = "The file cannot be taken; nothing was changed."


def differences(session: Session, kept: KeptList, wanted: Sequence[Row]) -> list[dict[str, Any]]:
    """What makes the list that of a file, in the order in which it is to be done: changes, new rows, then those that go.

    Each is `{"id", "before", "after"}`: the number of our row, as it is and as it is to be; None where there is none.
    """
    ours = _ours(session, kept)
    theirs = {_matching(kept, ours, row): row for row in wanted}
    both = [(ours[key], row) for key, row in theirs.items() if key in ours]
    changed = [{"id": mine["id"], "before": mine["row"], "after": row} for mine, row in both if _differ(kept, mine["row"], row)]
    added = [{"id": None, "before": None, "after": row} for key, row in theirs.items() if key not in ours]
    gone = [{"id": mine["id"], "before": mine["row"], "after": None} for key, mine in ours.items() if key not in theirs]
    return changed + added + gone


def _matching(kept: KeptList, ours: Mapping[str, Mapping[str, Any]], row: Row) -> str:
    """The key of our row that a file's row means: an advisor without a number is the first one of that name."""
    key = kept.key(row)
    if key in ours or "id" not in kept.columns or row.get("id"):
        return key
    alike = (mine for mine, found in ours.items() if kept.key({**found["row"], "id": None}) == key)
    return next(alike, key)


def _differ(kept: KeptList, mine: Row, theirs: Row) -> bool:
    """Whether a file's row says something else about the same thing."""
    return any(mine[column] != theirs[column] for column in kept.columns if column != "id")


def _ours(session: Session, kept: KeptList) -> dict[str, dict[str, Any]]:
    table: Any = kept.model
    numbers = session.scalars(select(table.id).order_by(table.id)).all()
    rows = list_versions.rows(session, kept.name)
    found: dict[str, dict[str, Any]] = {}
    for number, row in zip(numbers, rows, strict=True):
        mine = {"id": number, "row": row}
        found[kept.key(row)] = mine
    return found
