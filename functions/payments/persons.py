"""Who pays: the customer's number proves a person to Stripe; what was typed into a checkout only proposes one."""

from sqlalchemy.orm import Session

from functions.leads import persons as leads
from functions.payments.payloads import subject_of
from functions.payments.tables import Payment
from shared.people import kinds, observing
from shared.people.backfill import Source
from shared.people.observing import Seen

LONGEST_NAME = 100


def observe(session: Session, payment: Payment) -> int | None:
    """Note by which identities the payer is known; the number of the person, None where Stripe names no customer."""
    proven = kinds.identities(stripe=payment.customer_id)
    if not proven:
        return None
    typed = kinds.identities(email=payment.email, phone=payment.phone)
    return observing.observe(session, Seen(source="stripe", at=payment.paid_at or payment.began_at, proven=proven, typed=typed))


PAYMENTS = Source("payments", Payment, observe)


def names_of(session: Session, payment: Payment) -> list[str]:
    """By which names journeys may know the payer, the one to enrol under first; else the payment."""
    names = leads.names_of(session, email=payment.email)
    if payment.customer_id:
        names.append(customer_name(payment.customer_id))
    return names or [subject_of(payment.payment_id)]


def customer_name(customer_id: str) -> str:
    """The name of a customer of Stripe's."""
    return f"stripe:{customer_id}"[:LONGEST_NAME]
