"""ETag and If-Match (RFC 9110): nobody overwrites what somebody else has changed meanwhile.

An entity tag stands for the values that people can change, and for nothing else: what the sync to Odoo writes on the row does
not spoil a change that is being made.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Header, Response

from shared.errors import RefusedError

IfMatch = Annotated[
    str | None,
    Header(max_length=1000, description="The ETag of the version that is to be changed; 412 if it is another one by now."),
]
ETAG_HEADER = {
    "ETag": {"description": "Stands for the values that can be changed; give it as If-Match.", "schema": {"type": "string"}}
}
LOCATION_HEADER = {"Location": {"description": "The address of the new row.", "schema": {"type": "string"}}}
ONE: dict[int | str, dict[str, Any]] = {200: {"headers": ETAG_HEADER}}
MADE: dict[int | str, dict[str, Any]] = {201: {"headers": ETAG_HEADER | LOCATION_HEADER}}


def etag(row: Any, names: Iterable[str]) -> str:
    """The entity tag of a row for these of its values."""
    values = {name: _plain(getattr(row, name)) for name in sorted(names)}
    return f'"{hashlib.sha256(json.dumps([row.id, values]).encode()).hexdigest()[:32]}"'


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def guard(if_match: str | None, names: Iterable[str]) -> Callable[[Any], None]:
    """A check that the row is still the one that `if_match` stands for (`*`: whichever it is; None: no matter).

    The check raises RefusedError 412. Weak tags never match, as RFC 9110 has it.
    """

    def check(row: Any) -> None:
        if if_match is None or if_match.strip() == "*":
            return
        if etag(row, names) not in (tag.strip() for tag in if_match.split(",")):
            title = "The row has been changed since; read it again and decide anew."
            raise RefusedError(412, "changed-meanwhile", title)

    return check


def tag(response: Response, row: Any, names: Iterable[str], location: str | None = None) -> None:
    """Put the entity tag, and the address of a new row, on an answer."""
    response.headers["ETag"] = etag(row, names)
    if location is not None:
        response.headers["Location"] = location
