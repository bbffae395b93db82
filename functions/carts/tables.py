"""The tables of the carts: carts, orders of the shops, and the messages of the series."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Unicode, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from functions.carts.payloads import ID_LENGTH, STORE_LENGTH
from shared.money import Money
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, Day, JsonText, UtcDateTime

OPEN, EMPTY, COMPLETED, ORDERED = "open", "empty", "completed", "ordered"
VARIANTS = ("a", "b")
ERASED = "erased"
"""Stands in `notified` where the person was erased: journeys are notified of that order no more."""


class ShopOrder(Timestamped, Base):
    """An order of a shop, by the shop's number of it. Computed from `facts`, the newest report of each kind.

    `placed_at` is when it became an order that ends the reminders; NULL while it is none (a card that failed). `paid_at` is
    when the money came, `paid_on` that day in CARTS_TIME_ZONE; NULL while it is not paid, and for tests. `net_minor` is what it
    amounts to without what went back, in the currency's smallest unit. `cart_ref` and `other_ref` are the carts that it names.
    `recovered_cart_id` is the cart whose series it answers, `recovered_message_id` the last message before it.
    `notified` lists the names under which journeys know of it. `of_test`: only test events have told of it ("Try it"), so it
    answers no series.
    """

    __tablename__ = "shop_orders"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    store: Mapped[str] = mapped_column(Unicode(STORE_LENGTH))
    order_id: Mapped[str] = mapped_column(Unicode(ID_LENGTH))
    status: Mapped[str] = mapped_column(Unicode(40), default="")
    placed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paid_on: Mapped[date | None] = mapped_column(Day, index=True)
    currency: Mapped[str | None] = mapped_column(Unicode(8))
    net_minor: Mapped[int | None] = mapped_column(BigInteger)
    email: Mapped[str | None] = mapped_column(Unicode(254), index=True)
    phone: Mapped[str | None] = mapped_column(Unicode(20), index=True)
    customer_id: Mapped[str | None] = mapped_column(Unicode(ID_LENGTH), index=True)
    cart_ref: Mapped[str | None] = mapped_column(Unicode(ID_LENGTH), index=True)
    other_ref: Mapped[str | None] = mapped_column(Unicode(ID_LENGTH), index=True)
    codes: Mapped[Any] = mapped_column(JsonText, default=list)
    items: Mapped[Any] = mapped_column(JsonText, default=list)
    facts: Mapped[Any] = mapped_column(JsonText, default=dict)
    notified: Mapped[Any] = mapped_column(JsonText, default=list)
    recovered_cart_id: Mapped[int | None] = mapped_column(BigId, index=True)
    recovered_message_id: Mapped[int | None] = mapped_column(BigId)
    of_test: Mapped[bool] = mapped_column(default=False, server_default=false())

    __table_args__ = (UniqueConstraint("store", "order_id"),)

    @property
    def net(self) -> Money | None:
        """What it amounts to, without what went back."""
        return Money(self.net_minor, self.currency) if self.net_minor is not None and self.currency else None


class Cart(Timestamped, Base):
    """A cart of a shop, by the shop's number of it (Shopify: token). Computed from `facts` and from its person's orders.

    `state`: `open`, `empty`, `completed` (the shop says that it was bought), `ordered` (by the order `order_id`). Amounts are
    whole numbers of the currency's smallest unit: `shown` is what the buyer sees, `book` what the shop keeps its books in; NULL
    where they are not known for sure. `variant` is which of two subjects its mails have. `discount_code` was made for it in the
    shop.
    """

    __tablename__ = "carts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    store: Mapped[str] = mapped_column(Unicode(STORE_LENGTH))
    cart_id: Mapped[str] = mapped_column(Unicode(ID_LENGTH))
    token: Mapped[str | None] = mapped_column(Unicode(ID_LENGTH))
    state: Mapped[str] = mapped_column(Unicode(16), default=OPEN)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    email: Mapped[str | None] = mapped_column(Unicode(254), index=True)
    phone: Mapped[str | None] = mapped_column(Unicode(20), index=True)
    first_name: Mapped[str | None] = mapped_column(Unicode(100))
    last_name: Mapped[str | None] = mapped_column(Unicode(100))
    customer_id: Mapped[str | None] = mapped_column(Unicode(ID_LENGTH), index=True)
    items: Mapped[Any] = mapped_column(JsonText, nullable=True)
    shown_currency: Mapped[str | None] = mapped_column(Unicode(8))
    shown_minor: Mapped[int | None] = mapped_column(BigInteger)
    book_currency: Mapped[str | None] = mapped_column(Unicode(8))
    book_minor: Mapped[int | None] = mapped_column(BigInteger)
    url: Mapped[str | None] = mapped_column(Unicode(1000))
    variant: Mapped[str] = mapped_column(Unicode(1))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("shop_orders.id"), index=True)
    discount_seed: Mapped[str | None] = mapped_column(Unicode(32))
    discount_code: Mapped[str | None] = mapped_column(Unicode(100), index=True)
    discount_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    facts: Mapped[Any] = mapped_column(JsonText, default=dict)

    __table_args__ = (
        UniqueConstraint("store", "cart_id"),
        Index("ix_carts_token", "token"),
        Index("ix_carts_changed_at", "changed_at"),
    )

    @property
    def shown(self) -> Money | None:
        """What the buyer sees as the total."""
        return Money(self.shown_minor, self.shown_currency) if self.shown_minor is not None and self.shown_currency else None

    @property
    def book(self) -> Money | None:
        """The same in the currency of the shop's books."""
        return Money(self.book_minor, self.book_currency) if self.book_minor is not None and self.book_currency else None


class ShopWish(Timestamped, Base):
    """A wish of Shopify's about somebody's data (`topic`), by the digest of its body: the same body is the same wish for ever.

    `state`: `pending`, `done`, `asked` (operators answer it by `due_at`). The person is gone from the row once it is done.
    `found` counts what was erased, by table.
    """

    __tablename__ = "shop_wishes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    store: Mapped[str] = mapped_column(Unicode(STORE_LENGTH))
    topic: Mapped[str] = mapped_column(Unicode(40))
    state: Mapped[str] = mapped_column(Unicode(16), index=True)
    request_id: Mapped[str | None] = mapped_column(Unicode(ID_LENGTH))
    customer_id: Mapped[str | None] = mapped_column(Unicode(ID_LENGTH))
    email: Mapped[str | None] = mapped_column(Unicode(254))
    phone: Mapped[str | None] = mapped_column(Unicode(20))
    orders: Mapped[Any] = mapped_column(JsonText, default=list)
    found: Mapped[Any] = mapped_column(JsonText, nullable=True)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CartMessage(Timestamped, Base):
    """One message of the series about a cart, by its delivery. `sent_at` is NULL as long as it has not gone out.

    `opened_at` and `clicked_at` are when a person did; what a machine does within seconds of the delivery does not count.
    """

    __tablename__ = "cart_messages"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    cart_id: Mapped[int] = mapped_column(ForeignKey("carts.id"), index=True)
    delivery_id: Mapped[int] = mapped_column(BigId, unique=True)
    enrolment_id: Mapped[int] = mapped_column(BigId, index=True)
    step: Mapped[str] = mapped_column(Unicode(50))
    channel: Mapped[str] = mapped_column(Unicode(16))
    variant: Mapped[str] = mapped_column(Unicode(1))
    status: Mapped[str] = mapped_column(Unicode(16))
    reason: Mapped[str | None] = mapped_column(Unicode(200))
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    clicked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
