"""The fields of an invoice as webhooks, the API and CSV files give them. Light: imports no SQL.

Amounts and days decide whether somebody is written to, so one that cannot be read is never left out: it is refused.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from functions.invoices.settings import InvoiceSettings
from shared.intake.fields import SENT_AMOUNT, Email, Name, OptionalInstant, Phone, Readable, Text, or_none
from shared.money import Money
from shared.readers import UnreadableError, dates, nothing
from shared.readers.nothing import FieldKind
from shared.settings import get_settings, settings_of

INVOICE, CREDIT_NOTE = "invoice", "credit_note"
DRAFT, ISSUED, PAID, CANCELLED = "draft", "issued", "paid", "cancelled"
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d(?=$|[T ])")
_STATUSES = {
    DRAFT: "draft borrador proforma",
    ISSUED: "issued open posted sent unpaid partial partially_paid overdue emitida abierta pendiente timbrada parcial vencida",
    PAID: "paid settled closed pagada cobrada saldada",
    CANCELLED: "cancelled canceled cancel void voided annulled cancelada anulada",
}
_KINDS = {
    INVOICE: "invoice out_invoice factura ingreso",
    CREDIT_NOTE: "credit_note creditnote credit refund out_refund egreso nota_de_credito",
}


def zone() -> ZoneInfo:
    """The company's zone, in which invoices have their days."""
    return ZoneInfo(settings_of(InvoiceSettings).invoices_time_zone or get_settings().default_time_zone)


def key_of_serie(serie: str) -> str:
    """The number of an invoice as it is compared: without spaces, in capitals."""
    return "".join(serie.split()).upper()


