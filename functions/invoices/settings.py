"""The settings of invoices."""

from pydantic import Field

from shared.setting_dates import TimeZone
from shared.setting_groups import SettingsGroup
from shared.setting_types import Kept


class InvoiceSettings(SettingsGroup):
    """How the days of invoices are counted, and how long invoices are kept."""

    invoices_time_zone: TimeZone | None = Field(
        default=None, description="The company's zone, in which an invoice's days are counted; else DEFAULT_TIME_ZONE."
    )
    invoices_terms_days: int = Field(
        default=30, ge=0, le=730, description="Days from issue to due date of an invoice that names no due date."
    )
    retention_invoice_days: Kept = Field(
        default=0,
        description="Days after which an invoice that is paid or cancelled is removed with its reminders; 0 keeps it for ever.",
    )
