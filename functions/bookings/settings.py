"""The settings of bookings: the calendar's secrets, and the survey after a meeting."""

from pydantic import Field

from shared.setting_groups import SettingsGroup
from shared.setting_types import Secrets


class BookingSettings(SettingsGroup):
    """Cal.com, and what is sent after a meeting."""

    calcom_webhook_secret: Secrets = Field(
        default=(), description="Secrets of Cal.com's webhook; several while one is replaced."
    )
