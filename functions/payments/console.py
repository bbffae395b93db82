"""What the console shows of payments."""

from functions.payments.tables import Payment
from shared.console.records import Field, Records
from shared.console.words import mark
from shared.money import Money

PAYMENTS = Records(
    name="payments",
    title=mark("Payments"),
    about=mark("What was paid through Stripe, and what has become of it."),
    model=Payment,
    name_of=lambda row: row.payment_id,
    fields=(
        Field(title=mark("State"), value=lambda row: row.status),
        Field(title=mark("Amount"), value=lambda row: str(Money(row.amount_minor, row.currency))),
        Field(title=mark("Paid"), value=lambda row: row.paid_at),
    ),
    state="status",
    states=("pending", "authorized", "failed", "canceled", "succeeded"),
    words=("payment_id", "email"),
    subject=lambda row: row.email,
)
