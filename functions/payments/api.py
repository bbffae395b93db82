"""`/api/v1/payments`: what was paid, what has become of it, and the revenue of each day."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, select

from functions.payments import revenue
from functions.payments.settings import PaymentSettings
from functions.payments.tables import OBJECT_LENGTH, Payment, PaymentObject
from shared.errors import FieldError, RefusedError
from shared.money import Money
from shared.problems import documented
from shared.readers.email import key as address_key
from shared.settings import settings_of
from shared.store.session import reading
from shared.web.auth import SecuredRoute
from shared.web.paging import Page, PageQuery, find, text

router = APIRouter(prefix="/api/v1/payments", tags=["Payments"], route_class=SecuredRoute)

LONGEST_PERIOD = timedelta(days=366)
ObjectId = Annotated[
    str,
    Path(min_length=1, max_length=OBJECT_LENGTH, description="Stripe's id of the payment or of an object that belongs to it."),
]
Currency = Annotated[str, Field(pattern="^[A-Za-z]{3}$", description="ISO 4217.")]
LIVE = "false: those of the other mode, which are kept apart and from which nothing follows."


class PaymentQuery(PageQuery):
    """Filters of the list."""

    status: Literal["pending", "authorized", "failed", "canceled", "succeeded"] | None = None
    email: Annotated[str, text(254)] | None = Field(default=None, description="The payer's address, in any case.")
    customer: Annotated[str, text(OBJECT_LENGTH)] | None = Field(default=None, description="Stripe's id of the customer.")
    order_ref: Annotated[str, text(200)] | None = Field(
        default=None, description="The order, as the payment's metadata names it."
    )
    since: date | None = Field(default=None, description="Paid on this day or later, in the account's zone.")
    until: date | None = Field(default=None, description="Paid on this day or before.")
    counted: bool = Field(default=True, description=LIVE)

    def applied(self, query: Select[Payment]) -> Select[Payment]:
        """`query`, narrowed down."""
        query = query.where(Payment.live == _live(counted=self.counted))
        given = {Payment.status: self.status, Payment.customer_id: self.customer, Payment.order_ref: self.order_ref}
        query = query.where(*(column == value for column, value in given.items() if value is not None))
        if self.email is not None:
            query = query.where(Payment.email == address_key(self.email))
        if self.since is not None:
            query = query.where(Payment.paid_on >= self.since)
        return query if self.until is None else query.where(Payment.paid_on <= self.until)


class PaymentOut(BaseModel):
    """A payment. Amounts are exact texts with the decimals of the currency."""

    model_config = ConfigDict(from_attributes=True)

    payment_id: str = Field(description="Stripe's id of the payment intent; of the charge where there is none.")
    status: Literal["pending", "authorized", "failed", "canceled", "succeeded"]
    amount: str = Field(description="What came; what was asked for, as long as nothing has come.")
    currency: str
    refunded_amount: str = Field(description="What went back, in all.")
    refunded: bool = Field(description="Whether all of it went back.")
    lost_amount: str = Field(description="What was lost in disputes.")
    net_amount: str = Field(description="What came and stayed.")
    dispute: str | None = Field(description="Stripe's state of the newest dispute.")
    failure: str | None = Field(description="Stripe's code of why it failed.")
    method: str | None
    customer: str | None = Field(description="Stripe's id of the customer, else the address.")
    email: str | None
    order_ref: str | None
    billing_reason: str | None
    metadata: dict[str, Any]
    live: bool = Field(description="false: Stripe's test mode.")
    sheet_sync_status: str | None = Field(description="Whether its row in the Google Sheet is in step; null where it has none.")
    sheet_sync_error: str | None
    analysis: dict[str, Any] | None = Field(description="What OpenAI said of it, or that it refused, with what that cost.")
    paid_at: datetime | None
    paid_on: date | None = Field(description="The day on which it became true, in the account's zone.")
    created_at: datetime = Field(description="When it was begun at Stripe.")
    updated_at: datetime

    @classmethod
    def of(cls, row: Payment) -> Self:
        """The payment as the API shows it."""
        return cls(**_shown(row))


_SHOWN = ("live", "paid_at", "paid_on", "updated_at", "sheet_sync_status", "sheet_sync_error", "analysis")


def _shown(row: Payment) -> dict[str, Any]:
    same = ("payment_id", "status", "currency", "dispute", "failure", "method", "email", "order_ref", "billing_reason")
    return {name: getattr(row, name) for name in (*same, *_SHOWN)} | {
        "amount": str(row.amount),
        "refunded_amount": str(Money(row.refunded_minor, row.currency)),
        "refunded": 0 < row.received_minor <= row.refunded_minor,
        "lost_amount": str(Money(row.lost_minor, row.currency)),
        "net_amount": str(row.net),
        "customer": row.customer_id or row.email,
        "metadata": row.details or {},
        "created_at": row.began_at,
    }


class DayOut(BaseModel):
    """The revenue of one day in one currency: what was paid on it, without what went back since."""

    model_config = ConfigDict(from_attributes=True)

    day: date
    currency: str
    payments: int
    gross: str = Field(description="What came.")
    refunded: str
    lost: str = Field(description="In disputes.")
    net: str


class RevenueOut(BaseModel):
    """The revenue of each day and currency, in the account's zone. Currencies are never added up."""

    since: date
    until: date
    days: list[DayOut]


