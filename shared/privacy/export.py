"""Everything that is held about a person, as JSON: what they may ask for (subject access).

It is read from the same declarations as an erasure (`shared.privacy.holdings`), so a new flow cannot be left out.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from shared import clock, flows
from shared.privacy import people
from shared.privacy.holdings import Holding, holdings
from shared.privacy.person import Person, known


def everything(session: Session, asked: Person) -> dict[str, Any]:
    """Every row about a person by table, in the order of their keys; what flows add (`exported`); who may be the same.

    Raises:
        FlowError: a table is spoken for by nobody.
    """
    who = known(session, asked)
    tables = {holding.table.__tablename__: _rows(session, holding, who) for holding in reversed(holdings())}
    further = (data.exported(session, who) for data in flows.parts("privacy") if data.exported is not None)
    found = tables | {name: rows for parts in further for name, rows in parts.items()}
    return {
        "exported_at": plain(clock.now()),
        "held": {name: rows for name, rows in found.items() if rows},
        "probably_the_same": people.probably_the_same(session, who),
    }


def _rows(session: Session, holding: Holding, who: Person) -> list[dict[str, Any]]:
    mapper = inspect(holding.table)
    query = select(holding.table).where(holding.anywhere(who)).order_by(*mapper.primary_key)
    names = [column.key for column in mapper.column_attrs]
    return [{name: plain(getattr(row, name)) for name in names} for row in session.scalars(query).unique()]


def plain(value: Any) -> Any:
    """A value as JSON has it: times in UTC with a Z, amounts as texts."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, Decimal) else value
