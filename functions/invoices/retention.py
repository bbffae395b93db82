"""How long invoices are kept."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, exists, select

from functions.invoices.tables import Invoice, InvoiceDay, InvoiceHold, InvoicePayment, InvoiceReminder
from shared.retention_rules import FIGURES_KEPT_DAYS, DaysOf, Rule

WAITING_DAYS = 90
"""So long a payment waits for the invoice that it names; most name an order and no invoice."""
_DAYS = DaysOf("retention_invoice_days")
_OVER = ("paid", "cancelled", "draft", "incomplete")


def _old(before: datetime) -> ColumnElement[bool]:
    return (Invoice.updated_at < before) & Invoice.status.in_(_OVER)


def _old_reminder(before: datetime) -> ColumnElement[bool]:
    return InvoiceReminder.invoice_id.in_(select(Invoice.id).where(_old(before)))


def _old_hold(before: datetime) -> ColumnElement[bool]:
    return InvoiceHold.invoice_id.in_(select(Invoice.id).where(_old(before)))


def _old_payment(before: datetime) -> ColumnElement[bool]:
    return InvoicePayment.serie_key.in_(select(Invoice.serie_key).where(_old(before)))


def _of_no_invoice(before: datetime) -> ColumnElement[bool]:
    return (InvoicePayment.updated_at < before) & ~exists().where(Invoice.serie_key == InvoicePayment.serie_key)


def _old_invoice(before: datetime) -> ColumnElement[bool]:
    has_more = (
        exists().where(InvoiceReminder.invoice_id == Invoice.id),
        exists().where(InvoiceHold.invoice_id == Invoice.id),
        exists().where(InvoicePayment.serie_key == Invoice.serie_key),
    )
    return _old(before) & ~has_more[0] & ~has_more[1] & ~has_more[2]


def _old_day(before: datetime) -> ColumnElement[bool]:
    return InvoiceDay.day < before.date()


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "reminders of invoices": Rule(InvoiceReminder, InvoiceReminder.created_at, _DAYS, _old_reminder),
        "holds of invoices": Rule(InvoiceHold, InvoiceHold.created_at, _DAYS, _old_hold),
        "payments of invoices": Rule(InvoicePayment, InvoicePayment.created_at, _DAYS, _old_payment),
        "payments of no invoice": Rule(InvoicePayment, InvoicePayment.created_at, lambda _s: WAITING_DAYS, _of_no_invoice),
        "days of invoices": Rule(InvoiceDay, InvoiceDay.day, lambda _s: FIGURES_KEPT_DAYS, _old_day),
        "invoices": Rule(Invoice, Invoice.created_at, _DAYS, _old_invoice),
    }
)
