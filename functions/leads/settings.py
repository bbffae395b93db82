"""The settings of leads: Kommo, the public form, its captcha."""

from typing import Literal

from pydantic import Field, SecretStr

from shared.setting_dates import Country
from shared.setting_groups import SettingsGroup
from shared.setting_types import Names, Url

PhoneChannel = Literal["voice", "whatsapp", "sms"]
PhoneType = Literal["mobile", "fixed-line", "fixed-line-or-mobile", "voip", "personal-number", "uan", "unknown"]


class LeadSettings(SettingsGroup):
    """Kommo, the public form, and the links that go out to leads."""

    kommo_base_url: Url | None = Field(default=None, description="Kommo's address, `https://<subdomain>.kommo.com`.")
    kommo_access_token: SecretStr | None = Field(default=None, description="Long-lived token of the Kommo integration.")
    kommo_pipeline_id: int | None = Field(default=None, description="Pipeline for new leads.")
    kommo_status_id_inicial: int | None = Field(default=None, description="Status of a new lead.")
    kommo_status_id_agendado: int | None = Field(default=None, description="Status of a lead that has booked.")
    kommo_requests_per_second: float = Field(
        default=6, gt=0, le=7, description="Requests to Kommo per second, over all instances together (Kommo takes 7)."
    )
    kommo_field_id_empresa: int | None = Field(default=None, description="Custom field for the company.")
    kommo_field_id_servicio: int | None = Field(default=None, description="Custom field for the service wanted.")
    kommo_field_id_fuente: int | None = Field(default=None, description="Custom field for where the lead came from.")
    lead_allowed_origins: Names = Field(default=(), description="Web origins whose pages may post the lead form (CORS).")
    lead_posts_per_minute: int = Field(
        default=10, ge=1, le=1000, description="Most lead forms taken from one sender in a minute."
    )
    lead_forms_per_address_per_day: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Forms of one mailbox or phone number in 24 hours that begin a journey or leave notes; more are only kept.",
    )
    lead_first_contacts_per_hour: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="Most leads in an hour, of all senders together, who are called and written to; others wait for an hour.",
    )
    lead_services: Names = Field(
        default=(),
        description="Services whose names messages may say, as they are to be said; for any other a neutral word stands.",
    )
    lead_phone_countries: dict[PhoneChannel, tuple[Country | Literal["*"], ...]] = Field(
        default_factory=dict,
        description="JSON object: channel (`voice`, `whatsapp`, `sms`) -> countries (`*`: any) of numbers from the form that "
        "may be reached by it; a channel that is not named: DEFAULT_PHONE_REGION alone.",
    )
    lead_phone_types: dict[PhoneChannel, tuple[PhoneType, ...]] = Field(
        default_factory=dict,
        description="JSON object: channel -> types of numbers from the form that may be reached by it; a channel that is not "
        "named: `mobile` and `fixed-line-or-mobile`, `voice` also `fixed-line`.",
    )
    lead_honeypot_field: str = Field(
        default="website", min_length=1, description="Form field that people do not see; who fills it in is a machine."
    )
    lead_max_body_bytes: int = Field(
        default=16_384, ge=1024, le=65_536, description="Largest lead form that is taken, in bytes."
    )
    lead_proxies: int = Field(
        default=0, ge=0, le=5, description="Proxies of our own (Front Door, a CDN) between the sender and the app."
    )
    turnstile_secret: SecretStr | None = Field(
        default=None, description="Cloudflare Turnstile secret; when set, the form needs its token."
    )
    recaptcha_secret: SecretStr | None = Field(
        default=None, description="reCAPTCHA secret; when set, the form needs its token."
    )
    recaptcha_min_score: float = Field(
        default=0.5, ge=0, le=1, description="Least score of reCAPTCHA v3 for a person; v2 and Turnstile give none."
    )
    captcha_action: str = Field(
        default="",
        max_length=100,
        description="Action that the form's page names to the captcha; when set, a token for any other is refused.",
    )
    captcha_verify_url: Url | None = Field(
        default=None, description="Where captcha tokens are checked, in place of the vendor's address."
    )
