"""How our values are written for Odoo."""

import html
import re
from datetime import UTC, date, datetime
from typing import Any

from shared import clock
from shared.errors import PermanentError

type Cell = str | int | float | bool

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def to_html(text: str) -> str:
    """Plain text as HTML that shows the same: markup is escaped, line ends become `<br>`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "<br>".join(html.escape(line, quote=False) for line in lines)


def to_datetime(moment: datetime) -> str:
    """`moment` as Odoo wants it: UTC, to the second, no offset. A moment without an offset is UTC."""
    return clock.as_utc(moment).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")


def from_datetime(text: str) -> datetime:
    """The aware UTC moment of Odoo's `YYYY-MM-DD HH:MM:SS`."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def to_date(day: date) -> str:
    """`day` as `YYYY-MM-DD`; of a datetime, its day in UTC."""
    return (clock.as_utc(day).date() if isinstance(day, datetime) else day).isoformat()


def refuse_unstorable(value: Any) -> None:
    """Make sure that PostgreSQL can store all text in `value`, looking into lists and mappings.

    Raises:
        PermanentError: `odoo-unstorable-text`, for a NUL or half of a surrogate pair, on which Odoo answers an error 500.
    """
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise PermanentError("odoo-unstorable-text", "Odoo cannot store text with a NUL or half of a surrogate pair")
    elif isinstance(value, dict):
        for key, item in value.items():
            refuse_unstorable(key)
            refuse_unstorable(item)
    elif isinstance(value, list | tuple):
        for item in value:
            refuse_unstorable(item)
