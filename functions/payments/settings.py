"""The settings of payments."""

from pydantic import Field

from shared.setting_dates import TimeZone
from shared.setting_groups import SettingsGroup, old_name
from shared.setting_types import Kept, Secrets


class PaymentSettings(SettingsGroup):
    """Stripe, and what follows from a payment."""

    stripe_signing_secret: Secrets = Field(
        default=(),
        validation_alias=old_name("STRIPE_SIGNING_SECRET"),
        description="Signing secrets of Stripe's webhook (whsec_...); several while one is replaced. "
        "Without one an API key with the scope webhook:stripe is asked for.",
    )
    stripe_test_mode: bool = Field(
        default=False,
        description="true: an installation for trying out, where Stripe's test payments count and live ones are kept apart.",
    )
    payments_time_zone: TimeZone | None = Field(
        default=None, description="Zone of the Stripe account, in which a payment has its day; else DEFAULT_TIME_ZONE."
    )
    retention_payment_days: Kept = Field(
        default=0, description="Days after which a payment is removed with all that Stripe said of it; 0 keeps it for ever."
    )
