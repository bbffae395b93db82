"""`/api/v1/carts`: carts with their messages, what was recovered, and how the two subjects of each mail do."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from functions.carts import results, services
from functions.carts.payloads import ID_LENGTH, STORE_LENGTH
from functions.carts.tables import Cart, CartMessage, ShopOrder
from shared import clock
from shared.comparison import Compared
from shared.errors import FieldError, RefusedError
from shared.money import Money
from shared.problems import documented
from shared.readers.email import key as address_key
from shared.store.session import reading
from shared.web.auth import SecuredRoute
from shared.web.paging import Page, PageQuery, find, text

router = APIRouter(prefix="/api/v1/carts", tags=["Carts"], route_class=SecuredRoute)

PERIOD_DAYS, LONGEST_PERIOD = 30, timedelta(days=366)
State = Literal["open", "empty", "completed", "ordered"]
Since = Annotated[date | None, Query(description="Default: 30 days up to `until`.")]
Until = Annotated[date | None, Query(description="Default: today, in CARTS_TIME_ZONE.")]


class CartQuery(PageQuery):
    """Filters of the list."""

    store: Annotated[str, text(STORE_LENGTH)] | None = None
    cart_id: Annotated[str, text(ID_LENGTH)] | None = Field(default=None, description="The shop's number of it.")
    email: Annotated[str, text(254)] | None = Field(default=None, description="The buyer's address, in any case.")
    state: State | None = None

    def applied(self, query: Select[Cart]) -> Select[Cart]:
        """`query`, narrowed down."""
        given = {Cart.store: self.store, Cart.cart_id: self.cart_id, Cart.state: self.state}
        query = query.where(*(column == value for column, value in given.items() if value is not None))
        return query if self.email is None else query.where(Cart.email == address_key(self.email))


class CartMessageOut(BaseModel):
    """One message of the series."""

    model_config = ConfigDict(from_attributes=True)

    step: str
    channel: str
    subject_variant: str = Field(validation_alias="variant", description="Which of its two subjects it has, `a` or `b`.")
    status: str
    reason: str | None
    delivery_id: int
    sent_at: datetime | None
    opened_at: datetime | None = Field(description="When a person opened it; machines that open every mail do not count.")
    clicked_at: datetime | None


class CartOut(BaseModel):
    """A cart. Amounts are exact texts with the decimals of the currency."""

    id: int
    store: str
    cart_id: str
    state: State = Field(
        description="`ordered`: an order of the person has ended it; `completed`: the shop says it was bought."
    )
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    items: list[dict[str, Any]] | None
    total: str | None = Field(description="What the buyer sees; null where amount and currency are not of one pair.")
    currency: str | None
    book_total: str | None = Field(description="The same in the currency of the shop's books.")
    book_currency: str | None
    url: str | None
    abandoned_at: datetime = Field(description="Its last change.")
    variant: str
    discount_code: str | None
    order_id: str | None = Field(description="The shop's number of the order that has ended it.")
    recovered: bool = Field(description="Ordered after a message about it, and paid.")
    recovered_at: datetime | None = Field(description="When the money came.")
    messages: list[CartMessageOut]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Cart, messages: Sequence[CartMessage], ended: ShopOrder | None, answer: ShopOrder | None) -> Self:
        """The cart as the API shows it."""
        same = ("id", "store", "cart_id", "state", "email", "phone", "first_name", "last_name", "items", "url", "variant")
        paid_at = answer.paid_at if answer else None
        return cls(
            **{name: getattr(row, name) for name in (*same, "discount_code", "created_at", "updated_at")},
            total=str(row.shown) if row.shown else None,
            currency=row.shown_currency,
            book_total=str(row.book) if row.book else None,
            book_currency=row.book_currency,
            abandoned_at=row.changed_at,
            order_id=ended.order_id if ended else None,
            recovered=paid_at is not None,
            recovered_at=paid_at,
            messages=[CartMessageOut.model_validate(message) for message in messages],
        )


class RecoveredOut(BaseModel):
    """What was recovered on one day in one currency."""

    day: date
    currency: str
    orders: int
    net: str = Field(description="Without what went back.")


class RecoveredPeriod(BaseModel):
    """Recovered revenue of each day and currency. Currencies are never added up."""

    since: date
    until: date
    days: list[RecoveredOut]


class SubjectOut(BaseModel):
    """What one message of the series has done with one of its subjects."""

    step: str
    channel: str
    variant: str
    sent: int
    opened: int
    clicked: int
    open_rate: float = Field(description="Share of those that were sent, from 0 to 1.")
    click_rate: float
    orders: int = Field(description="Paid orders of which it was the last message before.")
    revenue: dict[str, str] = Field(description="Their sum by currency, without what went back.")


class ComparedOut(BaseModel):
    """Whether both subjects of a message are opened equally often, or the difference means something (95 %, two-sided)."""

    step: str
    channel: str
    p_value: float | None = Field(description="How likely luck alone makes a difference as large; null: nothing to compare.")
    verdict: str = Field(description="`a` or `b` does better, `chance`, or `none-sent`.")
    sentence: str


class SubjectsOut(BaseModel):
    """Both subjects of each message side by side, of those that went out in the period."""

    since: date
    until: date
    messages: list[SubjectOut]
    compared: list[ComparedOut]


@router.get("", summary="List carts")
def list_carts(query: Annotated[CartQuery, Query()]) -> Page[CartOut]:
    """Carts as shops report them, one row each."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Cart)), Cart.id, query)
        return Page(items=_shown(session, rows), total=total, next=after)


