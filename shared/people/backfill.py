"""Take in the people of rows that were stored before anything noted who they are: `python -m shared.people`.

Each flow declares its tables in `people`. A run may be stopped and repeated: what is known already is left as it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from shared import flows
from shared.store.session import transact

ROWS_AT_ONCE = 100  # of one transaction, so that the webhooks wait for none of them long


@dataclass(frozen=True)
class Source:
    """A table of people: `observe` notes by which identities a row's person is known, and bears to be called again."""

    name: str
    table: type[Any]
    observe: Callable[[Session, Any], int | None]


def sources() -> tuple[Source, ...]:
    """Those of every flow."""
    return tuple(flows.parts("people"))


def run(source: Source, engine: Engine | None = None) -> Iterator[int]:
    """Take in a whole table in the order of its ids; yields after each transaction how many rows it has looked at."""
    last, seen = 0, 0
    while True:
        looked_at, last = transact(lambda session, after=last: _page(session, source, after), engine)  # type: ignore[misc]
        if not looked_at:
            return
        seen += looked_at
        yield seen


def _page(session: Session, source: Source, after: int) -> tuple[int, int]:
    """How many rows there were behind the id `after`, and the last one's id."""
    query = select(source.table).where(source.table.id > after).order_by(source.table.id).limit(ROWS_AT_ONCE)
    rows = session.scalars(query).all()
    for row in rows:
        source.observe(session, row)
    return len(rows), rows[-1].id if rows else after
