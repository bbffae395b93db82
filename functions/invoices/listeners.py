"""What others' events mean for invoices. Light: imports no SQL."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session


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
