"""What payments hold of people. A payment is a fact of the books: erasing a person leaves the amount, without them."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, UnicodeText, and_, false, or_, select, type_coerce
from sqlalchemy.orm import Session

from functions.payments import sheet
from functions.payments.payloads import subject_of
from functions.payments.persons import customer_name
from functions.payments.tables import ERASED, Payment, PaymentObject
from shared.crm.timeline import Source
from shared.outbox.record_sync import PENDING
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person
from shared.store.search import pattern

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
PAYMENTS = Payment.__tablename__


def identify(session: Session, person: Person) -> Person:
    """Their payments: those of their addresses. Events name a payment by each of Stripe's objects that belong to it.

    Objects that belong to no payment (a subscription's checkout that came to nothing) are found by the address in them.
    """
    customers = [name.removeprefix("stripe:") for name in person.names if name.startswith("stripe:")]
    theirs = or_(Payment.email.in_(person.emails), Payment.customer_id.in_(customers))
    rows = session.scalars(select(Payment).where(theirs)).all()
    found = {row.id for row in rows} | person.of(PAYMENTS)
    objects = session.scalars(select(PaymentObject.object_id).where(_objects(person, found)))
    names = [customer_name(row.customer_id) for row in rows if row.customer_id]
    person = person.with_rows(PAYMENTS, found).with_phones(row.phone for row in rows)
    return person.with_names(map(subject_of, objects)).with_names(names)


def _objects(person: Person, payments: Collection[int]) -> ColumnElement[bool]:
    reported = type_coerce(PaymentObject.person, UnicodeText)
    named = or_(false(), *(reported.like(pattern(f'"{email}"'), escape="\\") for email in person.emails))
    return or_(PaymentObject.payment_id.in_(payments), and_(PaymentObject.payment_id.is_(None), named))


def _payment_without(_person: Person) -> dict[str, Any]:
    """The row without its person; the sheet's row is out of date then, which the engine's job finds and brings in step."""
    nobody: dict[str, Any] = {
        "customer_id": None,
        "email": None,
        "phone": None,
        "name": None,
        "details": {},
        "notified": [ERASED],
    }
    return nobody | ({"sheet_sync_status": PENDING, "sheet_sync_at": LONG_AGO} if sheet.is_used() else {})


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(PaymentObject, lambda person: _objects(person, person.of(PAYMENTS)), lambda _person: {"person": {}}),
        Holding(Payment, lambda person: Payment.id.in_(person.of(PAYMENTS)), _payment_without),
    ),
    identify=identify,
)


def _shown(_session: Session, rows: Sequence[Payment]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            "what": row.payment_id,
            "outcome": row.status,
            "reason": row.failure,
            "occurred_at": row.paid_at or row.began_at,
            "details": {"amount": str(row.amount), "currency": row.currency, "net": str(row.net), "method": row.method},
        }


TIMELINE = Source(
    "payment",
    Payment,
    Payment.created_at,
    lambda whose: or_(Payment.email.in_(whose.values("email")), Payment.customer_id.in_(whose.values("stripe"))),
    _shown,
)
