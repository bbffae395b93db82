"""The settings of each outside system that several flows use, and of what is sent to people. Those of one flow lie beside it.

A system whose key is not set is not used: what would need it is refused or skipped with that reason, and nothing is called.
"""

from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr

from shared.setting_campaigns import LEAD_TAGS, PARTNER_TAGS, CampaignContacts, campaign_faults, member_fields
from shared.setting_dates import HolidaysOf, Hours, TimeZone, Weekdays
from shared.setting_types import Secrets, Url

DEFAULT_ODOO_FIELDS = {
    "name": "name",
    "contact_name": "contact_name",
    "phone": "phone",
    "email": "email_from",
    "stage": "stage_id",
    "channel": "source_id",
    "advisor": "user_id",
    "entry_date": "x_manychat_entry_date",
    "summary": "description",
    "manychat_id": "x_manychat_id",
    "campaign": "campaign_id",
}

POLICY_FACTS = frozenset(("missing", "stage", "won", "advisor", "name", "phone", "email"))
LEFT_OUT_POLICIES = {"won": "theirs", "advisor": "theirs"}  # a setting of before there were these does not name them
IMPOSSIBLE_POLICIES = {
    ("name", "theirs"): "Odoo has one name where we have two",
    ("name", "newest"): "Odoo has one name where we have two",
    ("missing", "newest"): "what is missing has no time",
    ("won", "newest"): "we know of no won or lost of our own",
}


def old_name(name: str) -> AliasChoices:
    """The setting's name, and that with the prefix under which the replaced flows kept it."""
    return AliasChoices(name, f"SECRET_{name}")


class SettingsGroup:
    """A part of the settings: fields of a model, and no model by itself.

    `shared.settings` makes one model of all parts and checks them at once. A model of each part would have every field worked
    out again in the one that inherits from it, which every start of the app would wait for.
    """

    def faults(self) -> list[str]:
        """What is wrong with settings beside each other; a sentence for each mistake, which names the setting."""
        return []


