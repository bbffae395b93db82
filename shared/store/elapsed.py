"""How long something took, worked out by the database, so that a question about many rows is answered with few.

Durations are told as the lower end of a step: a millisecond below a second, and above that 1 % of it or less. So a figure made
from them is right to 1 %, however many rows there are and however they are spread.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, case
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

EXACT_MS = 1000
LONGEST_MS = 99_999_999  # more than a day; nine digits in a row would be masked as a phone number


class _MillisecondsBetween(FunctionElement[int]):
    """Milliseconds from one time to a later one; negative where the order is the other."""

    name = "milliseconds_between"
    type = BigInteger()
    inherit_cache = True


def _on_sqlite(element: _MillisecondsBetween, compiler: SQLCompiler, **more: Any) -> str:
    start, end = (compiler.process(one, **more) for one in element.clauses)
    return f"CAST(ROUND((julianday({end}) - julianday({start})) * 86400000) AS INTEGER)"


def _on_azure(element: _MillisecondsBetween, compiler: SQLCompiler, **more: Any) -> str:
    start, end = (compiler.process(one, **more) for one in element.clauses)
    return f"DATEDIFF_BIG(millisecond, {start}, {end})"


def _on_postgresql(element: _MillisecondsBetween, compiler: SQLCompiler, **more: Any) -> str:
    start, end = (compiler.process(one, **more) for one in element.clauses)
    return f"CAST(ROUND(EXTRACT(EPOCH FROM {end} - {start}) * 1000) AS BIGINT)"


for _dialect, _written in (("sqlite", _on_sqlite), ("mssql", _on_azure), ("postgresql", _on_postgresql)):
    compiles(_MillisecondsBetween, _dialect)(_written)


def step_of(
    start: InstrumentedAttribute[datetime], end: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]
) -> ColumnElement[int]:
    """The step in which the time from `start` to `end` lies, in milliseconds: 0 to `LONGEST_MS`.

    Select it in a subquery and group the outer query by its label: T-SQL takes two expressions with parameters for two.
    """
    taken: Any = _MillisecondsBetween(start, end)
    steps = [(taken < 0, 0), (taken < EXACT_MS, taken)]
    steps += [(taken < EXACT_MS * 10**power, taken - taken % 10**power) for power in range(1, 6)]
    return case(*steps, else_=LONGEST_MS)
