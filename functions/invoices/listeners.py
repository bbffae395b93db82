"""What others' events mean for invoices. Light: imports no SQL."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from functions.invoices.payloads import FINANCE, REMINDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from shared.messages import MessageOutcome


def may_send(session: Session, context: Mapping[str, Any]) -> str | None:
    """Whether a reminder may be sent now: the reason to skip it, or None."""
    if REMINDER not in context:
        return None
    from functions.invoices import reminders

    return reminders.may_send(session, context)


def look_again(context: Mapping[str, Any]) -> str | None:
    """The same at the last moment, after the message was claimed."""
    if REMINDER not in context:
        return None
    from functions.invoices import reminders

    return reminders.look_again(context)


def fill(context: Mapping[str, Any], given: Mapping[str, Any], _at: datetime) -> Mapping[str, Any] | None:
    """What a reminder and the list for finance say, as it is when they are sent."""
    if FINANCE in context:
        from functions.invoices import finance

        return dict(given) | finance.variables(context)
    if REMINDER not in context:
        return None
    from functions.invoices import reminders

    return dict(given) | reminders.variables(context)


def record_outcome(session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Note what became of a reminder."""
    if REMINDER not in context:
        return
    from functions.invoices import reminders

    reminders.record(session, context, outcome)


def settle(session: Session, payment: Mapping[str, Any], _event_key: str) -> None:
    """A payment has come whose reference may be an invoice's number: it is deducted, or kept until that invoice is known."""
    from functions.invoices import services
    from shared.money import Money

    serie = payment.get("order_ref")
    if not serie or not services.can_name_invoice(serie):
        return
    amount = Money.of(Decimal(payment["amount"]), payment["currency"])
    at = datetime.fromisoformat(payment["paid_at"])
    reference = f"payment:{payment['payment_id']}"
    services.take_payment(
        session, services.Payment(serie=serie, reference=reference, source="payment", amount=amount, paid_at=at)
    )
