"""What invoices hold of people. An invoice is a fact of the books: erasing a person leaves the amount, without them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.invoices.payloads import subject_of
from functions.invoices.persons import KIND, customer_name
from functions.invoices.tables import Invoice, InvoiceHold, InvoiceReminder
from shared import clock
from shared.crm.timeline import Source
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person

INVOICES = Invoice.__tablename__


def identify(session: Session, person: Person) -> Person:
    """Their invoices: those of their addresses, and of the customer's number by which whoever issues them knows them."""
    customers = [name.removeprefix(f"{KIND}:") for name in person.names if name.startswith(f"{KIND}:")]
    theirs = or_(Invoice.email.in_(person.emails), Invoice.customer_id.in_(customers))
    rows = session.scalars(select(Invoice).where(or_(theirs, Invoice.id.in_(person.of(INVOICES))))).all()
    names = [customer_name(row.customer_id) for row in rows if row.customer_id]
    events = [name for row in rows for name in (subject_of(row.serie_key), f"invoice:{row.id}")]
    person = person.with_rows(INVOICES, (row.id for row in rows)).with_phones(row.phone for row in rows)
    return person.with_emails(row.email for row in rows).with_names([*names, *events])


def _without(_person: Person) -> Mapping[str, Any]:
    """The row without its person. Nothing of them is taken in again, though Odoo still knows them."""
    nobody = dict.fromkeys(("customer_id", "customer", "email", "phone"))
    return nobody | {"person": {}, "payment_url": None, "erased_at": clock.now()}


def in_odoo(session: Session, person: Person) -> Mapping[str, Sequence[int]]:
    """Odoo's numbers of their invoices: books must keep them, so a person decides there."""
    rows = session.scalars(select(Invoice.odoo_id).where(Invoice.id.in_(person.of(INVOICES)), Invoice.odoo_id.is_not(None)))
    return {"invoices in Odoo": sorted(number for number in rows if number is not None)}


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(InvoiceHold, lambda person: InvoiceHold.invoice_id.in_(person.of(INVOICES)), lambda _person: {"note": None}),
        Holding(Invoice, lambda person: Invoice.id.in_(person.of(INVOICES)), _without),
    ),
    identify=identify,
    outside=in_odoo,
)


def _shown(session: Session, rows: Sequence[InvoiceReminder]) -> Iterator[dict[str, Any]]:
    found = session.scalars(select(Invoice).where(Invoice.id.in_({row.invoice_id for row in rows})))
    invoices = {row.id: row for row in found}
    for row in rows:
        invoice = invoices[row.invoice_id]
        yield {
            "what": f"{invoice.serie}: {row.template}",
            "outcome": row.state,
            "reason": row.reason,
            "details": {"channel": row.channel, "stage": row.stage, "days_overdue": row.days_overdue},
        }


def _of_whom(whose: Any) -> Any:
    theirs = or_(Invoice.email.in_(whose.values("email")), Invoice.customer_id.in_(whose.values(KIND)))
    return InvoiceReminder.invoice_id.in_(select(Invoice.id).where(theirs))


REMINDERS = Source("invoice_reminder", InvoiceReminder, InvoiceReminder.created_at, _of_whom, _shown)


def _invoices_shown(_session: Session, rows: Sequence[Invoice]) -> Iterator[dict[str, Any]]:
    for row in rows:
        details = {"total": str(row.total), "residual": str(row.residual), "currency": row.currency, "due_on": row.due_on}
        yield {"what": row.serie, "outcome": row.status, "details": details | {"due_on": row.due_on.isoformat()}}


INVOICES_SOURCE = Source(
    "invoice",
    Invoice,
    Invoice.created_at,
    lambda whose: or_(Invoice.email.in_(whose.values("email")), Invoice.customer_id.in_(whose.values(KIND))),
    _invoices_shown,
)
