"""The settings of payments."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from shared.setting_dates import TimeZone
from shared.setting_groups import SettingsGroup, old_name
from shared.setting_types import Kept, Secrets

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Price = Annotated[Decimal, Field(ge=0, max_digits=14)]


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
    sheets_webhook_url: SecretStr | None = Field(
        default=None,
        validation_alias=old_name("SHEETS_WEBHOOK_URL"),
        description="Address of the script of a Google Sheet (.../exec), in which each payment has a row (docs/payments.md).",
    )
    sheets_token: SecretStr | None = Field(default=None, description="The word by which that script knows us.")
    payments_alert_above: dict[Currency, Price] = Field(
        default_factory=dict,
        description='JSON object: an alert in Discord and Slack for payments above so much of a currency, {"MXN": "50000"}.',
    )
    payments_analysis: bool = Field(
        default=True,
        description="With OPENAI_API_KEY each payment is analysed against the revenue of its currency; false: none.",
    )
    payments_analysis_model: str = Field(default="gpt-4o-mini", description="OpenAI's model for the analysis.")
    payments_analysis_prices: dict[Literal["input", "output"], Price] = Field(
        default={"input": Decimal("0.15"), "output": Decimal("0.60")},
        description="JSON object: the model's price in USD of a million tokens, by which the cost is counted.",
    )
