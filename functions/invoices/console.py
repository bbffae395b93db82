"""What the console shows of invoices."""

from functions.invoices.tables import Invoice
from shared.console.records import Field, Records
from shared.console.words import mark
from shared.money import Money

INVOICES = Records(
    name="invoices",
    title=mark("Invoices"),
    about=mark("What customers owe and have paid, and how they are reminded of it."),
    model=Invoice,
    name_of=lambda row: row.serie,
    fields=(
        Field(title=mark("State"), value=lambda row: row.status),
        Field(title=mark("Still open"), value=lambda row: str(Money(row.residual_minor, row.currency))),
        Field(title=mark("Due on"), value=lambda row: row.due_on.isoformat()),
        Field(title=mark("Customer"), value=lambda row: row.customer),
    ),
    state="status",
    states=("incomplete", "draft", "open", "paid", "cancelled"),
    words=("serie", "customer", "email"),
    subject=lambda row: row.email,
    is_bad=lambda row: row.held_because is not None,
)
