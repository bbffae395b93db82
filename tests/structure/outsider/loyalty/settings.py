"""The settings of loyalty."""

from pydantic import Field, SecretStr

from shared.setting_groups import SettingsGroup
from shared.setting_types import Url


class LoyaltySettings(SettingsGroup):
    """Stamps, which keeps the cards."""

    stamps_base_url: Url = Field(default="https://api.stamps.example", description="The API of Stamps.")
    stamps_api_key: SecretStr | None = Field(default=None, description="API key of Stamps; without it no card is kept.")
