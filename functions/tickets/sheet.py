"""A row in a Google Sheet for each ticket that is booked, kept in step by its number, through a script (docs/tickets.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.tickets.settings import TicketSettings
from shared.outbox.record_sync import RecordSync
from shared.settings import settings_of
from shared.vendors import sheet_script
from shared.vendors.sheet_script import SheetScript

if TYPE_CHECKING:
    from functions.tickets.tables import Ticket

TARGET = "ticket-sheet"
NUMBERS = ("total", "impuestos", "items_count")
SHEET = SheetScript(name="Ticket-Sheet", address="tickets_sheet_url", token="tickets_sheet_token")  # noqa: S106  # the setting's name


def values(ticket: Ticket) -> dict[str, str]:
    """The columns of the row: the number, then those of the replaced flow in its order, with more behind them. All are text."""
    facts: dict[str, Any] = ticket.facts or {}
    row = {
        "ticket": str(ticket.id),
        "proveedor": ticket.supplier or "",
        "fecha": ticket.day.isoformat() if ticket.day else "",
        "total": str(ticket.total or ""),
        "moneda": ticket.currency or "",
        "impuestos": str(ticket.tax or ""),
        "metodo_pago": facts.get("method") or "",
        "nro_ticket": ticket.number or "",
        "direccion": facts.get("address") or "",
        "items_count": str(len(facts.get("items") or ())),
        "source": "whatsapp" if ticket.source in ("twilio", "meta") else ticket.source,
        "processed_at": ticket.booked_at.isoformat() if ticket.booked_at else "",
        "execution_id": ticket.key,
        "persona": ticket.person or "",
        "estado": ticket.status,
    }
    return sheet_script.stamped(row)


def put_row(ticket: Ticket) -> dict[str, Any]:
    """Write the ticket's row, or change the one that is there; twice is as once. Raises as `SheetScript.put`."""
    row = values(ticket)
    SHEET.put(str(ticket.id), row, [name for name in NUMBERS if row[name]])
    return {}


def is_used() -> bool:
    """Whether a sheet is set up."""
    return settings_of(TicketSettings).tickets_sheet_url is not None


ROWS = RecordSync(
    target=TARGET,
    name="row",
    table="functions.tickets.tables:Ticket",
    subject_prefix="ticket:",
    prefix="sheet",
    put=put_row,
    is_used=is_used,
    describe=values,
)
