"""How long payments are kept."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, exists

from functions.payments.tables import Payment, PaymentObject
from shared.retention_rules import DaysOf, Rule

WAITING_DAYS = 90
"""So long an object waits for the payment to which it belongs; Stripe repeats its events for three days."""
_DAYS = DaysOf("retention_payment_days")


def _old_object(before: datetime) -> ColumnElement[bool]:
    kept = exists().where(Payment.id == PaymentObject.payment_id, Payment.updated_at >= before)
    return (PaymentObject.updated_at < before) & ~kept


def _of_no_payment(before: datetime) -> ColumnElement[bool]:
    return (PaymentObject.updated_at < before) & PaymentObject.payment_id.is_(None)


def _old_payment(before: datetime) -> ColumnElement[bool]:
    return (Payment.updated_at < before) & ~exists().where(PaymentObject.payment_id == Payment.id)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "payment reports": Rule(PaymentObject, PaymentObject.created_at, _DAYS, _old_object),
        "reports of no payment": Rule(PaymentObject, PaymentObject.created_at, lambda _settings: WAITING_DAYS, _of_no_payment),
        "payments": Rule(Payment, Payment.created_at, _DAYS, _old_payment),
    }
)