class OdooSettings(SettingsGroup):
    """Odoo."""

    odoo_url: Url = Field(description="Base URL of Odoo, without a path.")
    odoo_db: str = Field(description="Name of the Odoo database.", min_length=1)
    odoo_username: str = Field(
        default="", description="Odoo login of the integration user (JSON-RPC only; JSON-2 needs just the key)."
    )
    odoo_password: SecretStr = Field(description="Password or API key of the integration user.", min_length=1)
    odoo_api: Literal["jsonrpc", "json2"] = Field(
        default="jsonrpc", description="`jsonrpc` (Odoo up to 19) or `json2` (Odoo 19 and later, API key)."
    )
    odoo_sync_mode: Literal["opportunities", "contacts", "both"] = Field(
        default="opportunities",
        description="`opportunities`: leads, never partners. `contacts`: partners, no leads. `both`: both.",
    )
    odoo_field_map: dict[str, str] = Field(
        default_factory=dict,
        description="JSON object over the default map of our facts to fields of crm.lead; an empty name leaves the fact out.",
    )
    odoo_campaign_contacts: CampaignContacts = Field(
        default="none",
        description="How Odoo shows who is in a campaign: `none`, `partner-tags`, `lead-tags`, `tags` (both), or a JSON object "
        "that names a model and its fields ([odoo.md](odoo.md#campaigns)).",
    )
    odoo_quiet: bool = Field(
        default=True,
        description="Write without chatter, followers and assignment e-mails: up to 15 times faster, no stage history in Odoo.",
    )
    odoo_timeout_seconds: float = Field(
        default=60,
        ge=1,
        le=220,
        description="Longest wait for one answer of Odoo (it may retry a conflict for seconds).",
    )
    odoo_batch_size: int = Field(default=100, ge=1, le=1000, description="Most rows sent to Odoo in one call.")
    odoo_calls_per_second: float = Field(
        default=1, gt=0, le=100, description="Batches started per second, over all instances together."
    )

    odoo_reconcile_policy: dict[str, Literal["ours", "theirs", "newest", "report"]] = Field(
        default={
            "missing": "ours",
            "stage": "newest",
            "won": "theirs",
            "advisor": "theirs",
            "name": "ours",
            "phone": "ours",
            "email": "ours",
        },
        description="JSON object: who wins where we and Odoo differ in a fact, at once and at night: `ours`, `theirs`, `newest` "
        "or `report` ([odoo.md](odoo.md#who-wins)).",
    )
    odoo_reconcile_max_share: float = Field(
        default=0.1, gt=0, le=1, description="Largest share of the compared records that one reconciliation repairs."
    )

    def faults(self) -> list[str]:
        """Facts and policies that do not go together."""
        policy, name = self.odoo_reconcile_policy, "ODOO_RECONCILE_POLICY"
        faults = [
            f"{name}: `{fact}` cannot be `{chosen}`; {why}"
            for (fact, chosen), why in IMPOSSIBLE_POLICIES.items()
            if policy.get(fact) == chosen
        ]
        if unknown := sorted(set(policy) - POLICY_FACTS):
            faults.append(f"{name}: unknown facts {unknown}; known are {sorted(POLICY_FACTS)}")
        return faults + campaign_faults(
            self.odoo_campaign_contacts, self.odoo_sync_mode, sends_campaigns=self.odoo_sends_campaigns
        )

    def odoo_policy(self, fact: str) -> str:
        """Who wins in that fact. A setting that leaves out a fact has it reported, as it always had; won and advisor are theirs."""
        return self.odoo_reconcile_policy.get(fact, LEFT_OUT_POLICIES.get(fact, "report"))

    @property
    def odoo_fields(self) -> dict[str, str]:
        """Our fact -> field of crm.lead; facts mapped to an empty name are left out, campaigns where they stay here."""
        mapped = DEFAULT_ODOO_FIELDS | self.odoo_field_map
        return {fact: name for fact, name in mapped.items() if name and (fact != "campaign" or self.odoo_sends_campaigns)}

    @property
    def odoo_sends_campaigns(self) -> bool:
        """Whether campaigns go to Odoo. In the mode `opportunities` only where the field map names the field itself."""
        return self.odoo_sync_mode != "opportunities" or bool(self.odoo_field_map.get("campaign"))

    @property
    def odoo_lead_campaign(self) -> str | None:
        """The field of crm.lead that takes the campaign, where leads are written."""
        return self.odoo_fields.get("campaign") if self.odoo_sync_mode != "contacts" else None

    @property
    def odoo_tags_partners(self) -> bool:
        """Whether partners are tagged with their campaigns."""
        return self.odoo_campaign_contacts in PARTNER_TAGS and self.odoo_sync_mode != "opportunities"

    @property
    def odoo_tags_leads(self) -> bool:
        """Whether leads are tagged with the campaigns of their people."""
        return self.odoo_campaign_contacts in LEAD_TAGS and self.odoo_sync_mode != "contacts"

    @property
    def odoo_member_model(self) -> str | None:
        """The model that has a record for each person in a campaign."""
        return None if isinstance(self.odoo_campaign_contacts, str) else self.odoo_campaign_contacts["model"]

    @property
    def odoo_member_fields(self) -> dict[str, str]:
        """Fact of a person in a campaign -> field of that model; empty where there is none."""
        return {} if isinstance(self.odoo_campaign_contacts, str) else member_fields(self.odoo_campaign_contacts)

    @property
    def odoo_sends_members(self) -> bool:
        """Whether anything in Odoo says who is in a campaign."""
        is_noted = self.odoo_lead_campaign or self.odoo_tags_partners or self.odoo_tags_leads or self.odoo_member_model
        return self.odoo_sends_campaigns and bool(is_noted)


