"""The tables of invoices: what is known of each, what was paid of it, what holds it back, and what was sent of it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Unicode, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.money import Money
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, Day, JsonText, Note, UtcDateTime

KEY_LENGTH = 100
SERIE_LENGTH = 100
REFERENCE_LENGTH = 200


class Invoice(Timestamped, Base):
    """An invoice or a credit note, by its number (`serie`) at whoever issues it; `serie_key` is the number as it is compared.

    `kind`: `invoice`, `credit_note`. `status`: `incomplete` (no total is known), `draft`, `open`, `paid`, `cancelled`.
    Amounts are whole numbers of the currency's smallest unit: `residual_minor` is what is still open of `total_minor`.
    `due_on` is a day of the company's calendar. The columns are computed from `facts`, `person` and `residuals`
    (`functions.invoices.state`), which hold the newest report of each fact, and from what was paid (`InvoicePayment`).
    `odoo_id` is its number in Odoo's `account.move`. `erased_at`: its person was erased, and nothing of them is taken in again.
    `looked_on` is the day on which it was last judged, `held_because` why nothing was planned then.
    """

    __tablename__ = "invoices"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    serie_key: Mapped[str] = mapped_column(Unicode(KEY_LENGTH), unique=True)
    serie: Mapped[str] = mapped_column(Unicode(SERIE_LENGTH))
    kind: Mapped[str] = mapped_column(Unicode(16), default="invoice")
    status: Mapped[str] = mapped_column(Unicode(16), default="incomplete")
    currency: Mapped[str] = mapped_column(Unicode(3))
    total_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    subtotal_minor: Mapped[int | None] = mapped_column(BigInteger)
    taxes_minor: Mapped[int | None] = mapped_column(BigInteger)
    residual_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    issued_on: Mapped[date | None] = mapped_column(Day)
    due_on: Mapped[date] = mapped_column(Day)
    customer_id: Mapped[str | None] = mapped_column(Unicode(100), index=True)
    customer: Mapped[str | None] = mapped_column(Unicode(200))
    email: Mapped[str | None] = mapped_column(Unicode(254), index=True)
    phone: Mapped[str | None] = mapped_column(Unicode(20))
    payment_url: Mapped[str | None] = mapped_column(Unicode(1000))
    odoo_id: Mapped[int | None] = mapped_column(BigId, index=True)
    facts: Mapped[Any] = mapped_column(JsonText, default=dict)
    person: Mapped[Any] = mapped_column(JsonText, default=dict)
    residuals: Mapped[Any] = mapped_column(JsonText, default=list)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    looked_on: Mapped[date | None] = mapped_column(Day)
    held_because: Mapped[str | None] = mapped_column(Unicode(40))

    __table_args__ = (Index("ix_invoices_status_due_on", "status", "due_on"),)

    @property
    def total(self) -> Money:
        """What it was issued for."""
        return Money(self.total_minor, self.currency)

    @property
    def residual(self) -> Money:
        """What is still open of it."""
        return Money(self.residual_minor, self.currency)


class InvoicePayment(Timestamped, Base):
    """Money that came for an invoice, by the reference of whoever reports it. The invoice may become known later."""

    __tablename__ = "invoice_payments"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    serie_key: Mapped[str] = mapped_column(Unicode(KEY_LENGTH))
    reference: Mapped[str] = mapped_column(Unicode(REFERENCE_LENGTH))
    source: Mapped[str] = mapped_column(Unicode(20))
    currency: Mapped[str] = mapped_column(Unicode(3))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    paid_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("serie_key", "reference", name="uq_invoice_payments_serie_key_reference"),)

    @property
    def amount(self) -> Money:
        """What came."""
        return Money(self.amount_minor, self.currency)


class InvoiceHold(Timestamped, Base):
    """Why an invoice is not reminded of for a while: a pause, or the customer's promise to pay (`kind`).

    It holds on the days up to and with `until_on`; without a day (a pause alone) until somebody ends it (`ended_at`).
    """

    __tablename__ = "invoice_holds"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    kind: Mapped[str] = mapped_column(Unicode(16))
    until_on: Mapped[date | None] = mapped_column(Day)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str | None] = mapped_column(Note(500))
    actor: Mapped[str] = mapped_column(Unicode(60))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class InvoiceReminder(Timestamped, Base):
    """A reminder of an invoice: one for each stage and channel, whatever happens.

    `state`: `planned`, `sent`, `delivered`, `opened`, `clicked`, `failed`, `skipped`, `uncertain`; `withheld`: it was taken
    back before it was sent, for a reason that may pass (`reason`), and may be planned again (`tries`).
    `days_overdue` and `residual_minor` are those of the day on which it was planned (`planned_on`).
    """

    __tablename__ = "invoice_reminders"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"))
    stage: Mapped[int]
    channel: Mapped[str] = mapped_column(Unicode(16))
    template: Mapped[str] = mapped_column(Unicode(60))
    urgency: Mapped[str] = mapped_column(Unicode(16))
    escalated: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(Unicode(16), default="planned")
    reason: Mapped[str | None] = mapped_column(Unicode(64))
    tries: Mapped[int] = mapped_column(default=1)
    days_overdue: Mapped[int]
    residual_minor: Mapped[int] = mapped_column(BigInteger)
    planned_on: Mapped[date] = mapped_column(Day, index=True)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)

    __table_args__ = (UniqueConstraint("invoice_id", "stage", "channel", name="uq_invoice_reminders_invoice_id_stage_channel"),)


class InvoiceDay(Timestamped, Base):
    """A day whose look is done: its figures, by currency, as they were then. `day` is one of the company's calendar."""

    __tablename__ = "invoice_days"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    day: Mapped[date] = mapped_column(Day, unique=True)
    figures: Mapped[Any] = mapped_column(JsonText, default=dict)
