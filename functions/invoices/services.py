"""Keeps what is reported of invoices: each report and each payment, in any order, ends in the same row.

Whoever changes an invoice is alone with its number first (`_locked`), also while there is no row of it yet; so a payment and
the invoice that it is for find each other, whichever comes first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.invoices import persons, state
from functions.invoices.fields import InvoiceFields, key_of_serie, zone
from functions.invoices.settings import InvoiceSettings
from functions.invoices.tables import KEY_LENGTH, REFERENCE_LENGTH, Invoice, InvoicePayment
from shared import clock
from shared.crm.people import e164
from shared.money import Money
from shared.settings import get_settings, settings_of
from shared.store.dialect import hold_names, insert_if_absent, locked
from shared.store.types import fitting, key_of

APPLIED, STALE, KEPT = "applied", "stale", "kept"
_OF_PERSON = {"customer_id": "customer_id", "customer": "customer", "customer_email": "email", "customer_phone": "phone"}


@dataclass(frozen=True, kw_only=True)
class Payment:
    """Money that came for an invoice. `reference` names it among those of its invoice."""

    serie: str
    reference: str
    source: str
    amount: Money
    paid_at: datetime


def take(
    session: Session, serie: str, report: InvoiceFields, at: datetime, *, odoo_id: int | None = None
) -> tuple[Invoice, str, bool]:
    """Take a report of `at` in: the invoice, "applied" or "stale" (it says nothing new), and whether the invoice is new.

    Raises:
        PermanentError: `bad-amount`, an amount that the currency does not have.
    """
    key = key_of_serie(serie)
    row = _locked(session, key)
    is_new = row is None
    if row is None:
        row = Invoice(serie_key=key, serie=serie, facts={}, person={}, residuals=[])
        session.add(row)
    row.facts = state.merged(row.facts, report.facts(), at)
    if row.erased_at is None:
        row.person = state.merged(row.person, report.person(), at)
    row.residuals = state.with_statement(row.residuals, report.statement(), at)
    row.odoo_id = odoo_id or row.odoo_id
    changed = _compute(session, row)
    session.flush()
    if changed or is_new:
        persons.observe(session, row, at)
    return row, APPLIED if changed or is_new else STALE, is_new


def take_payment(session: Session, payment: Payment) -> str:
    """Take a payment in, once for its reference: "applied", "stale" (known before), "kept" (no invoice is known yet)."""
    key = key_of_serie(payment.serie)
    row = _locked(session, key)
    values = {
        "serie_key": key,
        "reference": reference_of(payment.reference),
        "source": payment.source,
        "currency": payment.amount.currency,
        "amount_minor": payment.amount.minor,
        "paid_at": payment.paid_at,
    }
    if not insert_if_absent(session, InvoicePayment, ("serie_key", "reference"), values):
        return STALE
    if row is None:
        return KEPT
    return APPLIED if _compute(session, row) else STALE


def reference_of(text: str) -> str:
    """A payment's reference as it is stored: a long one by its digest."""
    plain = " ".join(text.split())
    return plain if len(plain.encode("utf-16-le")) // 2 <= REFERENCE_LENGTH else key_of(plain)


def can_name_invoice(serie: str) -> bool:
    """Whether a text may be the number of an invoice."""
    return 0 < len(key_of_serie(serie)) <= KEY_LENGTH


def payments_of(session: Session, row: Invoice) -> list[InvoicePayment]:
    """What came for an invoice, oldest first."""
    query = select(InvoicePayment).where(InvoicePayment.serie_key == row.serie_key)
    return list(session.scalars(query.order_by(InvoicePayment.paid_at, InvoicePayment.id)))


def _locked(session: Session, serie_key: str) -> Invoice | None:
    hold_names(session, [f"invoice:{serie_key}"])
    return session.scalars(locked(select(Invoice).where(Invoice.serie_key == serie_key), Invoice)).one_or_none()


def _compute(session: Session, row: Invoice) -> bool:
    """Set the columns; whether one has changed. Then the invoice is judged anew, also on a day on which it was already."""
    with session.no_autoflush:  # a new row lacks what is computed here
        paid = payments_of(session, row)
    defaults = _defaults()
    currency = row.facts["currency"][1] if "currency" in row.facts else defaults.currency
    # What came in another currency is shown, and deducted by whoever keeps the books.
    of_currency = [state.Paid(one.paid_at, one.amount_minor) for one in paid if one.currency == currency]
    columns = state.computed(row.facts, row.residuals, of_currency, defaults) | _person(row.person)
    changed = {name: value for name, value in columns.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        row.looked_on, row.held_because = None, None
    return bool(changed)


def _person(known: Mapping[str, Any]) -> dict[str, Any]:
    found = {column: known[name][1] if name in known else None for name, column in _OF_PERSON.items()}
    phone = found["phone"]
    return found | {
        "phone": e164(phone, get_settings().default_phone_region) if phone else None,
        "customer": fitting(found["customer"], 200) if found["customer"] else None,
    }


def _defaults() -> state.Defaults:
    company, terms = zone(), settings_of(InvoiceSettings).invoices_terms_days
    return state.Defaults(
        currency=get_settings().default_currency,
        terms=timedelta(days=terms),
        day_of=lambda moment: moment.astimezone(company).date(),
    )


def today() -> date:
    """The day that it is for the company."""
    return clock.now().astimezone(zone()).date()
