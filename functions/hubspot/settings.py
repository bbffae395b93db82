"""The settings of HubSpot, which the flows that write to it share."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from shared.setting_groups import SettingsGroup, old_name
from shared.setting_types import Names, Url

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
        if unknown := sorted(set(self.hubspot_lifecycle.values()) - set(self.hubspot_lifecycle_stages)):
            faults.append(f"HUBSPOT_LIFECYCLE: {', '.join(unknown)}: not in HUBSPOT_LIFECYCLE_STAGES")
        if unknown := sorted(set(self.hubspot_lifecycle) - {"high", "medium", "low"}):
            faults.append(f"HUBSPOT_LIFECYCLE: {', '.join(unknown)}: priorities are high, medium and low")
        found = self.lead_properties
        if found.get("email") != "email" or found.get("phone") != "phone":
            faults.append("HUBSPOT_LEAD_PROPERTIES: email and phone find the contact, and keep their properties")
        return faults

    @property
    def lead_properties(self) -> dict[Fact, str]:
        """Fact of a lead -> property of a contact; facts mapped to an empty name are left out."""
        return {fact: name for fact, name in (LEAD_PROPERTIES | self.hubspot_lead_properties).items() if name}
