"""What a shop reports, as it is kept, whichever shop it is: a cart, an order, a wish about somebody's data. Light: no SQL."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from functions.carts.flow import SHOPIFY
from shared.intake.fields import Email, Lenient, OptionalInstant, OrNone, Phone, Readable, Text
from shared.intake.webhook import Payload

STORE_LENGTH, ID_LENGTH, SUBJECT_LENGTH = 40, 128, 100
MOST_ITEMS = 200
LONGEST_LINK = 1000

Store = Annotated[str, Text(STORE_LENGTH, at_least=1), Readable]
RequiredId = Annotated[str, Text(ID_LENGTH, at_least=1), Readable, Lenient]
OptionalId = Annotated[Annotated[str, Text(ID_LENGTH), Readable, Lenient] | None, OrNone]
ShortName = Annotated[Annotated[str, Text(100), Readable, Lenient] | None, OrNone]
Address = Annotated[Annotated[str, Text(1000), Readable] | None, OrNone]
_CURRENCY = re.compile("[A-Z]{3}")
Pair = tuple[str, str]
"""An amount as it was written, and the currency that stands beside it."""


class Item(BaseModel):
    """One line of a cart or an order. `shown` is the price that the buyer sees, `book` that of the shop's books."""

    product: OptionalId = None
    variant: OptionalId = None
    title: Annotated[str, Text(300), Readable] = ""
    quantity: int = Field(default=1, ge=0, le=1_000_000)
    shown: Pair | None = None
    book: Pair | None = None
    image: Address = None
    url: Address = None


class CartReport(Payload):
    """A cart as it stands. `items` is None where the report says nothing of them; an empty list is an empty cart.

    `completed_at`: it was bought. `alias` is a further name under which an order may mention it. `exact`: a program wrote the
    amounts, so that a dot is a decimal point.
    """

    store: Store
    cart_id: RequiredId
    alias: OptionalId = None
    at: OptionalInstant = None
    email: Email = None
    phone: Phone = None
    first_name: ShortName = None
    last_name: ShortName = None
    customer: OptionalId = None
    items: list[Item] | None = None
    total: Pair | None = None
    url: Address = None
    completed_at: OptionalInstant = None
    exact: bool = False
    delivery: OptionalId = None

    def event_id(self) -> str | None:
        """The sender's own number of the delivery, where it numbers them."""
        return self.delivery

    def subject(self) -> str:
        """The cart."""
        return subject_of("cart", self.store, self.cart_id)

    def occurred_at(self) -> datetime | None:
        """When it was changed; None where the sender does not say."""
        return self.at


class OrderReport(Payload):
    """An order as it stood at `at`, placed at `placed_at`.

    `cart_names`: what it calls the cart that it was. `ends`: it ends the reminders about a cart; `counts`: it is no test.
    `paid`: the money has come, at `paid_at` if that is known. `total` is what it amounts to now, in the currency of the
    shop's books; `refunded` is to be taken off.
    """

    store: Store
    order_id: RequiredId
    at: OptionalInstant = None
    placed_at: OptionalInstant = None
    delivery: OptionalId = None
    cart_names: list[OptionalId] = Field(default_factory=list, max_length=2)
    email: Email = None
    phone: Phone = None
    customer: OptionalId = None
    status: Annotated[str, Text(40)]
    ends: bool
    paid: bool = False
    paid_at: OptionalInstant = None
    counts: bool = True
    total: Pair | None = None
    refunded: list[str] = Field(default_factory=list)
    codes: list[str] = Field(default_factory=list)
    items: list[Item] = Field(default_factory=list)
    exact: bool = False

    def event_id(self) -> str | None:
        """The sender's own number of the delivery, where it numbers them."""
        return self.delivery

    def subject(self) -> str:
        """The order."""
        return subject_of("order", self.store, self.order_id)

    def occurred_at(self) -> datetime | None:
        """As of when this is said; None where the sender does not say."""
        return self.at


class PrivacyWish(Payload):
    """One of Shopify's privacy topics: what it holds of a customer is asked for, or to be erased; or a whole shop is."""

    topic: Literal["customers/data_request", "customers/redact", "shop/redact"]
    shop_id: RequiredId
    shop_domain: Annotated[str, Text(200, at_least=1), Readable]
    customer: OptionalId = None
    email: Email = None
    phone: Phone = None
    orders: list[RequiredId] = Field(default_factory=list, max_length=1000)
    request: OptionalId = None

    def subject(self) -> str:
        """The customer, by the shop's number; the shop where it is about that."""
        return f"shop:{SHOPIFY}:{self.customer or self.request or self.shop_id}"[:SUBJECT_LENGTH]

    def occurred_at(self) -> None:
        """Shopify does not say."""
        return


class ShopNotice(Payload):
    """Something that is neither a cart nor an order: WooCommerce's own error in the place of an object, or what is not used."""

    store: Store
    what: Literal["ignored", "error"]
    detail: Annotated[str, Text(300)] = ""

    def subject(self) -> str:
        """The shop."""
        return f"shop:{self.store}"

    def occurred_at(self) -> None:
        """Nobody says."""
        return


def subject_of(kind: str, store: str, number: str) -> str:
    """The name of a cart or an order as the subject of events."""
    return f"{kind}:{store}:{number}"[:SUBJECT_LENGTH]


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, as many as are looked at."""
    return [one for one in value if isinstance(one, dict)][:MOST_ITEMS] if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """A text or a number as text; None for anything else, and for nothing."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) and not value.is_integer() else str(int(value))
    return value.strip() or None if isinstance(value, str) else None


def amount(value: Any) -> str | None:
    """An amount as it is written; a number of JSON as its shortest text, which is what the sender has written."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    return value.strip() or None if isinstance(value, str) else None


def pair(value: Any, currency: Any) -> Pair | None:
    """An amount and its currency, where both are given, and the currency is one (ISO 4217). A fraction is no amount here."""
    written, code = amount(value), (text(currency) or "").upper()
    is_money = written is not None and "/" not in written and _CURRENCY.fullmatch(code) is not None
    return (written, code) if written is not None and is_money else None


def first(found: dict[str, Any], *names: str) -> str | None:
    """The first of these members that says something, as text."""
    return next((value for name in names if (value := text(found.get(name))) is not None), None)


def quantity(value: Any) -> int:
    """How many; 1 where that is not said or cannot be read."""
    try:
        count = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return 1
    return min(max(count, 0), 1_000_000)


def link(url: str | None) -> str | None:
    """An address that a mail may lead to."""
    return url if url and url.startswith(("https://", "http://")) and len(url) <= LONGEST_LINK else None


def lines_of(value: Any) -> list[dict[str, Any]] | None:
    """The lines of a cart; None where that is no list, which says nothing of them."""
    return objects(value) if isinstance(value, list) else None


def without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    """The values that are there."""
    return {name: value for name, value in values.items() if value is not None}