@router.get("", summary="List payments")
def list_payments(query: Annotated[PaymentQuery, Query()]) -> Page[PaymentOut]:
    """Payments as Stripe reports them, one row each."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Payment)), Payment.id, query)
        return Page(items=[PaymentOut.of(row) for row in rows], total=total, next=after)


@router.get("/revenue", summary="Revenue of each day and currency")
def get_revenue(
    since: Annotated[date | None, Query(description="Default: 30 days up to `until`.")] = None,
    until: Annotated[date | None, Query(description="Default: today, in the account's zone.")] = None,
    currency: Annotated[Currency | None, Query()] = None,
    counted: Annotated[bool, Query(description=LIVE)] = True,  # noqa: FBT002  # FastAPI names it
) -> RevenueOut:
    """A payment belongs to the day on which it was paid, and so does what went back of it later."""
    end = until or revenue.today()
    start = since or end - timedelta(days=revenue.SERIES_DAYS - 1)
    if not timedelta() <= end - start <= LONGEST_PERIOD:
        wrong = FieldError("since", "must not lie after `until`, nor more than a year before it")
        raise RefusedError(422, "invalid-fields", "The period is not as it must be.", errors=[wrong])
    with reading() as session:
        found = revenue.days(session, start, end, live=_live(counted=counted), currency=currency and currency.upper())
    return RevenueOut(since=start, until=end, days=[_day(one) for one in found])


def _day(one: revenue.Day) -> DayOut:
    amounts = {name: str(Money(getattr(one, name), one.currency)) for name in ("gross", "refunded", "lost", "net")}
    return DayOut(day=one.day, currency=one.currency, payments=one.payments, **amounts)


@router.get("/{object_id}", summary="One payment", responses=documented(404))
def get_payment(object_id: ObjectId) -> PaymentOut:
    """The payment of that intent, charge, checkout session, invoice, refund or dispute."""
    with reading() as session:
        query = select(Payment).join(PaymentObject, PaymentObject.payment_id == Payment.id)
        row = session.scalars(query.where(PaymentObject.object_id == object_id)).one_or_none()
        if row is None:
            raise RefusedError(404, "no-such-payment", "There is no payment with that id.")
        return PaymentOut.of(row)


def _live(*, counted: bool) -> bool:
    """Which of Stripe's modes is asked for: the one that counts here, or the other."""
    return counted != settings_of(PaymentSettings).stripe_test_mode
