"""What Azure SQL would be sent, and two grammars of T-SQL that must both take it: no server is at hand in the checks.

sqlglot alone takes too much: `lifted IS 0` passed it, which a real server refuses. sqlfluff refuses that, but needs a tenth of
a second for a statement, so it reads each shape of a statement once in a run: the text without how many values a list holds,
and, of a list of plain columns, without those that it has read before.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import sqlglot
from sqlalchemy import event
from sqlalchemy.dialects import mssql
from sqlalchemy.orm import ORMExecuteState, Session
from sqlfluff.core import FluffConfig, Linter

_DIALECT = mssql.dialect(paramstyle="qmark")
_TEXT = re.compile(r"('(?:[^']|'')*')")
_IS_A_BIT = re.compile(r"\bIS (NOT )?[01]\b", re.IGNORECASE)
_LIST_OF_VALUES = re.compile(r"\(\?(, \?)+\)")
_COLUMN = re.compile(r"\w+\.\[?\w+\]? AS \w+, ")
_COLUMNS = re.compile(rf"(?<=SELECT )((?:{_COLUMN.pattern})+)")  # another column, which stays, stands behind them
_read: set[str] = set()  # columns of statements that were taken
_NO_RESERVED_WORDS = re.compile(r"(?<!\[)\bdefinition\b(?!\])")  # sqlfluff reserves it, the server does not


def compiled(statement: Any) -> str:
    """The text of `statement` for Azure SQL, with `?` for each value, as pyodbc sends it."""
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))


@contextmanager
def recorded(*, inserts: bool = False) -> Iterator[list[Any]]:
    """What sessions execute meanwhile. INSERTs stand in `dialect.py` in one version for each database, so they are left out."""
    found: list[Any] = []

    def note(state: ORMExecuteState) -> None:
        if inserts or not state.is_insert:
            has_values = isinstance(state.parameters, dict) and state.is_select
            found.append(state.statement.params(state.parameters) if has_values else state.statement)

    event.listen(Session, "do_orm_execute", note)
    try:
        yield found
    finally:
        event.remove(Session, "do_orm_execute", note)


def check(text: str) -> None:
    """Fail unless `text` is one or more statements that Azure SQL takes, as far as two grammars can say."""
    assert sqlglot.parse(text, read="tsql", error_level=sqlglot.ErrorLevel.RAISE), text
    code = "".join(_TEXT.split(text)[::2])
    assert not _IS_A_BIT.search(code), f"a bit is compared by =, not by IS: {text}"
    assert " LIMIT " not in code, text
    assert (found := _complaints(_LIST_OF_VALUES.sub("(?)", text))) == [], f"{found}\n{text}"


@cache
def _complaints(shape: str) -> list[str]:
    """What sqlfluff does not understand of a statement; nothing where all of it is T-SQL."""
    parts = _TEXT.split(shape)
    columns = {one for part in parts[::2] for run in _COLUMNS.findall(part) for one in _COLUMN.findall(run)}
    parts[::2] = [_COLUMNS.sub(_unread, part) for part in parts[::2]]
    parts[::2] = [_NO_RESERVED_WORDS.sub("[definition]", part).replace("?", "@value") for part in parts[::2]]
    found = [str(one) for one in _linter().parse_string("".join(parts)).violations]
    if not found:
        _read.update(columns)
    return found


def _unread(run: re.Match[str]) -> str:
    return "".join(one for one in _COLUMN.findall(run[0]) if one not in _read)


@cache
def _linter() -> Linter:
    return Linter(config=FluffConfig(overrides={"dialect": "tsql"}))
