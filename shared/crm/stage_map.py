"""The stage map as a file: `make stages ARGS="export FILE"`, `"diff FILE"`, `"import FILE"`.

The file is CSV (UTF-8) with the columns `manychat_name`, `odoo_stage_id`, `odoo_name`, and holds the whole map: a name that is
not in it is taken out of the map. Names are the same whatever their case, accents and spaces.
"""

import argparse
import csv
import getpass
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.commands import start
from shared.crm import editing, stage_edits
from shared.crm.stages import Stage, stage_key
from shared.errors import PuenteError, RefusedError
from shared.readers import sheet_cells
from shared.store.models import StageMapping
from shared.store.session import reading

COLUMNS = ("manychat_name", "odoo_stage_id", "odoo_name")
LONGEST_NAME, LARGEST_ID = 100, 2**31


@dataclass(frozen=True)
class Difference:
    """What has to be done about one name. `before` and `after` are the rows of the map and of the file, where there are any."""

    what: Literal["add", "change", "remove"]
    before: Stage | None = None
    after: Stage | None = None
    row_id: int | None = None

    def __str__(self) -> str:
        """One line, as `diff` writes it."""
        lines = [f"{sign} {_shown(stage)}" for sign, stage in (("-", self.before), ("+", self.after)) if stage is not None]
        return "\n".join(lines)


def export(session: Session) -> str:
    """The map as the text of a file, ordered by Odoo's number."""
    lines = [",".join(COLUMNS)]
    for _, stage in _rows(session):
        lines.append(_csv_line(stage))
    return "\n".join(lines) + "\n"


def read(text: str) -> list[Stage]:
    """The map in a file's text.

    Raises:
        ValueError: with every line that cannot be taken, and why; also where a name comes twice.
    """
    reader = csv.DictReader(text.removeprefix("\ufeff").splitlines())
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError(f"the first line must be {','.join(COLUMNS)}")
    stages, faults, seen = [], [], dict[str, int]()
    for line, row in enumerate(reader, start=2):
        stage, why = _stage(row)
        if stage is not None and (first := seen.setdefault(stage_key(stage.manychat_name), line)) != line:
            why = f"the same name as in line {first}"
        if why:
            faults.append(f"line {line}: {why}")
        elif stage is not None:
            stages.append(stage)
    if faults or not stages:
        raise ValueError("\n".join(faults) or "the file holds no stage")
    return stages


def differences(session: Session, wanted: Sequence[Stage]) -> list[Difference]:
    """What makes the map that of the file, in the order in which it is to be done: changes, then new names, then the rest."""
    ours = {stage_key(stage.manychat_name): (row_id, stage) for row_id, stage in _rows(session)}
    theirs = {stage_key(stage.manychat_name): stage for stage in wanted}
    both = [(*ours[key], stage) for key, stage in theirs.items() if key in ours]
    changes = [Difference("change", before, after, row_id) for row_id, before, after in both if before != after]
    added = [Difference("add", after=stage) for key, stage in theirs.items() if key not in ours]
    return (
        changes
        + added
        + [Difference("remove", stage, row_id=row_id) for key, (row_id, stage) in ours.items() if key not in theirs]
    )


def bring_in(session: Session, wanted: Sequence[Stage], actor: str) -> list[Difference]:
    """Make the map that of the file, all of it or nothing; what was done. A second run finds nothing to do.

    Opportunities move along where a stage gets another number in Odoo, as with a change over the API.

    Raises:
        RefusedError: 409, a name that is not in the file is the last one of a stage in which opportunities are.
    """
    found = differences(session, wanted)
    for difference in found:
        _carry_out(session, difference, actor)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 1 with the reason. `diff` answers 1 where there are differences, too."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except RefusedError as error:
        sys.stderr.write(f"Nothing was changed. {error.title} {error.detail or ''}\n")
    except (PuenteError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
    return 1


def _run(options: argparse.Namespace) -> int:
    if options.deed == "export":
        with reading() as session:
            text = export(session)
        if options.file is None:
            sys.stdout.write(text)
        else:
            options.file.write_text(text, encoding="utf-8")
        return 0
    wanted = read(options.file.read_text(encoding="utf-8"))
    if options.deed == "diff":
        with reading() as session:
            found = differences(session, wanted)
    else:
        found = editing.committed(partial(bring_in, wanted=wanted, actor=options.actor))
    sys.stdout.write("".join(f"{difference}\n" for difference in found) or "The map is that of the file.\n")
    return int(options.deed == "diff" and bool(found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.crm.stage_map", description="The stage map as a CSV file.")
    deeds = parser.add_subparsers(dest="deed", required=True)
    deeds.add_parser("export", help="write the map").add_argument("file", type=Path, nargs="?", help="default: print it")
    deeds.add_parser("diff", help="say what an import would change").add_argument("file", type=Path)
    bring = deeds.add_parser("import", help="make the map that of the file")
    bring.add_argument("file", type=Path)
    bring.add_argument("--actor", default=getpass.getuser(), help="who does this, for the action log")
    return parser


def _rows(session: Session) -> Iterator[tuple[int, Stage]]:
    query = select(StageMapping).order_by(StageMapping.odoo_stage_id, StageMapping.id)
    for row in session.scalars(query).all():
        yield row.id, Stage(row.manychat_name, row.odoo_stage_id, row.odoo_name)


def _carry_out(session: Session, difference: Difference, actor: str) -> None:
    if difference.row_id is not None and difference.after is None:
        stage_edits.delete(session, difference.row_id, actor, editing.unguarded)
    elif difference.row_id is not None and difference.after is not None:
        stage_edits.change(session, difference.row_id, difference.after._asdict(), actor, editing.unguarded)
    elif difference.after is not None:
        stage_edits.create(session, difference.after._asdict(), actor)
    session.flush()


def _stage(row: dict[str, str | None]) -> tuple[Stage | None, str]:
    """The stage of a line, or None; and what is wrong with it."""
    manychat, number, odoo = (sheet_cells.read((row.get(name) or "").strip()) for name in COLUMNS)
    if None in row:
        return None, "more than three columns"
    if not (0 < len(manychat) <= LONGEST_NAME and 0 < len(odoo) <= LONGEST_NAME and stage_key(manychat)):
        return None, f"each name must have 1 to {LONGEST_NAME} characters"
    if not (number.isascii() and number.isdecimal() and 0 < int(number) < LARGEST_ID):
        return None, "odoo_stage_id must be Odoo's number of the stage"
    return Stage(manychat, int(number), odoo), ""


def _csv_line(stage: Stage) -> str:
    return ",".join(_quoted(sheet_cells.written(str(value))) for value in stage)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n\r') else text


def _shown(stage: Stage) -> str:
    return f"{stage.manychat_name} = {stage.odoo_stage_id} {stage.odoo_name}"


if __name__ == "__main__":
    start()
    sys.exit(main())
