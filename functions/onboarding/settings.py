"""The settings of onboarding."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from shared.setting_dates import TimeZone
from shared.setting_groups import SettingsGroup
from shared.setting_types import Kept, Names, Secrets, Url

Address = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]


class OnboardingSettings(SettingsGroup):
    """Which steps an onboarding has, and the systems in which accounts are made."""

    onboarding_webhook_secrets: Secrets = Field(
        default=(),
        description="With what the HR system signs its contracts (hex HMAC-SHA256 of the body, in X-Hub-Signature-256, "
        "X-HR-Signature, X-Signature or Signature); several, with commas. A contract without a signature needs an API key "
        "with the scope webhook:onboarding.",
    )
    onboarding_domains: Names = Field(
        default=(),
        description="The company's mail domains, with commas. An employee of another one gets no accounts: the contract is "
        "refused. Without any, an address of a public mail service is noted as a warning.",
    )
    onboarding_address_rule: Literal["refuse", "plain"] = Field(
        default="refuse",
        description="For an address that one of the systems does not take: `refuse` the contract, or write it `plain` "
        "(josé.núñez becomes jose.nunez) in all systems and mails.",
    )
    onboarding_time_zone: TimeZone = Field(
        default="America/Mexico_City", description="Zone in which the first day begins and the calendar's event lies."
    )
    onboarding_hris: bool = Field(default=True, description="false: the HR system is not asked for what a contract leaves out.")
    onboarding_idp: bool = Field(default=True, description="false: no account at the identity provider.")
    onboarding_workspace: bool = Field(default=True, description="false: no account in Google Workspace.")
    onboarding_slack: bool = Field(default=True, description="false: no notice to IT in Slack.")
    onboarding_teams: bool = Field(default=True, description="false: no notice to IT in Microsoft Teams.")
    onboarding_welcome: bool = Field(default=True, description="false: no welcome mail.")
    onboarding_tasks: bool = Field(default=True, description="false: no tasks for the manager.")
    onboarding_calendar: bool = Field(default=True, description="false: no event in the calendar.")
    onboarding_followups: bool = Field(default=True, description="false: nothing on days 1, 3, 7 and 30.")
    onboarding_identity_provider: Literal["okta", "entra"] | None = Field(
        default=None, description="The identity provider, where both Okta and Microsoft Entra are set up; else the one that is."
    )
    onboarding_calendar_in: Literal["google", "outlook"] = Field(
        default="google",
        description="In whose calendars the first day's event is made: `google` (Google Workspace) or `outlook` (Microsoft "
        "365, by the app of ENTRA_CLIENT_ID, which then needs Calendars.ReadWrite).",
    )
    onboarding_calendar_owner: Address | None = Field(
        default=None, description="In whose calendar the first day's event is made; else the manager's."
    )
    onboarding_sla_minutes: int = Field(
        default=60,
        ge=5,
        le=10_080,
        description="Minutes after its contract in which an onboarding is to be complete: a warning after four fifths.",
    )
    onboarding_callback_url: Url | None = Field(
        default=None, description="Told of an onboarding that is complete, has failed, or was cancelled (POST, JSON)."
    )
    onboarding_callback_secret: SecretStr | None = Field(
        default=None, description="Signs what is sent there: hex HMAC-SHA256 of the body in X-Webhook-Signature."
    )
    hris_base_url: Url | None = Field(
        default=None, description="Address of the HR system's API, which answers GET /employees/{email}."
    )
    hris_api_key: SecretStr | None = Field(default=None, description="Token of that API, sent as a bearer.")
    okta_base_url: Url | None = Field(default=None, description="Okta's address of the organization (https://....okta.com).")
    okta_api_token: SecretStr | None = Field(
        default=None, description="API token of Okta (SSWS), in the place of a client with a private key."
    )
    okta_client_id: str | None = Field(default=None, description="Id of the service app in Okta.")
    okta_private_key: SecretStr | None = Field(
        default=None, description="Private key of that app: a PEM (line ends may be written \\n) or a JWK."
    )
    okta_key_id: str = Field(default="", description="The key's number (kid) in Okta; a JWK has its own.")
    entra_license_sku: str = Field(
        default="", pattern=r"^[0-9a-fA-F-]*$", description="Id of the licence that a new account in Entra gets; none without."
    )
    entra_usage_location: str = Field(
        default="MX", pattern=r"^[A-Z]{2}$", description="Country of new accounts in Entra: no licence without one."
    )
    google_admin_email: Address | None = Field(
        default=None, description="Administrator of Google Workspace for whom accounts are made; without one none are."
    )
    google_directory_base_url: Url = Field(
        default="https://admin.googleapis.com/admin/directory/v1", description="Google's Directory API."
    )
    workspace_org_unit: str = Field(
        default="/",
        pattern=r"^/",
        description="Organizational unit of new accounts in Workspace; `{department}` is replaced; `/` where there is none.",
    )
    retention_onboarding_days: Kept = Field(
        default=0, description="Days that an onboarding is kept after it has ended; 0 keeps it for ever."
    )
