"""Who gets an invoice: whoever issues it knows the customer by a number; address and phone were typed, and propose a person."""

from datetime import datetime

from sqlalchemy.orm import Session

from functions.invoices.tables import Invoice
from shared.people import kinds, observing
from shared.people.backfill import Source
from shared.people.observing import Seen

KIND = "invoice-customer"


def observe(session: Session, row: Invoice, at: datetime) -> int | None:
    """Note by which identities a customer is known; the number of the person, None where no customer's number is known."""
    proven = kinds.identities_of(KIND, [row.customer_id] if row.customer_id else [])
    if not proven:
        return None
    typed = kinds.identities(email=row.email, phone=row.phone)
    return observing.observe(session, Seen(source="invoice", at=at, proven=proven, typed=typed))


def _observe_stored(session: Session, row: Invoice) -> int | None:
    return observe(session, row, row.created_at)


INVOICES = Source("invoices", Invoice, _observe_stored)


def customer_name(customer_id: str) -> str:
    """The name of a customer by the number that whoever issues the invoices has for them."""
    (found,) = kinds.identities_of(KIND, [customer_id])
    return kinds.names_of(found)[0]
