"""The settings of bookings: the calendars and their secrets."""

from pydantic import Field, SecretStr

from shared.setting_groups import SettingsGroup
from shared.setting_types import Secrets, Url


class BookingSettings(SettingsGroup):
    """Cal.com and Calendly."""

    calcom_webhook_secret: Secrets = Field(
        default=(), description="Secrets of Cal.com's webhook; several while one is replaced."
    )
    calcom_base_url: Url = Field(default="https://api.cal.com", description="Cal.com's API.")
    calcom_token: SecretStr | None = Field(
        default=None, description="Key of Cal.com's API; with it our bookings are compared with Cal.com's each night."
    )
    calendly_base_url: Url = Field(default="https://api.calendly.com", description="Calendly's API.")
    calendly_token: SecretStr | None = Field(
        default=None,
        description="Personal access token of Calendly's API; with it the webhook subscription is watched, "
        "and our bookings are compared with Calendly's each night.",
    )
    calendly_signing_keys: Secrets = Field(default=(), description="Signing keys of the Calendly webhook subscription.")
