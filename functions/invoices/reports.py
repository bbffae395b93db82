"""Reports on invoices: what is overdue, which reminders bring money in, and how both change from day to day.

Currencies are never added up; amounts are whole numbers of a currency's smallest unit.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from functions.invoices.judging import OPEN
from functions.invoices.reminders import EMAIL
from functions.invoices.tables import Invoice, InvoiceDay, InvoiceReminder

BUCKETS = {"recent": 1, "warning": 14, "error": 30, "critical": 60}
"""From how many days overdue on an invoice is in which bucket."""

CRITICAL_SHARE, LONG_MEAN_DAYS = 20, 45
WENT_OUT = ("sent", "delivered", "opened", "clicked")


@dataclass
class Overdue:
    """What is overdue in one currency."""

    currency: str
    invoices: int = 0
    amount: int = 0
    largest: int = 0
    customers: int = 0
    mean_days: int = 0
    buckets: dict[str, tuple[int, int]] = field(default_factory=lambda: dict.fromkeys(BUCKETS, (0, 0)))
    """How many invoices of what amount, by bucket."""

    @property
    def mean(self) -> int:
        """The mean amount, rounded down to the smallest unit."""
        return self.amount // self.invoices if self.invoices else 0

    @property
    def hints(self) -> list[str]:
        """What finance should look at: `critical-share` above a fifth of the amount, `mean-days` above 45."""
        critical = 100 * self.buckets["critical"][1] > CRITICAL_SHARE * self.amount
        return ["critical-share"] * critical + ["mean-days"] * (self.mean_days > LONG_MEAN_DAYS)


def overdue(session: Session, day: date) -> list[Overdue]:
    """What is overdue on that day, by currency."""
    bucket = case(*((Invoice.due_on <= day - timedelta(days=days), name) for name, days in reversed(BUCKETS.items())))
    late = (Invoice.status == OPEN, Invoice.kind == "invoice", Invoice.due_on < day)
    whose = func.count(func.distinct(func.coalesce(Invoice.customer_id, Invoice.email, Invoice.serie_key)))
    sums = (func.count(), func.sum(Invoice.residual_minor), func.max(Invoice.residual_minor))
    found: dict[str, Overdue] = {}
    by_bucket = select(Invoice.currency, bucket.label("bucket"), *sums).where(*late).group_by(Invoice.currency, bucket)
    for currency, name, count, amount, largest in session.execute(by_bucket):
        one = found.setdefault(currency, Overdue(currency))
        one.buckets[name] = (count, int(amount))
        one.invoices, one.amount, one.largest = one.invoices + count, one.amount + int(amount), max(one.largest, int(largest))
    for currency, customers in session.execute(select(Invoice.currency, whose).where(*late).group_by(Invoice.currency)):
        found[currency].customers = customers
    days: dict[str, int] = defaultdict(int)
    dated = select(Invoice.currency, Invoice.due_on, func.count()).where(*late).group_by(Invoice.currency, Invoice.due_on)
    for currency, due_on, count in session.execute(dated):
        days[currency] += count * (day - due_on).days
    for currency, one in found.items():
        one.mean_days = days[currency] // one.invoices
    return [found[currency] for currency in sorted(found)]


@dataclass
class Effect:
    """What the reminders of one text and currency have brought: a payment counts for the last one before it."""

    template: str
    currency: str
    reminded: int = 0
    paid: int = 0
    collected: int = 0
    days: int = 0

    @property
    def percent(self) -> str:
        """The share that was paid afterwards, in percent with one decimal."""
        tenths = (2000 * self.paid + self.reminded) // (2 * self.reminded) if self.reminded else 0
        return f"{tenths // 10}.{tenths % 10}"

    @property
    def mean_days(self) -> int | None:
        """Whole days from the reminder to the payment, on average."""
        return self.days // self.paid if self.paid else None


def effects(session: Session, since: datetime, until: datetime) -> list[Effect]:
    """The reminders that went out by e-mail in that time, by text and currency."""
    columns = (InvoiceReminder.template, InvoiceReminder.sent_at, InvoiceReminder.residual_minor, InvoiceReminder.invoice_id)
    query = select(*columns, Invoice.currency, Invoice.status, Invoice.paid_at).join(
        Invoice, Invoice.id == InvoiceReminder.invoice_id
    )
    went_out = (InvoiceReminder.state.in_(WENT_OUT), InvoiceReminder.channel == EMAIL)
    query = query.where(*went_out, InvoiceReminder.sent_at >= since, InvoiceReminder.sent_at < until)
    rows = session.execute(query.order_by(InvoiceReminder.sent_at, InvoiceReminder.id)).all()
    found: dict[tuple[str, str], Effect] = {}
    last = {row.invoice_id: row for row in rows if row.status == "paid" and row.paid_at and row.paid_at >= row.sent_at}
    for row in rows:
        one = found.setdefault((row.template, row.currency), Effect(row.template, row.currency))
        one.reminded += 1
        if last.get(row.invoice_id) is row:
            one.paid += 1
            one.collected += row.residual_minor
            one.days += (row.paid_at - row.sent_at).days
    return [found[key] for key in sorted(found)]


@dataclass(frozen=True)
class Trend:
    """One day's figures in one currency; None where nobody looked on that day."""

    day: date
    currency: str
    overdue: int
    overdue_amount: int
    reminded: int
    reminded_amount: int


def trends(session: Session, day: date) -> list[Trend]:
    """The figures of that day, the day before, and seven days before."""
    wanted = [day, day - timedelta(days=1), day - timedelta(days=7)]
    rows = session.scalars(select(InvoiceDay).where(InvoiceDay.day.in_(wanted)).order_by(InvoiceDay.day.desc()))
    return [trend for row in rows for trend in of_day(row)]


def of_day(row: InvoiceDay) -> Iterator[Trend]:
    """The figures of a day that was kept, by currency."""
    kept: dict[str, Any] = row.figures["currencies"]
    for currency, figures in sorted(kept.items()):
        amounts = {name: figures[name] for name in ("overdue", "overdue_amount", "reminded", "reminded_amount")}
        yield Trend(day=row.day, currency=currency, **amounts)


def reminded(session: Session, day: date) -> list[tuple[InvoiceReminder, Invoice]]:
    """The reminders by e-mail that were planned on that day and not withheld, the most urgent and largest first."""
    query = select(InvoiceReminder, Invoice).join(Invoice, Invoice.id == InvoiceReminder.invoice_id)
    wanted = (InvoiceReminder.planned_on == day, InvoiceReminder.channel == EMAIL, InvoiceReminder.state != "withheld")
    order = (InvoiceReminder.stage.desc(), InvoiceReminder.residual_minor.desc(), InvoiceReminder.id)
    return [(reminder, invoice) for reminder, invoice in session.execute(query.where(*wanted).order_by(*order))]
