"""Where a page of a list ended, as the text that a caller gives back to get the next page. One format for every list."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from shared import clock
from shared.errors import FieldError, RefusedError
from shared.intake.body import UNSTORABLE
from shared.store.limits import LONGEST_ID

LONGEST = 2000  # the longest text by which a list is ordered has 255 letters, which base64 makes 1,360 at most

After = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST),
    Field(json_schema_extra={"pattern": "^[A-Za-z0-9_.:~-]+$"}),  # said, not checked: `place` refuses anything else in words
]
"""The field `after` of a request: what `next` said of the page before, opaque to the caller."""


class Cursor:
    """The cursors of one list in one order: the values by which its rows are ordered, the last of which no two rows share.

    A text is the order's name (where the list has several orders in which a cursor means different places) and the values of
    the last row, with `~` between them. Numbers are digits, moments ISO 8601; texts are base64, so that any letters survive a
    URL.
    """

    def __init__(self, *kinds: type, order: str | None = None) -> None:
        self._kinds = kinds
        self._order = order

    def text(self, *place: Any) -> str:
        """The cursor of a row at `place`."""
        parts = [_written(value) for value in place]
        return "~".join(parts if self._order is None else [self._order, *parts])

    def place(self, text: str) -> tuple[Any, ...]:
        """The values in a cursor.

        Raises:
            RefusedError: 422, it is no cursor of this list in this order.
        """
        parts = text.split("~")
        if self._order is not None and parts.pop(0) != self._order:
            raise _refusal()
        if len(parts) != len(self._kinds):
            raise _refusal()
        return tuple(_read(kind, part) for kind, part in zip(self._kinds, parts, strict=True))


BY_ID = Cursor(int)
"""Of lists that are ordered by their rows' ids alone; upwards and downwards the same text means the same row."""


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
    return str(value)


def _read(kind: type, part: str) -> Any:
    """The value of this kind. What no database could compare with is none: a long number, half a letter, NUL."""
    try:
        if kind is datetime:
            return clock.as_utc(datetime.fromisoformat(part))
        if kind is int and part.isascii() and part.isdecimal() and len(part) <= LONGEST_ID:
            return int(part)
        if kind is str:
            text = base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True).decode()
            if not UNSTORABLE.search(text):
                return text
    except (ValueError, OverflowError, binascii.Error):
        pass
    raise _refusal()


def _refusal() -> RefusedError:
    fault = FieldError("after", "is no cursor of this list in this order; begin with the first page")
    return RefusedError(422, "invalid-fields", "The request has values that are not as they must be.", errors=[fault])
