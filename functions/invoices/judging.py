"""Whether an invoice may be reminded of: asked when a reminder is planned, when it is claimed, and before it is sent."""

from datetime import date
from decimal import Decimal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from functions.invoices import holds
from functions.invoices.settings import InvoiceSettings
from functions.invoices.tables import Invoice
from shared.settings import settings_of

OPEN = "open"
CREDIT, ERASED, MISSING_EMAIL, TOO_LITTLE = "credit", "erased", "missing-email", "too-little"
NO_DEBT = "no-debt"


def why_not(session: Session, row: Invoice, day: date) -> str | None:
    """Why the customer is not written to about this invoice on that day; None: they may be.

    `paid`, `cancelled`, `draft` and `incomplete` are its status. `credit`: the customer may deduct as much elsewhere, so a
    person of finance settles that first.
    """
    if row.status != OPEN:
        return row.status
    if row.kind != "invoice":
        return NO_DEBT
    if row.erased_at is not None:
        return ERASED
    if row.email is None:
        return MISSING_EMAIL
    if row.residual.amount < Decimal(settings_of(InvoiceSettings).invoices_least_open.get(row.currency, 0)):
        return TOO_LITTLE
    return holds.reason(session, row.id, day) or (CREDIT if has_credit(session, row) else None)


def has_credit(session: Session, row: Invoice) -> bool:
    """Whether the customer has open credit for all that is open of the invoice, in its currency."""
    same = [Invoice.email == row.email] if row.email else []
    same += [Invoice.customer_id == row.customer_id] if row.customer_id else []
    if not same:
        return False
    theirs = (Invoice.kind == "credit_note", Invoice.status == OPEN, Invoice.currency == row.currency, or_(*same))
    credit = session.scalar(select(func.sum(Invoice.residual_minor)).where(*theirs))
    return int(credit or 0) >= row.residual_minor
