"""The tables of payments: one row for each payment, and what Stripe reported of each of its objects."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared.money import Money
from shared.store.models import Base, Timestamped
from shared.store.sync_columns import SyncColumns
from shared.store.types import BigId, Day, JsonText, UtcDateTime

OBJECT_LENGTH = 128
ERASED = "erased"
"""Stands in `notified` where the person was erased: journeys are notified of that payment no more."""


class SheetSynced(SyncColumns, prefix="sheet"):
    """How far the row in the Google Sheet is in step with the payment. `sheet_sync_status` is NULL where it has none."""

    sheet_sync_status: Mapped[str | None]
    sheet_sync_error: Mapped[str | None]
    sheet_synced_at: Mapped[datetime | None]


class Payment(Timestamped, SheetSynced, Base):
    """A payment, by Stripe's id of its payment intent; by that of the charge where it has no intent.

    `status`: `pending`, `authorized`, `failed`, `canceled`, `succeeded`. Amounts are whole numbers of the currency's smallest
    unit (ISO 4217): `amount_minor` was asked for, `received_minor` came, of which `refunded_minor` went back and `lost_minor`
    was lost in disputes. `paid_at` is when it became true, `paid_on` that day in the zone of the account.
    `analysis` is what OpenAI said of it, with its cost. `live` is false for what Stripe's test mode reports. `notified` lists
    the names under which journeys know of it.
    The row is computed from the facts of its objects (`PaymentObject`).
    """

    __tablename__ = "payments"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    payment_id: Mapped[str] = mapped_column(Unicode(OBJECT_LENGTH), unique=True)
    live: Mapped[bool]
    status: Mapped[str] = mapped_column(Unicode(16))
    currency: Mapped[str] = mapped_column(Unicode(8))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    received_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    lost_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    dispute: Mapped[str | None] = mapped_column(Unicode(40))
    failure: Mapped[str | None] = mapped_column(Unicode(60))
    method: Mapped[str | None] = mapped_column(Unicode(64))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paid_on: Mapped[date | None] = mapped_column(Day)
    billing_reason: Mapped[str | None] = mapped_column(Unicode(40))
    order_ref: Mapped[str | None] = mapped_column(Unicode(200), index=True)
    customer_id: Mapped[str | None] = mapped_column(Unicode(OBJECT_LENGTH), index=True)
    email: Mapped[str | None] = mapped_column(Unicode(254), index=True)
    phone: Mapped[str | None] = mapped_column(Unicode(20))
    name: Mapped[str | None] = mapped_column(Unicode(200))
    details: Mapped[Any] = mapped_column(JsonText, default=dict)
    notified: Mapped[Any] = mapped_column(JsonText, default=list)
    analysis: Mapped[Any] = mapped_column(JsonText, nullable=True)

    __table_args__ = (Index("ix_payments_live_paid_on", "live", "paid_on"),)

    @property
    def amount(self) -> Money:
        """What came; what was asked for, as long as nothing has come."""
        return Money(self.received_minor or self.amount_minor, self.currency)

    @property
    def net(self) -> Money:
        """What came and stayed: without refunds, and without what was lost in disputes."""
        return Money(max(self.received_minor - self.refunded_minor - self.lost_minor, 0), self.currency)


class PaymentObject(Timestamped, Base):
    """One of Stripe's objects that belong to a payment: intent, charge, session, invoice, refund, dispute.

    `parent` is the object through which it belongs to a payment, `payment_id` that payment once it is known.
    `facts` holds the newest report of each type of event, without anything of the person, which is in `person`.
    """

    __tablename__ = "payment_objects"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    object_id: Mapped[str] = mapped_column(Unicode(OBJECT_LENGTH), unique=True)
    kind: Mapped[str] = mapped_column(Unicode(20))
    parent: Mapped[str | None] = mapped_column(Unicode(OBJECT_LENGTH), index=True)
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"), index=True)
    facts: Mapped[Any] = mapped_column(JsonText, default=dict)
    person: Mapped[Any] = mapped_column(JsonText, default=dict)