@router.get("/recovered", summary="Recovered revenue of each day and currency")
def get_recovered(since: Since = None, until: Until = None) -> RecoveredPeriod:
    """Paid orders before which a mail of the series had gone out, by the day on which the money came."""
    start, end = _period(since, until)
    with reading() as session:
        found = results.recovered(session, start, end)
    days = [RecoveredOut(day=one.day, currency=one.currency, orders=one.orders, net=_text(one)) for one in found]
    return RecoveredPeriod(since=start, until=end, days=days)


@router.get("/subjects", summary="How the two subjects of each mail do")
def get_subjects(since: Since = None, until: Until = None) -> SubjectsOut:
    """Carts are shared out by a hash, half to each subject; openings and clicks by machines do not count."""
    start, end = _period(since, until)
    zone = services.zone()
    first, last = (datetime.combine(day, time(0), tzinfo=zone) for day in (start, end + timedelta(days=1)))
    with reading() as session:
        found = results.results(session, first, last)
    compared = [_compared(one, step, channel) for step, channel, one in results.compared(found)]
    return SubjectsOut(since=start, until=end, messages=[_subject(one) for one in found], compared=compared)


@router.get("/{number}", summary="One cart", responses=documented(404))
def get_cart(number: Annotated[int, Path(ge=1, lt=2**31, description="Our number of it.")]) -> CartOut:
    """A cart with its messages, and what became of it."""
    with reading() as session:
        row = session.get(Cart, number)
        if row is None:
            raise RefusedError(404, "no-such-cart", "There is no cart with that number.")
        return _shown(session, [row])[0]


def _shown(session: Session, rows: Sequence[Cart]) -> list[CartOut]:
    ids = [row.id for row in rows]
    messages: dict[int, list[CartMessage]] = {}
    for message in session.scalars(select(CartMessage).where(CartMessage.cart_id.in_(ids)).order_by(CartMessage.id)):
        messages.setdefault(message.cart_id, []).append(message)
    ended = _orders(session, select(ShopOrder).where(ShopOrder.id.in_([row.order_id for row in rows if row.order_id])))
    paid = select(ShopOrder).where(ShopOrder.recovered_cart_id.in_(ids), ShopOrder.paid_at.is_not(None))
    answers = {order.recovered_cart_id: order for order in _orders(session, paid).values()}
    return [CartOut.of(row, messages.get(row.id, ()), ended.get(row.order_id or 0), answers.get(row.id)) for row in rows]


def _orders(session: Session, query: Select[ShopOrder]) -> Mapping[int, ShopOrder]:
    return {order.id: order for order in session.scalars(query.order_by(ShopOrder.id))}


def _period(since: date | None, until: date | None) -> tuple[date, date]:
    end = until or clock.now().astimezone(services.zone()).date()
    start = since or end - timedelta(days=PERIOD_DAYS - 1)
    if not timedelta() <= end - start <= LONGEST_PERIOD:
        wrong = FieldError("since", "must not lie after `until`, nor more than a year before it")
        raise RefusedError(422, "invalid-fields", "The period is not as it must be.", errors=[wrong])
    return start, end


def _text(one: results.RecoveredDay) -> str:
    return str(Money(one.minor, one.currency))


def _compared(one: Compared, step: str, channel: str) -> ComparedOut:
    return ComparedOut(step=step, channel=channel, p_value=one.p_value, verdict=one.verdict, sentence=one.sentence)


def _subject(one: results.Result) -> SubjectOut:
    counted = {name: getattr(one, name) for name in ("step", "channel", "variant", "sent", "opened", "clicked", "orders")}
    rates = {"open_rate": round(one.opened / one.sent, 4), "click_rate": round(one.clicked / one.sent, 4)}
    return SubjectOut(**counted, **rates, revenue={code: str(Money(minor, code)) for code, minor in one.revenue.items()})
