"""Invoices and credit notes from Odoo: `account.move` is read, page by page, as far as it was written since; never written.

Like the look at what people do in Odoo (`shared.crm.odoo_changes`) it reads a minute more than it must, and moves its cursor
after each page; so one that ends in the middle is gone on with, and reading a record twice changes nothing. The first look
begins at the beginning, and leaves out what nothing is open of.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.invoices import services
from functions.invoices.fields import CANCELLED, CREDIT_NOTE, DRAFT, INVOICE, ISSUED, key_of_serie
from functions.invoices.payloads import InvoiceReport
from functions.invoices.settings import InvoiceSettings
from functions.invoices.tables import Invoice
from shared import clock
from shared.crm import odoo_cursor
from shared.errors import PermanentError, PuenteError
from shared.intake import lenient
from shared.outbox import circuit
from shared.readers import money
from shared.settings import get_settings, settings_of
from shared.store.models import Target
from shared.store.session import reading, transact
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.system import ODOO
from shared.vendors.odoo.values import from_datetime

log = logging.getLogger("puente.odoo")

MODEL, PARTNER, TARGET = "account.move", "res.partner", "odoo"
KINDS = {"out_invoice": INVOICE, "out_refund": CREDIT_NOTE}
STATES = {"draft": DRAFT, "posted": ISSUED, "cancel": CANCELLED}
FIELDS = (
    *("name", "move_type", "state", "amount_total", "amount_untaxed", "amount_tax", "amount_residual", "currency_id"),
    *("invoice_date", "invoice_date_due", "partner_id", "commercial_partner_id", "write_date"),
)
OF_PARTNER = ("name", "email", "phone")
PAGE = 200
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
OVERLAP = timedelta(minutes=1)  # for transactions of Odoo's that commit late
CLOCKS_APART = timedelta(minutes=5)
LONGEST_LOOK = timedelta(seconds=45)
END_OF_SECOND = timedelta(microseconds=999_999)


@dataclass(frozen=True)
class Move:
    """A record of `account.move` as Odoo shows it."""

    odoo_id: int
    changed_at: datetime
    values: Mapping[str, Any]

    @property
    def serie(self) -> str | None:
        """Its number; None as long as it has none (a draft)."""
        name = self.values["name"]
        return str(name) if name and name != "/" else None


def look() -> int:
    """Take over what has changed in Odoo's books; how many invoices were looked at. While Odoo is down nothing is asked.

    Raises:
        PuenteError: as every call of Odoo; what was taken over until then stays so.
    """
    if not settings_of(InvoiceSettings).invoices_from_odoo or _is_down():
        return 0
    began = clock.now()
    until = began + LONGEST_LOOK + timedelta(seconds=2 * ODOO.longest_seconds())
    taking = partial(odoo_cursor.claim, model=MODEL, since=began, now=began, until=until, first=BEGINNING)
    claim, changed_to, _checked_to = transact(taking)
    if claim != "claimed":
        return 0
    values: dict[str, Any] = {}
    try:
        count, values = _looked(OdooClient.from_settings(get_settings()), changed_to, began)
    finally:
        transact(partial(odoo_cursor.move, model=MODEL, values={**values, "busy_until": None}))
    return count


def _is_down() -> bool:
    with reading() as session:
        target = session.get(Target, TARGET)
    return target is not None and target.circuit == circuit.OPEN and (target.closed_until or clock.now()) > clock.now()


def _looked(client: OdooClient, changed_to: datetime, began: datetime) -> tuple[int, dict[str, Any]]:
    """Take the pages over; how many records, and what becomes of the cursor."""
    count, newest = 0, changed_to
    company = settings_of(InvoiceSettings).invoices_odoo_company
    known = [["move_type", "in", sorted(KINDS)], *([["company_id", "=", company]] if company else [])]
    for asked, page in odoo_cursor.pages(partial(_read, client), changed_to - OVERLAP, limit=PAGE, known=known):
        if not page:
            continue
        count += _take_page(client, page, asked)
        newest = max(newest, page[-1].changed_at)
        transact(partial(odoo_cursor.move, model=MODEL, values={"changed_to": newest}))
        if clock.now() - began > LONGEST_LOOK:
            return count, {}
    return count, {"changed_to": max(newest, began - CLOCKS_APART), "looked_at": began}


def _read(client: OdooClient, domain: Sequence[Any], *, limit: int, order: str = "id") -> list[Move]:
    found = client.search_read(MODEL, domain, FIELDS, limit=limit, order=order)
    return [Move(int(one["id"]), from_datetime(one["write_date"]), one) for one in found]


def _take_page(client: OdooClient, page: Sequence[Move], asked: datetime) -> int:
    """Take the records over that are open or that we know. One that cannot be taken over stops no other."""
    with reading() as session:
        rows = session.scalars(select(Invoice).where(Invoice.odoo_id.in_([move.odoo_id for move in page])))
        known = {int(row.odoo_id or 0): row.serie for row in rows}
        keys = {key_of_serie(move.serie) for move in page if move.serie and services.can_name_invoice(move.serie)}
        by_key = set(session.scalars(select(Invoice.serie_key).where(Invoice.serie_key.in_(keys))))
    wanted = [
        move for move in page if move.odoo_id in known or _is_open(move) or (move.serie and key_of_serie(move.serie) in by_key)
    ]
    partners = _partners(client, wanted)
    for move in wanted:
        serie = known.get(move.odoo_id) or move.serie
        if serie is None:
            continue
        try:
            transact(partial(_take, serie=serie, move=move, partners=partners, asked=asked))
        except (ValidationError, PermanentError) as error:
            why = error if isinstance(error, PuenteError) else "; ".join(str(one["msg"]) for one in error.errors())
            log.warning("%s %d not taken over: %s", MODEL, move.odoo_id, why)
    return len(wanted)


def _is_open(move: Move) -> bool:
    return move.values["state"] == "posted" and bool(move.values["amount_residual"])


def _partners(client: OdooClient, moves: Iterable[Move]) -> dict[int, Mapping[str, Any]]:
    ids = {number for move in moves for number in _partner_ids(move)}
    if not ids:
        return {}
    found = client.search_read(PARTNER, [["id", "in", sorted(ids)]], OF_PARTNER, archived=True)
    return {int(one["id"]): one for one in found}


def _partner_ids(move: Move) -> list[int]:
    """The contact that the invoice is for, and the company that the contact belongs to."""
    given = (move.values["partner_id"], move.values["commercial_partner_id"])
    return list(dict.fromkeys(int(one[0]) for one in given if one))


def _take(
    session: Session, *, serie: str, move: Move, partners: Mapping[int, Mapping[str, Any]], asked: datetime
) -> tuple[str, bool]:
    """Take one record over, as of when Odoo had it so: until the end of the second in which it was written last."""
    report, _left_out = lenient.read(InvoiceReport, _reported(serie, move, partners))
    at = min(asked, move.changed_at + END_OF_SECOND)
    _row, outcome, is_new = services.take(session, serie, report, at, odoo_id=move.odoo_id)
    return outcome, is_new


def _reported(serie: str, move: Move, partners: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    values = move.values
    currency = str(values["currency_id"][1]) if values["currency_id"] else get_settings().default_currency
    numbers = _partner_ids(move)
    people = [partners[number] for number in numbers if number in partners]
    amounts = {"total": "amount_total", "subtotal": "amount_untaxed", "taxes": "amount_tax", "residual": "amount_residual"}
    reported = {name: _exact(values[field], currency) for name, field in amounts.items()}
    return reported | {
        "serie": serie,
        "type": KINDS[values["move_type"]],
        "status": STATES.get(values["state"], ISSUED),
        "currency": currency,
        "issued_date": values["invoice_date"] or None,
        "due_date": values["invoice_date_due"] or None,
        "customer_id": f"odoo:{numbers[-1]}" if numbers else None,
        "customer": _first(people, "name"),
        "customer_email": _first(people, "email"),
        "customer_phone": _first(people, "phone"),
    }


def _first(people: Iterable[Mapping[str, Any]], name: str) -> str | None:
    return next((str(one[name]) for one in people if one[name]), None)


def _exact(value: float, currency: str) -> str:
    """Odoo rounds amounts to the currency's unit, but sends them as binary fractions."""
    unit = Decimal(1).scaleb(-money.decimals(currency))
    return format(Decimal(repr(value)).copy_abs().quantize(unit, ROUND_HALF_UP), "f")
