"""The accounts by which any flow reaches Google Workspace and Microsoft 365."""

from pydantic import Field, SecretStr

from shared.setting_groups import SettingsGroup
from shared.setting_types import Url


class OfficeSettings(SettingsGroup):
    """Google's service account, and the app that is registered in Microsoft Entra."""

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
    graph_base_url: Url = Field(default="https://graph.microsoft.com/v1.0", description="Microsoft Graph's API.")