class MessagingSettings(SettingsGroup):
    """What is sent to people, through whom, and when it may be."""

    public_base_url: Url = Field(
        default="http://127.0.0.1:7071",
        description="The app's address as the outside world sees it: signed by some vendors, and the start of links in messages.",
    )
    link_signing_secrets: Secrets = Field(
        default=(),
        description="Secret of our own links (unsubscribe, call instructions); several for a change, the first signs.",
    )
    digest_secrets: Secrets = Field(
        default=(),
        description="Secret of the digests by which people are known where their data is not kept (suppressions, caps, replies); several for a change, the first is used: an old one must stay, or what was stored under it is found no more.",
    )
    email_provider: Literal["brevo", "resend", "smtp"] = Field(
        default="brevo", description="Who sends e-mail, where a journey does not say otherwise."
    )
    sendinblue_api_key: SecretStr | None = Field(default=None, description="API key of Brevo (once Sendinblue).")
    sendinblue_sender_email: str = Field(default="", description="Sender's address for Brevo.")
    sendinblue_sender_name: str = Field(default="Javier Virtual", description="Sender's name for Brevo.")
    brevo_base_url: Url = Field(default="https://api.brevo.com/v3", description="Brevo's API.")
    brevo_webhook_secrets: Secrets = Field(default=(), description="Bearer tokens that Brevo's webhooks send.")
    resend_api_key: SecretStr | None = Field(
        default=None, validation_alias=old_name("RESEND_API_KEY"), description="API key of Resend."
    )
    resend_from: str = Field(default="", description="Sender for Resend, as `Name <address>`.")
    resend_base_url: Url = Field(default="https://api.resend.com", description="Resend's API.")
    resend_webhook_secrets: Secrets = Field(default=(), description="Signing secrets (`whsec_...`) of Resend's webhooks.")
    smtp_url: SecretStr | None = Field(
        default=None, description="SMTP server as `smtp://user:password@host:587` (STARTTLS) or `smtps://...:465`."
    )
    smtp_from: str = Field(default="", description="Sender for SMTP, as `Name <address>`.")
    twilio_account_sid: str = Field(default="", description="Twilio account.")
    twilio_auth_token: SecretStr | None = Field(default=None, description="Twilio's token: signs its callbacks, opens its API.")
    twilio_caller_id: str = Field(default="", description="Number that calls come from.")
    twilio_whatsapp_sender: str = Field(default="", description="Number that WhatsApp messages come from.")
    twilio_sms_sender: str = Field(default="", description="Number that SMS come from.")
    twilio_content_sids: dict[str, str] = Field(
        default_factory=dict,
        description="JSON object: our template's name -> ContentSid of the approved WhatsApp template, for outside the 24-hour window.",
    )
    whatsapp_provider: Literal["twilio", "meta"] = Field(
        default="twilio", description="Who sends WhatsApp messages, where neither the message nor its number says otherwise."
    )
    meta_access_token: SecretStr | None = Field(
        default=None, description="Token of a system user of Meta's, for the WhatsApp Cloud API."
    )
    meta_app_secrets: Secrets = Field(
        default=(), description="App secret with which Meta signs its webhooks; several while it is changed."
    )
    meta_verify_token: SecretStr | None = Field(
        default=None, description="Word of our own choice that Meta repeats when the address of its webhooks is entered."
    )
    meta_business_account_id: str = Field(
        default="", description="WhatsApp Business Account, whose templates are read from Meta."
    )
    meta_numbers: dict[Annotated[str, Field(pattern=r"^\d{1,30}$")], Annotated[str, Field(pattern=r"^\+\d{7,15}$")]] = Field(
        default_factory=dict,
        description="JSON object: Meta's id of each of our WhatsApp numbers -> the number in E.164; the first is used where a message names none.",
    )
    meta_templates: dict[str, str] = Field(
        default_factory=dict,
        description="JSON object: our template's name -> name of the approved template at Meta, `name` or `name:language`, for outside the 24-hour window.",
    )
    meta_resend_after_minutes: int = Field(
        default=0,
        ge=0,
        le=1440,
        description="A message whose sending ended without an answer, and of which Meta has reported nothing for so long, is sent again; 0: a person decides.",
    )
    meta_base_url: Url = Field(default="https://graph.facebook.com/v23.0", description="Meta's Graph API, with its version.")
    twilio_base_url: Url = Field(default="https://api.twilio.com", description="Twilio's API.")
    manychat_api_key: SecretStr | None = Field(default=None, description="API key of the ManyChat page.")
    manychat_base_url: Url = Field(default="https://api.manychat.com", description="ManyChat's API.")
    default_time_zone: TimeZone = Field(
        default="America/Mexico_City", description="Time zone of people of whom neither data nor phone tells one."
    )
    quiet_hours: Hours = Field(
        default="20:00-09:00",
        description="When nobody is disturbed, in the person's local time; equal ends mean never.",
    )
    working_days: Weekdays = Field(
        default=("mon", "tue", "wed", "thu", "fri", "sat"), description="Days on which messages may be sent."
    )
    holidays_country: HolidaysOf = Field(
        default="MX",
        description="Country (ISO 3166, two letters) whose public holidays are kept free, where a phone tells none; `XX`: none.",
    )
    bulk_weights: dict[str, Annotated[int, Field(ge=1, le=1000)]] = Field(
        default={},
        description="JSON object: how much each bulk source (`bulk`: those without a name) gets beside the others; 1 if not named.",
    )
    messages_per_second: dict[
        Literal["brevo", "resend", "smtp", "twilio", "meta", "manychat"], Annotated[float, Field(gt=0, le=1000)]
    ] = Field(
        default={},
        description="JSON object: how many messages a second a provider gets at most, over all instances together, where its account takes more than most; `meta`: each of our numbers there.",
    )
    messages_per_person_per_day: int = Field(
        default=3, ge=1, le=50, description="Most messages of journeys for a person and local day."
    )
    default_locale: str = Field(default="es", description="Language of the templates.")
    booking_url: str = Field(default="", description="Page on which a lead books a meeting; our lead id is added to it.")
    resource_url: str = Field(default="", description="The resource that the sixth day's e-mail offers.")
    survey_url: str = Field(default="", description="The survey that is sent after a meeting.")


