"""The files of a ticket: the original as it was sent, and its pages as JPEG. They lie in blobs named by the ticket."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from functions.tickets import pictures
from functions.tickets.settings import TicketSettings
from shared import kept_files
from shared.errors import PermanentError
from shared.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from functions.tickets.tables import Ticket


def keep(ticket: Ticket, data: bytes) -> dict[str, Any]:
    """Keep a file and its pages, and say what it is, for the ticket's row. Keeping it again is harmless: the same names.

    A file that nobody can read is kept as well, so that a person may look at it: `fault` says what is wrong with it.

    Raises:
        UnavailableError: the storage account cannot be reached.
    """
    settings, folder = settings_of(TicketSettings), folder_of(ticket)
    found: dict[str, Any] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "names": []}
    try:
        pages = pictures.pages_of(data, largest_bytes=settings.tickets_largest_bytes, most_pages=settings.tickets_most_pages)
    except pictures.NotReadableError as error:
        if error.reason not in ("empty", "too-large"):
            found["names"].append(kept_files.put(f"{folder}/original", data))
        return found | {"fault": error.reason}
    found["names"].append(kept_files.put(f"{folder}/original.{pictures.EXTENSIONS[pages.kind]}", data))
    for number, page in enumerate(pages.pages, 1):
        found["names"].append(kept_files.put(f"{folder}/page-{number}.jpg", page))
    return found | {"kind": pages.kind, "pages": len(pages.pages), "dhash": pages.dhash}


def folder_of(ticket: Ticket) -> str:
    """Where the files of a ticket lie, by the day on which it came."""
    return f"{ticket.received_at:%Y/%m/%d}/{ticket.key}"


def original(ticket: Ticket) -> bytes:
    """The file as it was sent. Raises PermanentError, UnavailableError."""
    return kept_files.get(_named(ticket, "/original"))


def pages(ticket: Ticket) -> list[bytes]:
    """The pages of the ticket, as JPEG. Raises PermanentError, UnavailableError."""
    return [kept_files.get(name) for name in _names(ticket) if "/page-" in name]


def _named(ticket: Ticket, part: str) -> str:
    found = next((name for name in _names(ticket) if part in name), None)
    if found is None:
        raise PermanentError("file-missing", f"ticket {ticket.id} has no such file any more")
    return found


def _names(ticket: Ticket) -> list[str]:
    return list((ticket.file or {}).get("names", ()))


def names_of(tickets: Iterable[Ticket]) -> list[str]:
    """The names of all files of these tickets, their documents among them."""
    found: list[str] = []
    for ticket in tickets:
        found += _names(ticket) + list((ticket.document or {}).get("names", ()))
    return found
