"""The bodies and answers of `/api/v1/invoices`. Amounts are exact texts with the decimals of the currency."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select

from functions.invoices import holds, services
from functions.invoices.fields import CalendarDay, CurrencyCode, InvoiceFields, NeededAmount, OpenAmount, Serie, key_of_serie
from functions.invoices.tables import Invoice, InvoiceHold, InvoicePayment, InvoiceReminder
from shared.intake.fields import Text
from shared.money import Money
from shared.readers.email import key as address_key
from shared.web.bodies import Words200
from shared.web.paging import Moment, PageQuery, text

Note = Annotated[str, Text(500)]
InvoiceStatus = Literal["incomplete", "draft", "open", "paid", "cancelled"]
InvoiceKind = Literal["invoice", "credit_note"]


class InvoiceQuery(PageQuery):
    """Filters of the list."""

    serie: Annotated[str, text(100)] | None = None
    type: InvoiceKind | None = None
    status: InvoiceStatus | None = None
    customer_id: Annotated[str, text(100)] | None = None
    email: Annotated[str, text(254)] | None = Field(default=None, description="The customer's address, in any case.")
    overdue_from: int | None = Field(default=None, ge=-1000, le=10_000, description="Days overdue, at least.")
    overdue_to: int | None = Field(default=None, ge=-1000, le=10_000, description="Days overdue, at most.")
    held: Annotated[str, text(40)] | None = Field(
        default=None, description="Why nothing was planned when it was last judged: `credit`, `missing-email`, `paused`, ..."
    )

    def applied(self, query: Select[Invoice]) -> Select[Invoice]:
        """`query`, narrowed down."""
        given = {
            Invoice.kind: self.type,
            Invoice.status: self.status,
            Invoice.customer_id: self.customer_id,
            Invoice.held_because: self.held,
            Invoice.serie_key: None if self.serie is None else key_of_serie(self.serie),
            Invoice.email: None if self.email is None else address_key(self.email),
        }
        query = query.where(*(column == value for column, value in given.items() if value is not None))
        today = services.today()
        if self.overdue_from is not None:
            query = query.where(Invoice.due_on <= date.fromordinal(today.toordinal() - self.overdue_from))
        if self.overdue_to is not None:
            query = query.where(Invoice.due_on >= date.fromordinal(today.toordinal() - self.overdue_to))
        return query


class HoldOut(BaseModel):
    """A pause, or a promise to pay."""

    id: int
    kind: Literal["pause", "promise"]
    until: date | None = Field(description="The last day on which it holds; null: until it is ended.")
    amount: str | None
    note: str | None
    actor: str
    state: Literal["holds", "over", "ended", "kept", "broken", "withdrawn"] = Field(
        description="Of a pause `holds`, `over`, `ended`; of a promise `holds`, `kept` (it is paid), `broken`, `withdrawn`."
    )
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: InvoiceHold, invoice: Invoice) -> Self:
        """The hold as the API shows it."""
        amount = None if row.amount_minor is None else str(Money(row.amount_minor, invoice.currency))
        same = {name: getattr(row, name) for name in ("id", "kind", "note", "actor", "created_at", "ended_at")}
        return cls(**same, until=row.until_on, amount=amount, state=_state(row, invoice))


def _state(row: InvoiceHold, invoice: Invoice) -> str:
    is_promise, is_paid = row.kind == holds.PROMISE, invoice.status == "paid"
    if row.ended_at is not None:
        return "withdrawn" if is_promise else "ended"
    if is_promise and is_paid:
        return "kept"
    if holds.holds_on(row, services.today()):
        return "holds"
    return "broken" if is_promise else "over"


class InvoiceOut(BaseModel):
    """An invoice or a credit note."""

    id: int
    serie: str
    type: InvoiceKind
    status: InvoiceStatus = Field(description="`incomplete`: no total is known yet.")
    currency: str
    total: str
    subtotal: str | None
    taxes: str | None
    residual: str = Field(description="What is still open: reminders are for this.")
    issued_date: date | None
    due_date: date
    days_overdue: int = Field(description="Below 0: days until it is due. In the company's zone.")
    customer_id: str | None
    customer: str | None
    customer_email: str | None
    customer_phone: str | None
    payment_url: str | None
    odoo_id: int | None = Field(description="Its number in Odoo's `account.move`.")
    paid_at: datetime | None
    held_because: str | None = Field(description="Why nothing was planned when it was last judged.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Invoice) -> Self:
        """The invoice as the API shows it."""
        return cls(
            **{name: getattr(row, name) for name in _SAME},
            type=row.kind,
            total=str(row.total),
            subtotal=None if row.subtotal_minor is None else str(Money(row.subtotal_minor, row.currency)),
            taxes=None if row.taxes_minor is None else str(Money(row.taxes_minor, row.currency)),
            residual=str(row.residual),
            issued_date=row.issued_on,
            due_date=row.due_on,
            days_overdue=(services.today() - row.due_on).days,
            customer_email=row.email,
            customer_phone=row.phone,
        )


_SAME = (
    *("id", "serie", "status", "currency", "customer_id", "customer", "payment_url", "odoo_id", "paid_at", "held_because"),
    *("created_at", "updated_at"),
)


class PaymentOut(BaseModel):
    """Money that came for the invoice."""

    reference: str
    source: str
    amount: str
    currency: str = Field(description="What came in another currency than the invoice's is shown and not deducted.")
    paid_at: datetime

    @classmethod
    def of(cls, row: InvoicePayment) -> Self:
        """The payment as the API shows it."""
        same = {name: getattr(row, name) for name in ("reference", "source", "currency", "paid_at")}
        return cls(**same, amount=str(row.amount))


class ReminderOut(BaseModel):
    """A reminder of an invoice."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    invoice_id: int
    stage: int = Field(description="The days after the due date from which it is sent.")
    channel: str
    template: str
    urgency: str
    state: str
    reason: str | None
    days_overdue: int = Field(description="When it was planned.")
    planned_on: date
    sent_at: datetime | None

    @classmethod
    def of(cls, row: InvoiceReminder) -> Self:
        """The reminder as the API shows it."""
        return cls.model_validate(row)


