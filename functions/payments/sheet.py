"""A row in a Google Sheet for each payment, kept in step by its id through a script of our own (docs/payments.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.money import Money
from shared.outbox.record_sync import RecordSync
from shared.vendors import sheet_script
from shared.vendors.sheet_script import SheetScript

if TYPE_CHECKING:
    from functions.payments.tables import Payment

TARGET = "sheets"
NUMBERS = ("amount", "refunded", "net")
SHEETS = SheetScript(name="Sheets", address="sheets_webhook_url", token="sheets_token")  # noqa: S106  # the setting's name


def values(payment: Payment) -> dict[str, str]:
    """The columns of the row, in the order of the replaced flow's, with more behind them. All are text, amounts too."""
    row = {
        "payment_id": payment.payment_id,
        "amount": str(payment.amount),
        "currency": payment.currency,
        "customer": payment.customer_id or payment.email or "",
        "status": payment.status,
        "method": payment.method or "",
        "created_at": payment.began_at.isoformat(),
        "paid_on": payment.paid_on.isoformat() if payment.paid_on else "",
        "refunded": str(Money(payment.refunded_minor, payment.currency)),
        "net": str(payment.net),
    }
    return sheet_script.stamped(row)


def put_row(payment: Payment) -> dict[str, Any]:
    """Write the payment's row, or change the one that is there; twice is as once. Raises as `SheetScript.put`."""
    SHEETS.put(payment.payment_id, values(payment), NUMBERS)
    return {}


def is_used() -> bool:
    """Whether a sheet is set up."""
    return SHEETS.is_used()


ROWS = RecordSync(
    target=TARGET,
    name="payment",
    table="functions.payments.tables:Payment",
    key="payment_id",
    subject_prefix="payment:",
    prefix="sheet",
    put=put_row,
    is_used=is_used,
)
