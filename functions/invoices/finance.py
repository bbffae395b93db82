"""The list that finance gets of a day: what is escalated or large, whose customers have credit, and whom nobody can write to.

The message names the day alone; who is in it is read when it goes out, so that an erasure reaches it until then.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from functions.invoices import judging, reports
from functions.invoices.payloads import FINANCE
from functions.invoices.settings import InvoiceSettings
from functions.invoices.tables import Invoice
from shared import messages
from shared.messages import Message, dates
from shared.money import Money
from shared.settings import settings_of
from shared.store.session import reading

TEMPLATE = "resumen_finanzas"
PERSON = "finance"
MOST_LISTED = 50
LISTED = ("credit", "missing-email")


def enqueue(session: Session, day: date, figures: Mapping[str, Any]) -> bool:
    """Enqueue the list of a day, once; False where there is nothing to list, or nobody to send it to."""
    to = settings_of(InvoiceSettings).invoices_finance_email
    if to is None or not figures["listed"]:
        return False
    return messages.enqueue(
        session,
        Message(
            person=PERSON,
            channel="email",
            to=to,
            template=TEMPLATE,
            dedupe_key=f"invoices:{day.isoformat()}",
            context={FINANCE: day.isoformat()},
        ),
    )


def counted(session: Session, day: date) -> dict[str, int]:
    """How many invoices are listed on that day, by reason; reasons without any are left out."""
    found = {"escalated": len(_escalated(session, day))}
    found |= {reason: session.scalar(select(func.count()).where(*_held(day, reason))) or 0 for reason in LISTED}
    return {reason: count for reason, count in found.items() if count}


def variables(context: Mapping[str, Any]) -> dict[str, Any]:
    """What the list says, as it is now: of each kind the fifty largest, and how many there are."""
    day = date.fromisoformat(context[FINANCE])
    with reading() as session:
        kinds: dict[str, list[Invoice]] = {"escalated": _escalated(session, day)}
        for reason in LISTED:
            query = select(Invoice).where(*_held(day, reason)).order_by(Invoice.residual_minor.desc(), Invoice.id)
            kinds[reason.replace("-", "_")] = list(session.scalars(query))
    shown = {name: [_line(row, day) for row in rows[:MOST_LISTED]] for name, rows in kinds.items()}
    counts = {f"{name}_count": len(rows) for name, rows in kinds.items()}
    return {"day": f"{dates.written(day)} de {day.year}"} | shown | counts


def _escalated(session: Session, day: date) -> list[Invoice]:
    """Reminded of on that day, still open, and escalated by its stage or large."""
    large = settings_of(InvoiceSettings).invoices_large_from
    return [
        invoice
        for reminder, invoice in reports.reminded(session, day)
        if invoice.status == judging.OPEN and (reminder.escalated or _is_large(invoice, large))
    ]


def _is_large(invoice: Invoice, large: Mapping[str, Decimal]) -> bool:
    least = large.get(invoice.currency)
    return least is not None and invoice.residual.amount >= least


def _held(day: date, reason: str) -> tuple[ColumnElement[bool], ...]:
    return (Invoice.status == judging.OPEN, Invoice.looked_on == day, Invoice.held_because == reason)


def _line(row: Invoice, day: date) -> dict[str, Any]:
    return {
        "serie": row.serie,
        "customer": row.customer or "-",
        "amount": f"{Money(row.residual_minor, row.currency).amount:,} {row.currency}",
        "days": max((day - row.due_on).days, 0),
    }
