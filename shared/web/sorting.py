"""Lists in an order of the caller's choice, in pages that stay right while rows are inserted.

A page ends at a row, and the next one begins behind that row's value and number (keyset); nothing is counted off. The cursor
holds both and is opaque to the caller. A row whose value changes between two pages may be seen twice or not at all: it
has moved.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self, cast

from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, Select, and_, func, or_, true
from sqlalchemy.orm import Session

from shared.store import search
from shared.store.types import UtcDateTime
from shared.web.cursor import After, Cursor
from shared.web.paging import PageQuery, counted

LONGEST_SEARCH = 100
WORDS_SEARCHED = 6


class SortedQuery(PageQuery):
    """What a list takes that can be sorted. Subclasses narrow `sort` down to the names that they know."""

    after: After | None = Field(
        default=None, description="The `next` of the page before; the first page if left out. Goes with the same `sort` only."
    )
    sort: str | None = Field(
        default=None, description="A field, with a minus for the largest first; by `order` if left out. Not together with it."
    )

    @model_validator(mode="after")
    def _one_order(self) -> Self:
        if self.sort is not None and "order" in self.model_fields_set:
            raise ValueError("sort and order exclude each other")
        return self

    @property
    def by(self) -> str:
        """The field to sort by, `id` included, with a minus for the largest first."""
        return self.sort or ("-id" if self.order == "newest" else "id")


def find_sorted[Row](
    session: Session, query: Select[Row], columns: Mapping[str, Any], page: SortedQuery
) -> tuple[list[Row], int, str | None]:
    """The rows of one page of `query`, how many there are on all pages, and where the next page begins (None: nowhere).

    `columns` are those by which the list may be sorted, none of which is ever NULL, and `id`.

    Raises:
        RefusedError: 422, `after` is no cursor of this list in this order.
    """
    total = counted(session, query)
    name, largest_first = page.by.removeprefix("-"), page.by.startswith("-")
    column, number = columns[name], columns["id"]
    cursor = Cursor(_kind(column), int, order=page.by)
    if page.after is not None:
        query = query.where(_behind(column, number, *cursor.place(page.after), largest_first=largest_first))
    order = [number] if name == "id" else [column, number]
    query = query.order_by(*(each.desc() if largest_first else each for each in order)).limit(page.limit + 1)
    rows = list(session.scalars(query))
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return rows, total, cursor.text(getattr(rows[-1], column.key), getattr(rows[-1], number.key)) if more else None


def _behind(column: Any, number: Any, value: Any, row_id: int, *, largest_first: bool) -> ColumnElement[bool]:
    """Rows behind (value, row_id). Said in a way that makes a database seek in an index over both columns."""
    at_or_behind = column <= value if largest_first else column >= value
    strictly = column < value if largest_first else column > value
    behind = number < row_id if largest_first else number > row_id
    return and_(at_or_behind, or_(strictly, behind))


def _kind(column: Any) -> type:
    """The Python type of a column's values."""
    return datetime if isinstance(column.type, UtcDateTime) else cast("type", column.type.python_type)


def having_words(column: Any, text: str) -> ColumnElement[bool]:
    """Each word of `text` is somewhere in `column`, which holds plain text; the digits of a phone count as one word."""
    digits = _phone_digits(text)
    words = [digits] if digits else search.plain(text).split()[:WORDS_SEARCHED]
    return and_(true(), *(column.like(search.pattern(word), escape="\\") for word in words))


def containing(text: str, *columns: Any, phone: Any = None) -> ColumnElement[bool]:
    """`text` is somewhere in one of `columns`, whatever the case; or its digits in `phone`, if it may be a number."""
    choices = [func.lower(column).like(search.pattern(text.lower()), escape="\\") for column in columns]
    digits = _phone_digits(text)
    if phone is not None and digits:
        choices.append(phone.like(search.pattern(digits)))
    return or_(*choices)


def _phone_digits(text: str) -> str:
    """The digits of what may be a phone number; nothing of what holds letters."""
    return "" if any(c.isalpha() for c in text) else re.sub("[^0-9]", "", text)
