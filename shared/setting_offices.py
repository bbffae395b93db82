"""The accounts by which any flow reaches Google Workspace and Microsoft 365."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from shared.setting_groups import SettingsGroup
from shared.setting_types import Url

RETIRED = (".webhook.office.com", "outlook.office.com", "outlook.office365.com")
"""Hosts of Teams' old connectors, which Microsoft has switched off."""


class OfficeSettings(SettingsGroup):
    """Google's service account, the app that is registered in Microsoft Entra, and the channel in Teams."""

    google_service_account: SecretStr | None = Field(
        default=None,
        description="Key file (JSON) of Google's service account, with domain-wide delegation for the scopes in "
        "[vendors.md](vendors.md#google).",
    )
    google_token_base_url: Url = Field(default="https://oauth2.googleapis.com", description="Where Google gives out tokens.")
    google_calendar_base_url: Url = Field(
        default="https://www.googleapis.com/calendar/v3", description="Google's Calendar API."
    )
    entra_tenant: str = Field(
        default="", pattern=r"^[A-Za-z0-9.-]*$", description="The tenant's id or domain in Microsoft Entra."
    )
    entra_client_id: str = Field(default="", description="Id of the app that is registered in Microsoft Entra.")
    entra_client_secret: SecretStr | None = Field(default=None, description="Secret of that app.")
    entra_login_base_url: Url = Field(
        default="https://login.microsoftonline.com", description="Where Microsoft gives out tokens."
    )
    teams_webhook_url: SecretStr | None = Field(
        default=None,
        description="Address of the workflow that posts into a channel of Microsoft Teams (its trigger is a webhook request).",
    )
    graph_base_url: Url = Field(default="https://graph.microsoft.com/v1.0", description="Microsoft Graph's API.")

    def faults(self) -> list[str]:
        """An address of a retired connector."""
        address = self.teams_webhook_url.get_secret_value() if self.teams_webhook_url else ""
        host = (urlsplit(address).hostname or "").lower()
        if address and not address.startswith(("http://", "https://")):
            return ["TEAMS_WEBHOOK_URL: must start with https://"]
        if host.endswith(RETIRED):
            return ["TEAMS_WEBHOOK_URL: Microsoft has retired connectors; make a workflow in Teams and give its address"]
        return []
