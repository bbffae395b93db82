"""Lists of the console: pages of rows that follow each other by id, with the filters in the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared.web.cursor import BY_ID
from shared.web.paging import COUNTED_TO, counted

ROWS = 50


def blank(value: Any) -> Any:
    """An empty field of a form is a filter that is not set."""
    return None if value == "" else value


@dataclass(frozen=True)
class Listed:
    """A page of a list, newest first: its rows, how many there are in all (up to COUNTED_TO), where the next page begins."""

    rows: list[Any]
    total: int
    next: str | None

    @property
    def is_more(self) -> bool:
        """Whether there are more rows than were counted."""
        return self.total >= COUNTED_TO


def page(session: Session, query: Select[Any], id_column: Any, after: str | None, rows: int = ROWS) -> Listed:
    """The rows of `query` that come after a cursor.

    Raises:
        RefusedError: 422, `after` is no cursor.
    """
    total = counted(session, query)
    if after:
        (start,) = BY_ID.place(after)
        query = query.where(id_column < start)
    found = list(session.scalars(query.order_by(id_column.desc()).limit(rows + 1)))
    more = len(found) > rows
    found = found[:rows]
    return Listed(found, total, BY_ID.text(getattr(found[-1], id_column.key)) if more else None)


def address(request: Request, **changes: Any) -> str:
    """The address of this page with other filters: None takes one out. The cursor goes, unless it is what changes.

    An empty filter stays: "any time" is another list than the one of the day that a page shows without it.
    """
    given: Mapping[str, Any] = dict(parse_qsl(request.url.query, keep_blank_values=True)) | {"after": None} | changes
    kept = {name: value for name, value in given.items() if value is not None}
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")
