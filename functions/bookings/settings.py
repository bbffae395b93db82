"""The settings of bookings: the calendars and their secrets."""

from pydantic import Field

from shared.setting_groups import SettingsGroup
from shared.setting_types import Secrets


class BookingSettings(SettingsGroup):
    """Cal.com and Calendly."""

    calcom_webhook_secret: Secrets = Field(
        default=(), description="Secrets of Cal.com's webhook; several while one is replaced."
    )
    calendly_signing_keys: Secrets = Field(default=(), description="Signing keys of the Calendly webhook subscription.")
