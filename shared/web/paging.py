"""Lists in pages: bounded, newest first, and still right while rows are being inserted."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session
from starlette.convertors import Convertor, register_url_convertor

from shared import clock
from shared.store.limits import LONGEST_ID
from shared.web.cursor import BY_ID, After

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
COUNTED_TO = 10_000  # a million rows would be counted anew for each page, and nobody reads the number


class IdConvertor(Convertor[int]):
    """`{id:id}` in a path: a number that the databases can hold. Anything else is an address at which there is nothing."""

    regex = f"[0-9]{{1,{LONGEST_ID}}}"

    def convert(self, value: str) -> int:
        """The number."""
        return int(value)

    def to_string(self, value: int) -> str:
        """The number as it stands in a path."""
        return str(value)


register_url_convertor("id", IdConvertor())
RowId = Annotated[int, Path(ge=0, lt=10**LONGEST_ID)]
"""The id of one of our rows, in a path."""


def _written(value: Any) -> Any:
    """Only an ISO 8601 text: a bare number would be read as seconds since 1970, which nobody means."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("must be a date and time in ISO 8601, such as 2026-03-02T09:00:00Z")
    return value


def _utc(value: datetime) -> datetime:
    try:
        return clock.as_utc(value)
    except OverflowError:  # the first or last day of the calendar, moved beyond it by its offset
        edge = datetime.min if value.year == 1 else datetime.max  # noqa: DTZ901  # it gets its time zone here
        return edge.replace(tzinfo=UTC)


Moment = Annotated[datetime, BeforeValidator(_written), AfterValidator(_utc)]
"""A date with any offset, or with none (then it is UTC); held in UTC."""


def text(at_most: int) -> Any:
    """The constraints of a text to filter by. An empty one is refused: a variable left unset is no wish for everything."""
    return StringConstraints(min_length=1, max_length=at_most)


class PageQuery(BaseModel):
    """What every list takes. Unknown parameters are refused: a filter that is misspelt must not be a list of everything."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Most items in one answer.")
    after: After | None = Field(default=None, description="The `next` of the page before; the first page if left out.")
    order: Literal["newest", "oldest"] = Field(default="newest", description="Which rows come first, by when they were made.")


class Page[Item](BaseModel):
    """One page of a list."""

    items: list[Item]
    total: int = Field(description=f"How many match in all, on every page; {COUNTED_TO} means as many or more.")
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


def counted(session: Session, query: Select[Any]) -> int:
    """How many rows `query` finds; no further than COUNTED_TO. Different values are counted by `counted_values`."""
    some = query.with_only_columns(literal(1).label("one"), maintain_column_froms=True).order_by(None).limit(COUNTED_TO)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def counted_values(session: Session, query: Select[Any], column: Any) -> tuple[int, bool]:
    """How many different values `column` has among the rows of `query`, and whether there may be more.

    It looks at COUNTED_TO rows at most, however few values those have.
    """
    some = query.with_only_columns(column.label("one"), maintain_column_froms=True).order_by(None).limit(COUNTED_TO).subquery()
    rows, values = session.execute(select(func.count(), func.count(some.c.one.distinct()))).one()
    return values, rows >= COUNTED_TO


def find[Row](session: Session, query: Select[Row], id_column: Any, page: PageQuery) -> tuple[list[Row], int, str | None]:
    """The rows of one page of `query`, how many there are on all pages, and where the next page begins (None: nowhere).

    Pages follow each other by id and not by counting, so a row that is inserted meanwhile makes no other appear twice or get
    lost.

    Raises:
        RefusedError: 422, `after` is no cursor of a list of ids.
    """
    total = counted(session, query)
    newest = page.order == "newest"
    if page.after is not None:
        (start,) = BY_ID.place(page.after)
        query = query.where(id_column < start if newest else id_column > start)
    query = query.order_by(id_column.desc() if newest else id_column).limit(page.limit + 1)
    rows = list(session.scalars(query))
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return rows, total, BY_ID.text(getattr(rows[-1], id_column.key)) if more else None
