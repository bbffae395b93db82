"""What follows from a payment: its row in the sheet, an alert, an analysis; journeys and other flows are notified.

They are notified once for each name by which they may know whoever paid.
"""

from typing import Any

from sqlalchemy.orm import Session

from functions.payments import alerts, analysis, persons, sheet
from functions.payments.settings import PaymentSettings
from functions.payments.tables import ERASED, Payment
from shared import flows
from shared.journeys import engine
from shared.settings import get_settings, settings_of
from shared.store.types import key_of

RECEIVED = "payment.received"


def counts(payment: Payment) -> bool:
    """Whether anything follows from the payment: not from one of the other mode of Stripe's."""
    return payment.live != settings_of(PaymentSettings).stripe_test_mode


def follow(session: Session, payment: Payment, event_key: str) -> None:
    """Have everything follow from a payment that has changed: its row in the sheet, and what the money's coming brings."""
    if not counts(payment):
        return
    sheet.ROWS.request(session, payment, event_key)
    if payment.paid_at is not None:
        alerts.request(session, payment, event_key)
        analysis.ANALYSES.request(session, payment, event_key)
        notify(session, payment, event_key)


def notify(session: Session, payment: Payment, event_key: str) -> None:
    """Signal `payment.received` of a payment that has come, and call its listeners.

    An address may become known after that (the session is reported after the intent): then it is signalled again, as the same
    event, with the further name, so that whatever the payment ends is ended in any order of reports.
    """
    names = persons.names_of(session, payment)
    known = list(payment.notified or ())
    if set(names) <= set(known) or ERASED in known:
        return
    payment.notified = known + [name for name in names if name not in known]
    session.flush()
    for _flow, listener in flows.listeners(RECEIVED):  # first: they lock their person's row before any enrolment, as always
        listener(session, facts_of(payment), event_key)
    key = key_of(RECEIVED, payment.payment_id)
    engine.signal(session, RECEIVED, [*names, *known], facts_of(payment), event_key=key, at=payment.paid_at)


def facts_of(payment: Payment) -> dict[str, Any]:
    """What journeys, their texts and other flows may know of a payment; what is unknown is left out."""
    known = {
        "payment_id": payment.payment_id,
        "amount": str(payment.amount),
        "currency": payment.currency,
        "method": payment.method,
        "order_ref": payment.order_ref,
        "billing_reason": payment.billing_reason,
        "paid_at": payment.paid_at.isoformat() if payment.paid_at else None,
        "paid_on": payment.paid_on.isoformat() if payment.paid_on else None,
        "email": payment.email,
        "phone": payment.phone,
        "name": payment.name,
        "locale": get_settings().default_locale,
    }
    return {name: value for name, value in known.items() if value is not None}
