"""The settings of HubSpot, which the flows that write to it share."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from shared.setting_groups import SettingsGroup, old_name
from shared.setting_types import Kept, Names, Secrets, Url

PropertyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
"""The internal name of one of HubSpot's properties: lower-case letters of ASCII, digits, underscores. Labels are others."""


Fact = Literal[
    "source", "ext_id", "email", "first_name", "last_name", "phone", "score", "priority", "utm_source", "utm_campaign"
]
LEAD_PROPERTIES: dict[Fact, str] = {
    "email": "email",
    "first_name": "firstname",
    "last_name": "lastname",
    "phone": "phone",
    "source": "lead_source",
    "score": "lead_score__c",
    "priority": "lead_priority",
    "utm_source": "utm_source",
    "utm_campaign": "utm_campaign",
}


class HubSpotSettings(SettingsGroup):
    """HubSpot: the account, its properties, and the messages that follow from its contacts."""

    hubspot_base_url: Url = Field(default="https://api.hubapi.com", description="HubSpot's API.")
    hubspot_token: SecretStr | None = Field(
        default=None,
        validation_alias=old_name("HUBSPOT_TOKEN"),
        description="Token of a private app (pat-...), with the scopes crm.objects.contacts.read and .write and "
        "crm.schemas.contacts.read; .write for `make hubspot-setup ARGS=--apply`.",
    )
    hubspot_client_secret: Secrets = Field(
        default=(),
        validation_alias=old_name("HUBSPOT_CLIENT_SECRET"),
        description="Client secret of the app whose webhooks come to us; several while one is replaced. "
        "Without one an API key with the scope webhook:hubspot is asked for.",
    )
    hubspot_signature_versions: Names = Field(
        default=("v3", "v2", "v1"),
        description="Versions of HubSpot's signature that are taken. A request that carries v3 is judged by it alone.",
    )
    hubspot_app_ids: Names = Field(
        default=(),
        description="HubSpot's ids of apps whose changes are ours, besides the app whose webhook it is.",
    )
    hubspot_own_writes: bool = Field(
        default=False, description="true: changes that we have made ourselves in HubSpot lead to messages as well."
    )
    hubspot_message_hours: int = Field(
        default=24, ge=1, le=8760, description="A contact gets one message about a product in so many hours."
    )
    hubspot_message_at_any_hour: bool = Field(
        default=True,
        description="false: such messages wait for the open hours (QUIET_HOURS, WORKING_DAYS).",
    )
    hubspot_message_max_length: int = Field(
        default=1000, ge=50, le=2000, description="Most characters of such a message; a longer one is cut."
    )
    hubspot_message_name: str = Field(
        default="Cliente", min_length=1, max_length=100, description="What a contact without a name is called."
    )
    retention_hubspot_message_days: Kept = Field(
        default=0, description="Days after which an event of HubSpot's and its message are removed; 0 keeps them for ever."
    )
    hubspot_prop_estado_interes: PropertyName = Field(
        default="estado_interes",
        validation_alias=old_name("HUBSPOT_PROP_ESTADO_INTERES"),
        description="Internal name of the property with a contact's state of interest.",
    )
    hubspot_prop_interes_producto: PropertyName = Field(
        default="interes_producto",
        validation_alias=old_name("HUBSPOT_PROP_INTERES_PRODUCTO"),
        description="Internal name of the property with the product in which a contact is interested.",
    )
    hubspot_prop_manychat_user_id: PropertyName = Field(
        default="manychat_user_id", description="Internal name of the property with a contact's id at ManyChat."
    )
    hubspot_lead_properties: dict[Fact, PropertyName | Literal[""]] = Field(
        default_factory=dict,
        description="JSON object over the default map of a scored lead's facts to properties of HubSpot's contacts; an empty "
        "name leaves the fact out ([hubspot.md](hubspot.md#properties)).",
    )
    hubspot_lifecycle: dict[str, str] = Field(
        default={"high": "opportunity"},
        description="JSON object: the stage of the life cycle to which a contact moves on with that priority.",
    )
    hubspot_lifecycle_stages: Names = Field(
        default=(
            "subscriber",
            "lead",
            "marketingqualifiedlead",
            "salesqualifiedlead",
            "opportunity",
            "customer",
            "evangelist",
            "other",
        ),
        description="Internal names of the account's stages in their order. A contact in any other stage stays there.",
    )

    def faults(self) -> list[str]:
        """The stages that leads move on to must be among the account's; e-mail and phone keep HubSpot's own properties."""
        faults = []
        if unknown := sorted(set(self.hubspot_signature_versions) - {"v1", "v2", "v3"}):
            faults.append(f"HUBSPOT_SIGNATURE_VERSIONS: {', '.join(unknown)}: there are v1, v2 and v3")
        if unknown := sorted(set(self.hubspot_lifecycle.values()) - set(self.hubspot_lifecycle_stages)):
            faults.append(f"HUBSPOT_LIFECYCLE: {', '.join(unknown)}: not in HUBSPOT_LIFECYCLE_STAGES")
        if unknown := sorted(set(self.hubspot_lifecycle) - {"high", "medium", "low"}):
            faults.append(f"HUBSPOT_LIFECYCLE: {', '.join(unknown)}: priorities are high, medium and low")
        found = self.lead_properties
        if found.get("email") != "email" or found.get("phone") != "phone":
            faults.append("HUBSPOT_LEAD_PROPERTIES: email and phone find the contact, and keep their properties")
        return faults

    @property
    def message_pause(self) -> timedelta:
        """In which a contact gets one message about a product."""
        return timedelta(hours=self.hubspot_message_hours)

    @property
    def lead_properties(self) -> dict[Fact, str]:
        """Fact of a lead -> property of a contact; facts mapped to an empty name are left out."""
        return {fact: name for fact, name in (LEAD_PROPERTIES | self.hubspot_lead_properties).items() if name}
