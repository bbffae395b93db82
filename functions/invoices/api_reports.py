"""`/api/v1/invoices/reports/...` and `/api/v1/invoices/days`: what is overdue, what reminders bring, and each day's figures."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from functions.invoices import reports, services
from functions.invoices.fields import FIRST_DAY, LAST_DAY, zone
from functions.invoices.reports import BUCKETS, Effect, Overdue, Trend
from functions.invoices.tables import InvoiceDay
from shared.errors import FieldError, RefusedError
from shared.money import Money
from shared.store.session import reading
from shared.web.auth import SecuredRoute
from shared.web.paging import Page, PageQuery, find

router = APIRouter(prefix="/api/v1/invoices", tags=["Invoices"], route_class=SecuredRoute)
LONGEST_PERIOD = timedelta(days=366)
PERIOD_DAYS = 30
Format = Annotated[Literal["json", "csv"], Query(description="`csv`: a file with a header line.")]
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


class BucketOut(BaseModel):
    """Invoices that are overdue by so many days."""

    bucket: Literal["recent", "warning", "error", "critical"] = Field(
        description="`recent` 1 to 13 days, `warning` 14 to 29, `error` 30 to 59, `critical` 60 and more."
    )
    invoices: int
    amount: str


class DelinquencyOut(BaseModel):
    """What is overdue in one currency."""

    currency: str
    invoices: int
    customers: int
    amount: str
    mean_amount: str
    largest_amount: str
    mean_days: int
    buckets: list[BucketOut]
    hints: list[str] = Field(description="`critical-share`: above a fifth is critical; `mean-days`: above 45.")

    @classmethod
    def of(cls, one: Overdue) -> Self:
        """The figures as the API shows them."""
        counts = {name: getattr(one, name) for name in ("currency", "invoices", "customers", "mean_days")}
        amounts = {"amount": one.amount, "mean_amount": one.mean, "largest_amount": one.largest}
        buckets = [
            BucketOut.model_validate({"bucket": name, "invoices": count, "amount": _text(amount, one.currency)})
            for name, (count, amount) in one.buckets.items()
        ]
        return cls(
            **counts, hints=one.hints, buckets=buckets, **{name: _text(minor, one.currency) for name, minor in amounts.items()}
        )


class DelinquencyReport(BaseModel):
    """What is overdue today, by currency. Currencies are never added up."""

    day: date
    currencies: list[DelinquencyOut]


class EffectOut(BaseModel):
    """What the reminders of one text have brought. A payment counts for the last reminder before it."""

    template: str
    currency: str
    reminded: int
    paid: int
    paid_percent: str
    mean_days_to_pay: int | None
    collected: str = Field(description="What was open of the invoices that were paid afterwards.")

    @classmethod
    def of(cls, one: Effect) -> Self:
        """The figures as the API shows them."""
        same = {name: getattr(one, name) for name in ("template", "currency", "reminded", "paid")}
        collected = _text(one.collected, one.currency)
        return cls(**same, paid_percent=one.percent, mean_days_to_pay=one.mean_days, collected=collected)


class EffectivenessReport(BaseModel):
    """The reminders that went out by e-mail from `since` to `until`, days of the company's zone."""

    since: date
    until: date
    effects: list[EffectOut]


class TrendOut(BaseModel):
    """One day's figures in one currency, as they were when its look was done."""

    day: date
    currency: str
    overdue: int
    overdue_amount: str
    reminded: int
    reminded_amount: str

    @classmethod
    def of(cls, one: Trend) -> Self:
        """The figures as the API shows them."""
        amounts = {name: _text(getattr(one, name), one.currency) for name in ("overdue_amount", "reminded_amount")}
        return cls(day=one.day, currency=one.currency, overdue=one.overdue, reminded=one.reminded, **amounts)


class TrendReport(BaseModel):
    """Today, yesterday, and seven days ago; days on which nobody looked are left out."""

    days: list[TrendOut]


class DayOut(BaseModel):
    """A day whose look is done."""

    day: date
    figures: list[TrendOut]
    listed: dict[str, int] = Field(description="How many invoices finance had listed: `escalated`, `credit`, `missing-email`.")


@router.get("/days", summary="List the days of invoices")
def list_days(query: Annotated[PageQuery, Query()]) -> Page[DayOut]:
    """Each day's figures, as they were."""
    with reading() as session:
        rows, total, after = find(session, select(InvoiceDay), InvoiceDay.id, query)
    return Page(items=[_day(row) for row in rows], total=total, next=after)


@router.get("/reports/delinquency", summary="What is overdue", response_model=DelinquencyReport, responses=CSV)
def report_delinquency(format: Format = "json") -> Any:  # noqa: A002  # the parameter's name
    """What is overdue today, by currency and age."""
    day = services.today()
    with reading() as session:
        found = [DelinquencyOut.of(one) for one in reports.overdue(session, day)]
    if format == "csv":
        rows = [
            [day, one.currency, one.invoices, one.customers, one.amount, one.mean_amount, one.largest_amount, one.mean_days]
            + [value for bucket in one.buckets for value in (bucket.invoices, bucket.amount)]
            for one in found
        ]
        names = [f"{name}{part}" for name in BUCKETS for part in ("_invoices", "_amount")]
        same = ["day", "currency", "invoices", "customers", "amount", "mean_amount", "largest_amount", "mean_days"]
        return _file([*same, *names], rows)
    return DelinquencyReport(day=day, currencies=found)


@router.get("/reports/effectiveness", summary="What reminders bring", response_model=EffectivenessReport, responses=CSV)
def report_effectiveness(
    since: Annotated[date | None, Query(description="Default: 30 days up to `until`.")] = None,
    until: Annotated[date | None, Query(description="Default: today, in the company's zone.")] = None,
    format: Format = "json",  # noqa: A002  # the parameter's name
) -> Any:
    """How many of those who were reminded have paid since, after how many days, and how much."""
    end = until or services.today()
    start = since or end - min(timedelta(days=PERIOD_DAYS - 1), end - date.min)
    if not timedelta() <= end - start <= LONGEST_PERIOD or not FIRST_DAY <= start <= end <= LAST_DAY:
        wrong = FieldError(
            "since", "must not lie after `until`, nor more than a year before it; both lie between 1990 and 2199"
        )
        raise RefusedError(422, "invalid-fields", "The period is not as it must be.", errors=[wrong])
    with reading() as session:
        found = [EffectOut.of(one) for one in reports.effects(session, _midnight(start), _midnight(end + timedelta(days=1)))]
    if format == "csv":
        return _file(list(EffectOut.model_fields), [list(one.model_dump().values()) for one in found])
    return EffectivenessReport(since=start, until=end, effects=found)


@router.get("/reports/trends", summary="Today, yesterday, a week ago", response_model=TrendReport, responses=CSV)
def report_trends(format: Format = "json") -> Any:  # noqa: A002  # the parameter's name
    """What was overdue and reminded of, day against day."""
    with reading() as session:
        found = [TrendOut.of(one) for one in reports.trends(session, services.today())]
    if format == "csv":
        return _file(list(TrendOut.model_fields), [list(one.model_dump().values()) for one in found])
    return TrendReport(days=found)


def _day(row: InvoiceDay) -> DayOut:
    return DayOut(day=row.day, figures=[TrendOut.of(one) for one in reports.of_day(row)], listed=row.figures["listed"])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), zone())


def _file(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Response:
    text = io.StringIO()
    csv.writer(text).writerows([names, *rows])
    return Response(text.getvalue(), media_type="text/csv")


def _text(minor: int, currency: str) -> str:
    return str(Money(minor, currency))