class VendorSettings(SettingsGroup):
    """Notion, Discord, Slack and OpenAI, and whether journeys are tried out."""

    notion_token: SecretStr | None = Field(
        default=None, validation_alias=old_name("NOTION_TOKEN"), description="Notion integration token."
    )
    notion_templates_db_id: str = Field(
        default="",
        validation_alias=AliasChoices(
            "NOTION_TEMPLATES_DB_ID", "SECRET_NOTION_TEMPLATES_DB_ID", "NOTION_EMAIL_TEMPLATES_DB_ID"
        ),
        description="Notion database of e-mail templates.",
    )
    notion_base_url: Url = Field(default="https://api.notion.com", description="Notion's API.")
    discord_webhook_url: SecretStr | None = Field(
        default=None,
        validation_alias=old_name("DISCORD_WEBHOOK_URL"),
        description="Discord webhook to which critical leads, large payments, tickets and the day of the invoices are reported.",
    )
    slack_webhook_url: SecretStr | None = Field(
        default=None,
        validation_alias=old_name("SLACK_WEBHOOK_URL"),
        description="Incoming webhook of the Slack channel to which large payments, tickets and the day of the invoices are reported.",
    )
    openai_base_url: Url = Field(default="https://api.openai.com", description="OpenAI's API.")
    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=old_name("OPENAI_API_KEY"),
        description="Key of OpenAI's API, by which payments are analysed and tickets are read.",
    )
    testing_mode: bool = Field(
        default=False,
        validation_alias=old_name("TESTING_MODE"),
        description="Days of journeys become minutes, to try them out.",
    )
    notion_properties: dict[str, str] = Field(
        default_factory=dict, description="JSON object over the default map of our facts to Notion's property names."
    )