def _serie(value: str) -> str:
    plain = " ".join(value.split())
    if nothing.is_nothing(plain, FieldKind.LABEL):
        raise ValueError("says nothing; it is needed")
    if len(key_of_serie(plain)) > len(plain):  # a letter whose capital is two
        raise ValueError("has letters that have no single capital")
    return plain


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _currency(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _amount(value: Any, info: ValidationInfo) -> Decimal:
    """An exact amount of the currency that stands beside it, else of DEFAULT_CURRENCY."""
    settings = get_settings()
    currency = info.data.get("currency") or settings.default_currency
    try:
        return Money.read(value, currency, locale=f"es-{settings.default_phone_region}").amount
    except UnreadableError as error:
        raise ValueError(f"must be an amount of {currency} ({error.reason})") from error


def _day(value: Any) -> date:
    """A day of a calendar: of a text such as 2026-11-30T00:00:00Z the day that is written there, in every zone."""
    try:
        if isinstance(value, str) and _ISO_DAY.match(value.strip()):
            found = date.fromisoformat(value.strip()[:10])
        else:
            found = dates.read_day(value, zone=zone())
    except UnreadableError as error:
        raise ValueError(f"must be a day such as 2026-11-30 ({error.reason})") from error
    except ValueError as error:
        raise ValueError("must be a day such as 2026-11-30") from error
    if not FIRST_DAY <= found <= LAST_DAY:
        raise ValueError("must lie between 1990 and 2199")
    return found


def _word(words: dict[str, str], value: Any) -> Any:
    if not isinstance(value, str):
        return value
    plain = value.strip().lower().replace(" ", "_").replace("-", "_")
    return next((word for word, spellings in words.items() if plain in spellings.split()), value)


def _link(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"]+", value):
        raise ValueError("must be an address that begins with https://")
    return value


_DAY_SCHEMA = WithJsonSchema({"type": "string", "format": "date"})
_AS_TEXT = PlainSerializer(lambda amount: format(amount, "f"), return_type=str)
Serie = Annotated[str, Text(100, at_least=1), Readable, AfterValidator(_serie), BeforeValidator(_as_text)]
"""The number of an invoice, which names it."""

CurrencyCode = Annotated[
    Annotated[str, Field(pattern="^[A-Z]{3}$"), BeforeValidator(_currency)] | None, or_none(FieldKind.LABEL)
]
NeededAmount = Annotated[Decimal, BeforeValidator(_amount), _AS_TEXT, WithJsonSchema({"anyOf": SENT_AMOUNT})]
"""An exact amount of the currency in the same body."""

OpenAmount = Annotated[NeededAmount | None, or_none(FieldKind.NUMBER)]
"""The same where it may be left out."""

CalendarDay = Annotated[Annotated[date, BeforeValidator(_day), _DAY_SCHEMA] | None, or_none(FieldKind.LABEL)]
"""A day, which is the same in every zone."""

Kind = Annotated[Literal["invoice", "credit_note"] | None, BeforeValidator(lambda value: _word(_KINDS, value))]
Status = Annotated[
    Literal["draft", "issued", "paid", "cancelled"] | None, BeforeValidator(lambda value: _word(_STATUSES, value))
]
CustomerId = Annotated[
    Annotated[str, Text(100, at_least=1), Readable, BeforeValidator(_as_text)] | None, or_none(FieldKind.LABEL)
]
Link = Annotated[Annotated[str, Text(1000), Readable, AfterValidator(_link)] | None, or_none(FieldKind.ADDRESS)]

STRICT = (
    "type",
    "status",
    "currency",
    "total",
    "subtotal",
    "taxes",
    "residual",
    "paid",
    "issued_date",
    "due_date",
    "updated_at",
)
"""Fields that are refused where they cannot be read, also by a webhook."""

FACTS = ("type", "status", "currency", "total", "subtotal", "taxes", "issued_date", "due_date", "payment_url")
OF_PERSON = ("customer_id", "customer", "customer_email", "customer_phone")


class InvoiceFields(BaseModel):
    """What may be reported of an invoice. What is left out stays as it is known."""

    type: Kind = Field(default=None, description="`credit_note`: what the customer may still deduct. `invoice` if never given.")
    currency: CurrencyCode = Field(default=None, description="ISO 4217; DEFAULT_CURRENCY if never given.")
    total: OpenAmount = Field(default=None, description="What it was issued for.")
    subtotal: OpenAmount = None
    taxes: OpenAmount = None
    residual: OpenAmount = Field(default=None, description="What is still open of it; it counts before `paid`.")
    paid: OpenAmount = Field(default=None, description="What was paid of it in all, up to now.")
    status: Status = Field(default=None, description="`issued` if never given; `paid`: nothing is open.")
    issued_date: CalendarDay = None
    due_date: CalendarDay = Field(default=None, description="Without one: the day of issue and INVOICES_TERMS_DAYS.")
    customer_id: CustomerId = Field(default=None, description="Whoever issues the invoices knows the customer by this.")
    customer: Name = None
    customer_email: Email = None
    customer_phone: Phone = None
    payment_url: Link = Field(default=None, description="Where it is paid; else INVOICES_PAYMENT_URL.")
    updated_at: OptionalInstant = Field(default=None, description="From when this is; an older report replaces nothing.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.total is not None:
            for name in ("residual", "paid"):
                value = getattr(self, name)
                if value is not None and value > self.total:
                    raise ValueError(f"{name}: is more than the total")
        return self

    def reported_at(self, received: datetime) -> datetime:
        """From when the report is: as it says, but never later than five minutes after we had it."""
        from shared.crm.facts import effective

        return effective(self.updated_at or received, received)

    def facts(self) -> dict[str, Any]:
        """What it says of the invoice, as JSON."""
        return {name: _plain(value) for name in FACTS if (value := getattr(self, name)) is not None}

    def person(self) -> dict[str, str]:
        """What it says of the customer."""
        return {name: value for name in OF_PERSON if (value := getattr(self, name)) is not None}

    def statement(self) -> tuple[str, str] | None:
        """What it says of the money: `("residual", amount)` or `("paid", amount)`."""
        if self.residual is not None:
            return "residual", format(self.residual, "f")
        if self.status == PAID:
            return "residual", "0"
        return ("paid", format(self.paid, "f")) if self.paid is not None else None


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else value
