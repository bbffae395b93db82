"""The settings of invoices."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.setting_dates import TimeZone
from shared.setting_groups import SettingsGroup
from shared.setting_types import Kept, Url

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Price = Annotated[Decimal, Field(ge=0, max_digits=14)]
Urgency = Literal["info", "warning", "error", "critical"]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Address = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]
FIRST, LAST = -90, 730
GENERAL = "recordatorio_general"


class StageSetting(BaseModel):
    """What is sent from a number of days on; `escalate`: finance gets it listed."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    template: str = Field(default=GENERAL, pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")
    urgency: Urgency = "info"
    escalate: bool = False


class InvoiceSettings(SettingsGroup):
    """When and how customers are reminded of open invoices, and what finance gets."""

    invoices_stages: dict[int, StageSetting] = Field(
        default_factory=dict,
        description="JSON object: from how many days after the due date (below 0: before it) which template is sent, "
        '`{"7": {"template": "vencida_7_dias", "urgency": "warning", "escalate": false}, ...}`; left out: '
        "`recordatorio_general`, `info`, false. Without it the table in [invoices.md](invoices.md#stages).",
    )
    invoices_time_zone: TimeZone | None = Field(
        default=None, description="The company's zone, in which an invoice's days are counted; else DEFAULT_TIME_ZONE."
    )
    invoices_look_at: TimeOfDay = Field(
        default="09:00", description="From when on, each day and in the company's zone, due reminders are planned."
    )
    invoices_terms_days: int = Field(
        default=30,
        ge=0,
        le=730,
        description="Days from issue to due date of an invoice that names none.",
    )
    invoices_least_open: dict[Currency, Price] = Field(
        default_factory=dict,
        description='JSON object: less open than this, by currency, is not reminded of, `{"MXN": "50"}`.',
    )
    invoices_reminders_per_day: int = Field(
        default=200,
        ge=0,
        le=100_000,
        description="Reminders planned in a day, the most urgent and largest first; what is left over goes on the next days. "
        "So a first import of old invoices writes to nobody by the thousand; 0 plans none.",
    )
    invoices_per_customer_per_day: int = Field(
        default=3, ge=1, le=100, description="Invoices of which one customer is reminded in a day; the rest goes on the next."
    )
    invoices_whatsapp_critical: bool = Field(
        default=True, description="A reminder whose urgency is critical goes by WhatsApp as well, where there is a number."
    )
    invoices_payment_url: Url | None = Field(
        default=None,
        description="Page on which an invoice is paid, for those that name none; `?invoice=<number>` is added. "
        "Without it such a reminder has no button.",
    )
    invoices_finance_email: Address | None = Field(
        default=None, description="Who gets each day's list of invoices that need a person; nobody, if left out."
    )
    invoices_large_from: dict[Currency, Price] = Field(
        default={"MXN": Decimal(10_000), "USD": Decimal(10_000)},
        description="JSON object: from so much open, by currency, an invoice that is reminded of is listed for finance.",
    )
    invoices_from_odoo: bool = Field(
        default=False, description="Take invoices and credit notes over from Odoo (`account.move`), which is only read."
    )
    invoices_odoo_company: int | None = Field(
        default=None, ge=1, lt=2**31, description="Odoo's number of the company whose invoices are taken over; else all."
    )
    retention_invoice_days: Kept = Field(
        default=0,
        description="Days after which an invoice that is paid or cancelled is removed with its reminders; 0 keeps it for ever.",
    )

    def faults(self) -> list[str]:
        """Stages far from the due date are a slip of the keyboard."""
        wrong = sorted(days for days in self.invoices_stages if not FIRST <= days <= LAST)
        return [f"INVOICES_STAGES: {', '.join(map(str, wrong))}: a stage lies from {FIRST} to {LAST} days"] if wrong else []
