"""The revenue of each day and currency: what was paid on it, in the account's zone, without refunds and lost disputes."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.payments.settings import PaymentSettings
from functions.payments.tables import Payment
from shared import clock
from shared.settings import get_settings, settings_of

SERIES_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class Day:
    """One day in one currency; amounts in its smallest unit."""

    day: date
    currency: str
    payments: int
    gross: int
    refunded: int
    lost: int

    @property
    def net(self) -> int:
        """What stayed."""
        return self.gross - self.refunded - self.lost


def zone() -> ZoneInfo:
    """The zone of the account, in which a payment has its day."""
    return ZoneInfo(settings_of(PaymentSettings).payments_time_zone or get_settings().default_time_zone)


def today() -> date:
    """The day that it is in the zone of the account."""
    return clock.now().astimezone(zone()).date()


def days(session: Session, since: date, until: date, *, live: bool, currency: str | None = None) -> list[Day]:
    """The days from `since` to `until` on which something was paid, each currency by itself."""
    sums = (
        func.count().label("payments"),
        func.sum(Payment.received_minor).label("gross"),
        func.sum(Payment.refunded_minor).label("refunded"),
        func.sum(Payment.lost_minor).label("lost"),
    )
    query = select(Payment.paid_on, Payment.currency, *sums).where(Payment.live == live, Payment.paid_on.between(since, until))
    if currency is not None:
        query = query.where(Payment.currency == currency)
    grouped = query.group_by(Payment.paid_on, Payment.currency).order_by(Payment.paid_on, Payment.currency)
    return [
        Day(
            day=row.paid_on,
            currency=row.currency,
            payments=row.payments,
            gross=int(row.gross),
            refunded=int(row.refunded),
            lost=int(row.lost),
        )
        for row in session.execute(grouped)
    ]
