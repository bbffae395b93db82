"""Running an importer: rows are read as a stream and applied in batches, each one transaction; a bad row costs only itself.

A second run changes nothing, so a run that has died is begun again with the same command.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import batched
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import faults, logs
from shared.errors import PermanentError
from shared.importer.frame import Change, Importer, Options, Problem, Row, Run, Summary, Unreadable
from shared.intake import lenient
from shared.store.session import rehearse, transact

AFTER_BATCH = faults.point("importer.after_batch")


class _Read(NamedTuple):
    """A row that could be read, with its place in the source, counted from 1."""

    line: int
    row: BaseModel


class _Applied(NamedTuple):
    """What a batch has come to."""

    changes: Sequence[Change]
    refused: Sequence[tuple[_Read, str]]


class _RefusedRowError(Exception):
    """A row of the batch is refused: the batch is applied again, so that the row leaves nothing behind."""


class Move:
    """One run of an importer over the kinds of its source. In a dry run all is done and rolled back, batch by batch."""

    def __init__(self, importer: Importer, options: Options) -> None:
        self._importer, self._options = importer, options
        self._source, self._run = importer.open(options), importer.begin(options)

    def kind(self, kind: str, after: int = 0) -> Iterator[tuple[Summary, list[Problem]]]:
        """Import one kind; after each batch, the summary so far and the problems of that batch.

        Rows up to the line `after` are read and passed over: an earlier run has applied them.
        """
        summary = Summary(kind)
        rows = enumerate(self._source.rows(kind), start=1)
        for batch in batched(rows, self._importer.rows_at_once, strict=False):
            problems: list[Problem] = []
            readable = list(_checked(kind, self._importer.kinds[kind], batch, self._run, problems))
            wanted = [one for one in readable if one.line > after]
            self._apply(summary, wanted, problems)
            summary.read += len(batch)
            summary.passed += sum(line <= after for line, _raw in batch)
            problems = [problem for problem in problems if problem.line > after]
            summary.problems += len(problems)
            faults.hit(AFTER_BATCH)
            yield summary, problems

    def _apply(self, summary: Summary, rows: Sequence[_Read], problems: list[Problem]) -> None:
        """Apply a batch in one transaction; where a row of it is refused once more, with each row in a savepoint of its own."""
        if not rows:
            return
        run = rehearse if self._options.dry_run else transact
        try:
            changes, refused = run(partial(_together, self._run, rows))
        except (_RefusedRowError, IntegrityError):
            changes, refused = run(partial(_one_by_one, self._run, rows))
        summary.created += sum(change is Change.NEW for change in changes)
        summary.changed += sum(change is Change.CHANGED for change in changes)
        problems += [_problem(summary.kind, one.line, self._run.name_of(one.row), why) for one, why in refused]


def _together(run: Run, rows: Sequence[_Read], session: Session) -> _Applied:
    try:
        changes = [run.apply(session, one.row) for one in rows]
        session.flush()
    except PermanentError as error:
        raise _RefusedRowError from error
    return _Applied(changes, ())


def _one_by_one(run: Run, rows: Sequence[_Read], session: Session) -> _Applied:
    changes, refused = [], []
    for one in rows:
        try:
            with session.begin_nested():
                changes.append(run.apply(session, one.row))
        except PermanentError as error:
            refused.append((one, str(error)))
        except IntegrityError as error:
            refused.append((one, f"the database refuses it: {str(error.orig).splitlines()[0]}"))
    return _Applied(changes, refused)


def _checked(
    kind: str, model: type[BaseModel], batch: Iterable[tuple[int, Row]], run: Run, problems: list[Problem]
) -> Iterator[_Read]:
    """The rows that can be read; what cannot be read of them, or of others, goes to the problems."""
    for line, raw in batch:
        if isinstance(raw, Unreadable):
            problems.append(_problem(kind, line, "", raw.why))
            continue
        try:
            row, left_out = lenient.read(model, dict(raw))
        except ValidationError as error:
            why = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            problems.append(_problem(kind, line, _id_of(raw), why))
            continue
        for fault in left_out:
            why = f"{fault.field}: {fault.reason}; the row is taken without it"
            problems.append(_problem(kind, line, run.name_of(row), why))
        run.remember(row)
        yield _Read(line, row)


def _id_of(raw: Any) -> str:
    return str(raw.get("manychat_id") or raw.get("id") or "")


def _problem(kind: str, line: int, what: str, why: str) -> Problem:
    """Addresses and numbers that stand in a reason are masked: the file is sent around."""
    return Problem(kind, line, logs.one_line(what), logs.one_line(logs.mask(why)))
