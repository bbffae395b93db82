"""The accounting document of a ticket, "Comprobante de Gasto": as Markdown and as PDF, kept here and posted where it is wanted.

What stands on a ticket is somebody else's text: in Markdown it is escaped, in the PDF it is drawn as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from functions.tickets import facts, files
from functions.tickets.settings import TicketSettings
from shared import kept_files
from shared.errors import PermanentError
from shared.settings import settings_of
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    from functions.tickets.tables import Ticket

TITLE = "Comprobante de Gasto"
HEADINGS = ("#", "Descripción", "Cantidad", "Precio", "Subtotal")
WIDTHS = (8, 82, 25, 32, 33)  # millimetres
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")
_ENCODING = "cp1252"  # of the fonts that every reader of PDF has: all letters of Spanish and its neighbours

DOCS = RestClient(name="Ticket-Docs", address="docs_webhook_url", read_seconds=60)


def names(ticket: Ticket) -> list[str]:
    """The names under which the newest document is kept, as Markdown and as PDF."""
    folder = f"{files.folder_of(ticket)}/document-{ticket.revision}"
    return [f"{folder}.md", f"{folder}.pdf"]


def make(ticket: Ticket) -> dict[str, Any]:
    """Keep the document, and post it to DOCS_WEBHOOK_URL if that is set.

    Both may be repeated: the files have the same names, and the post carries `id` and `revision` and the header
    `Idempotency-Key`, by which its receiver puts the document in the place of the same one.

    Raises:
        UnavailableError: the storage account cannot be reached. As `RestClient.call`.
    """
    plain, drawn = names(ticket)
    text = markdown(ticket)
    kept_files.put(plain, text.encode())
    kept_files.put(drawn, pdf(ticket))
    if settings_of(TicketSettings).docs_webhook_url is not None:
        key = f"ticket-{ticket.key}-{ticket.revision}"
        body = post_of(ticket, text)
        DOCS.connected().answer("POST", what="posting a document", repeatable=True, json=body, headers={"Idempotency-Key": key})
    return {}


def post_of(ticket: Ticket, text: str) -> dict[str, Any]:
    """What is posted, as the replaced flow posted it, with our id beside it."""
    metadata = {
        "categoria": "gasto",
        "fuente": "whatsapp" if ticket.source in ("twilio", "meta") else ticket.source,
        "proveedor": ticket.supplier,
        "fecha": ticket.day.isoformat() if ticket.day else None,
        "total": str(ticket.total or ""),
        "moneda": ticket.currency,
        "nro_ticket": ticket.number,
        "items_count": len(_items(ticket)),
        "processed_at": ticket.booked_at.isoformat() if ticket.booked_at else None,
        "execution_id": ticket.key,
    }
    return {
        "id": ticket.key,
        "revision": ticket.revision,
        "title": f"{TITLE}: {ticket.supplier or ''}".strip(": "),
        "content_type": "text/markdown",
        "content": text,
        "render_pdf": True,
        "metadata": metadata,
    }


def described(ticket: Ticket) -> Mapping[str, Any]:
    """What the document says (shadow mode)."""
    return {"supplier": ticket.supplier, "total": str(ticket.total or ""), "revision": ticket.revision}


def markdown(ticket: Ticket) -> str:
    """The document as Markdown."""
    lines = [f"# {TITLE}", ""]
    lines += [f"- **{name}:** {_escaped(value)}" for name, value in _head(ticket)]
    lines += ["", "## Conceptos", ""]
    rows = _rows(ticket)
    if rows:
        lines += [_row(HEADINGS, escape=False), "|---|---|---|---|---|", *(_row(row) for row in rows)]
        if (total := _items_total(ticket)) is not None:
            lines += ["", f"**Total de conceptos:** {_escaped(total)}"]
    else:
        lines.append("No se encontraron conceptos.")
    return "\n".join([*lines, "", "---", "", _footer(ticket), ""])


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _row(cells: tuple[str, ...], *, escape: bool = True) -> str:
    return f"| {' | '.join(_escaped(cell) if escape else cell for cell in cells)} |"


def _head(ticket: Ticket) -> list[tuple[str, str]]:
    known: dict[str, Any] = ticket.facts or {}
    tax = facts.shown_amount(ticket.tax.amount, ticket.tax.currency) if ticket.tax else None
    given = {
        "Proveedor": ticket.supplier,
        "Fecha": ticket.day.isoformat() if ticket.day else None,
        "Total": facts.of(ticket)["total"],
        "Impuestos": tax,
        "Método de pago": known.get("method"),
        "Número": ticket.number,
        "Dirección": known.get("address"),
        "Enviado por": ticket.person,
    }
    return [(name, str(value)) for name, value in given.items() if value]


def _items(ticket: Ticket) -> list[dict[str, Any]]:
    return list((ticket.facts or {}).get("items") or ())


def _rows(ticket: Ticket) -> list[tuple[str, ...]]:
    return [
        (str(number), str(item["description"]), item["quantity"] or "", _money(item["price"]), _money(item["amount"]))
        for number, item in enumerate(_items(ticket), 1)
    ]


def _money(value: str | None) -> str:
    return facts.shown_number(value) if value else ""


def _items_total(ticket: Ticket) -> str | None:
    """The sum of the lines, where there are several and each is known."""
    amounts = [item["amount"] for item in _items(ticket)]
    if len(amounts) < 2 or None in amounts or ticket.currency is None:  # noqa: PLR2004
        return None
    return facts.shown_amount(sum(map(Decimal, amounts), Decimal()), ticket.currency)


def _footer(ticket: Ticket) -> str:
    at = ticket.booked_at.astimezone(facts.zone()).strftime("%Y-%m-%d %H:%M") if ticket.booked_at else ""
    return f"Ticket {ticket.id}, recibido por WhatsApp y registrado el {at}."


def pdf(ticket: Ticket) -> bytes:
    """The document as PDF. The same ticket makes the same bytes, since its time is that of the booking.

    Raises:
        PermanentError: `document-too-large`, beyond what a page takes.
    """
    from fpdf import FPDF
    from fpdf.errors import FPDFException

    page = FPDF(format="A4")
    page.core_fonts_encoding = _ENCODING
    page.set_creation_date(ticket.booked_at)
    page.set_title(_drawable(TITLE))
    page.set_lang("es")
    page.set_margins(15, 15)
    page.add_page()
    try:
        _draw(page, ticket)
        return bytes(page.output())
    except FPDFException as error:
        raise PermanentError("document-too-large", f"the document of ticket {ticket.id} cannot be drawn") from error


def _draw(page: Any, ticket: Ticket) -> None:
    page.set_font("Helvetica", style="B", size=16)
    page.cell(0, 10, TITLE, new_x="LMARGIN", new_y="NEXT")
    for name, value in _head(ticket):
        page.set_font("Helvetica", style="B", size=10)
        page.cell(40, 6, _drawable(name))
        page.set_font("Helvetica", size=10)
        page.multi_cell(0, 6, _drawable(value), new_x="LMARGIN", new_y="NEXT")
    page.ln(4)
    rows = _rows(ticket)
    if rows:
        page.set_font("Helvetica", size=9)
        with page.table(col_widths=WIDTHS, text_align=("RIGHT", "LEFT", "RIGHT", "RIGHT", "RIGHT")) as table:
            for cells in (HEADINGS, *rows):
                table.row(tuple(map(_drawable, cells)))
        if (total := _items_total(ticket)) is not None:
            page.cell(0, 8, _drawable(f"Total de conceptos: {total}"), align="R", new_x="LMARGIN", new_y="NEXT")
    else:
        page.cell(0, 8, "No se encontraron conceptos.", new_x="LMARGIN", new_y="NEXT")
    page.ln(4)
    page.set_font("Helvetica", style="I", size=8)
    page.multi_cell(0, 5, _drawable(_footer(ticket)))


def _drawable(text: str) -> str:
    """The text in the font's letters; another one without its accent, and a question mark for what has no place there."""
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(map(_letter, plain))


def _letter(sign: str) -> str:
    for candidate in (sign, unicodedata.normalize("NFKD", sign)[:1]):
        if candidate.encode(_ENCODING, errors="ignore"):
            return candidate
    return "?"
