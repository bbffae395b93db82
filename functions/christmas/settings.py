"""The settings of the campaign: Notion's databases, segments, texts."""

from typing import Literal

from pydantic import Field

from shared.setting_groups import SettingsGroup, old_name
from shared.setting_types import Systems


class CampaignSettings(SettingsGroup):
    """The campaign sequences: Notion, segments."""

    notion_contacts_db_id: str = Field(
        default="", validation_alias=old_name("NOTION_CONTACTS_DB_ID"), description="Notion database of contacts."
    )
    notion_email_sequence_db_id: str = Field(
        default="",
        validation_alias=old_name("NOTION_EMAIL_SEQUENCE_DB_ID"),
        description="Notion database in which sequences are tracked.",
    )
    segment_rule: dict[Literal["CRITICAL", "URGENT"], dict[Literal["red", "orange", "yellow", "green"], Systems]] = Field(
        default={"CRITICAL": {"red": 2}, "URGENT": {"red": 1, "orange": 2}},
        description="JSON object: from how many systems of a colour on an assessment is of a segment; "
        "of no segment is OPTIMIZE.",
    )
    campaign_variables: dict[str, str] = Field(
        default_factory=dict,
        description="JSON object of texts for campaign templates: deadline_date, calendly_link, "
        "pdf_download_link, spots_remaining, ...",
    )
    onboarding_on_payment: Literal["never", "known", "always"] = Field(
        default="known",
        description="For whom a payment that Stripe reports begins the onboarding: never, for people whom the campaign knows, "
        "or always. A renewal of a subscription begins none.",
    )