class InvoiceWhole(InvoiceOut):
    """An invoice with what was paid of it, what holds it back, and what was sent of it."""

    payments: list[PaymentOut]
    holds: list[HoldOut]
    reminders: list[ReminderOut]


class InvoiceChange(InvoiceFields):
    """An invoice in part: what is left out stays as it is known. It counts as of now, unless `updated_at` says otherwise."""

    model_config = ConfigDict(extra="forbid")


class NewInvoice(InvoiceChange):
    """An invoice to be added."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "serie": "F-1042",
                    "total": "11600.00",
                    "currency": "MXN",
                    "due_date": "2026-11-30",
                    "customer": "Panadería Luz",
                    "customer_email": "luz@example.com",
                }
            ]
        }
    )

    serie: Serie


class PaymentIn(BaseModel):
    """Money that came for the invoice. Sent again with the same reference it counts once."""

    model_config = ConfigDict(extra="forbid")

    currency: CurrencyCode = Field(default=None, description="The invoice's, if left out.")
    amount: NeededAmount = Field(gt=0)
    reference: Words200 = Field(description="By which whoever reports it knows it, such as the number of the transfer.")
    paid_at: Moment | None = Field(default=None, description="Now, if left out.")


class HoldIn(BaseModel):
    """A pause, or a promise to pay: no reminder goes out on the days up to and with `until`."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["pause", "promise"]
    until: CalendarDay = Field(default=None, description="Needed for a promise; a pause without it lasts until it is ended.")
    amount: OpenAmount = Field(default=None, description="What was promised, if not all of it.")
    note: Note | None = None
