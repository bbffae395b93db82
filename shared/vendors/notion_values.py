"""Property values of Notion's pages: ours into theirs, theirs into ours."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from shared import clock
from shared.errors import PermanentError

LONGEST_PIECE = 2000
MOST_PIECES = 100
# Of an e-mail address and of a phone number; of a link (developers.notion.com/reference/request-limits).
LONGEST_SHORT, LONGEST_URL = 200, 2000
LONGEST_NAME = 100  # of a choice
CUT = "…"

_MEMBERS = {"select": "name", "status": "name", "date": "start"}

type Property = dict[str, Any]


def title(text: str) -> Property:
    """The title property, in as many pieces as its length needs."""
    return {"title": _pieces(text)}


def rich_text(text: str) -> Property:
    """A text property. Raises PermanentError `notion-text-too-long` beyond 100 pieces of 2000 characters."""
    return {"rich_text": _pieces(text)}


def number(value: float | None) -> Property:
    """A number; None clears it."""
    return {"number": value}


def checkbox(value: bool) -> Property:  # noqa: FBT001  # the value is the whole call
    """A check mark."""
    return {"checkbox": value}


def select(name: str | None) -> Property:
    """One choice by its name; None or "" clears it. Notion adds a choice that it does not know, and takes no commas."""
    return {"select": _choice(name) if name else None}


def status(name: str | None) -> Property:
    """A status by its name, which must exist; None or "" clears it."""
    return {"status": {"name": name} if name else None}


def multi_select(names: Sequence[str]) -> Property:
    """Several choices, in place of those there were."""
    return {"multi_select": [_choice(name) for name in names]}


def moment(start: datetime | date | None, end: datetime | date | None = None) -> Property:
    """A date, or an instant in UTC; with `end` a span; None clears it."""
    if start is None:
        return {"date": None}
    return {"date": {"start": _iso(start)} | ({"end": _iso(end)} if end else {})}


def email(address: str | None) -> Property:
    """An e-mail address, cut with a mark after 200 characters; None or "" clears it."""
    return {"email": shortened(address or "", LONGEST_SHORT) or None}


def phone(text: str | None) -> Property:
    """A phone number as text, cut with a mark after 200 characters; None or "" clears it."""
    return {"phone_number": shortened(text or "", LONGEST_SHORT) or None}


def url(text: str | None) -> Property:
    """A link, cut with a mark after 2,000 characters; None or "" clears it."""
    return {"url": shortened(text or "", LONGEST_URL) or None}


def relation(page_ids: Sequence[str]) -> Property:
    """Links to other pages, in place of those there were."""
    return {"relation": [{"id": page_id} for page_id in page_ids]}


def read(value: Mapping[str, Any]) -> Any:
    """What a property of a page says, as a plain value, whatever its type.

    Texts as str (pieces joined), numbers, bool; choices by name (a list for multi_select); the start of a date as its ISO text;
    page ids of a relation and names of people as a list; a formula's or rollup's result. None where it is empty or unknown.
    """
    kind = str(value.get("type") or next((name for name in value if name != "id"), ""))
    content = value.get(kind)
    if kind in ("title", "rich_text"):
        return plain_text(content or [])
    if kind in _MEMBERS:
        return (content or {}).get(_MEMBERS[kind])
    if kind == "unique_id":
        parts = (content or {}).get("prefix"), (content or {}).get("number")
        return "-".join(str(part) for part in parts if part is not None)
    if kind in ("formula", "rollup"):
        return read(content or {})
    return [_item(item) for item in content] if isinstance(content, list) else _scalar(content)


def plain_text(pieces: Sequence[Mapping[str, Any]]) -> str:
    """The pieces of a text, joined without anything between them."""
    return "".join(str(piece.get("plain_text", (piece.get("text") or {}).get("content", ""))) for piece in pieces)


def shortened(text: str, limit: int) -> str:
    """`text` where Notion takes it, else as much of it as fits, with a mark that it goes on. Notion counts as JavaScript does.

    One property that is too long would cost the whole page.
    """
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * limit:
        return text
    return units[: 2 * (limit - len(CUT))].decode("utf-16-le", "ignore") + CUT


def _scalar(content: Any) -> Any:
    return content if isinstance(content, str | int | float | bool) else None


def _item(item: Mapping[str, Any]) -> Any:
    return read(item) if "type" in item else item.get("name", item.get("id"))


def _choice(name: str) -> Property:
    return {"name": shortened(name.replace(",", " "), LONGEST_NAME)}


def _iso(value: datetime | date) -> str:
    return clock.as_utc(value).isoformat() if isinstance(value, datetime) else value.isoformat()


def _pieces(text: str) -> list[Property]:
    pieces = [{"type": "text", "text": {"content": piece}} for piece in _cut(text)]
    if len(pieces) > MOST_PIECES:
        raise PermanentError("notion-text-too-long", f"a text of {len(text)} characters does not fit into a property of Notion")
    return pieces


def _cut(text: str) -> Iterator[str]:
    """`text` in pieces of up to 2000 characters, as JavaScript counts them (two for an emoji)."""
    start = units = 0
    for index, character in enumerate(text):
        size = 2 if ord(character) > 0xFFFF else 1  # noqa: PLR2004  # beyond this UTF-16 needs two units
        if units + size > LONGEST_PIECE:
            yield text[start:index]
            start, units = index, 0
        units += size
    if start < len(text):
        yield text[start:]
