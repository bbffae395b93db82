"""The settings of tickets."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from shared.setting_groups import SettingsGroup, old_name
from shared.setting_types import Kept, Url

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Price = Annotated[Decimal, Field(ge=0, max_digits=14)]
Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+$", max_length=253)]
PersonName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
FISCAL_DAYS = 5 * 366


class TicketSettings(SettingsGroup):
    """Who may send tickets, who reads them, how they are judged, and where they go."""

    tickets_senders: dict[str, PersonName] = Field(
        default_factory=dict,
        description='JSON object: whose photos over WhatsApp are tickets, by phone number, `{"+5215512345678": "Ana Peña"}`. '
        "Photos of others are messages like any other.",
    )
    tickets_reader: Literal["openai", "documentintelligence"] | None = Field(
        default=None,
        description="Who reads tickets; if left out, Document Intelligence where it is set up, else OpenAI.",
    )
    tickets_model: str = Field(default="gpt-4o-mini", description="OpenAI's model that reads tickets; it must see pictures.")
    tickets_model_prices: dict[Literal["input", "output"], Price] = Field(
        default={"input": Decimal("0.15"), "output": Decimal("0.60")},
        description="JSON object: the model's price in USD of a million tokens, by which the cost is counted.",
    )
    documentintelligence_endpoint: Url | None = Field(
        default=None, description="Endpoint of Azure AI Document Intelligence, `https://<name>.cognitiveservices.azure.com`."
    )
    documentintelligence_key: SecretStr | None = Field(default=None, description="Key of that resource.")
    documentintelligence_api_version: str = Field(
        default="2024-11-30", pattern=r"^\d{4}-\d{2}-\d{2}(-preview)?$", description="Version of its API."
    )
    documentintelligence_locale: str = Field(
        default="es-MX", pattern=r"^[a-z]{2}(-[A-Z]{2})?$", description="Language of the tickets, as a hint to it."
    )
    tickets_least_confidence: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.6, description="Where Document Intelligence is less sure of supplier, date or total, the sender is asked."
    )
    tickets_day_order: Literal["DMY", "MDY", "YMD"] = Field(
        default="DMY", description="Order of day and month on tickets in DEFAULT_CURRENCY."
    )
    tickets_plausible_up_to: dict[Currency, Price] = Field(
        default={"MXN": Decimal(50_000), "USD": Decimal(3_000), "EUR": Decimal(3_000)},
        description="JSON object: a larger total is asked, by currency, even where its sums are right.",
    )
    tickets_believed_days: Annotated[int, Field(ge=1, le=3660)] = Field(
        default=365, description="A date further back than this is not believed."
    )
    tickets_ask_unproven: bool = Field(
        default=True,
        description="A total that no sum on the ticket proves is asked; false: it is believed where it can be read in one way.",
    )
    tickets_answer_hours: Annotated[int, Field(ge=1, le=720)] = Field(
        default=24, description="So long an answer is waited for; then a person has to look at the ticket."
    )
    tickets_largest_bytes: Annotated[int, Field(ge=10_000, le=100_000_000)] = Field(
        default=20_000_000, description="A larger file is not read."
    )
    tickets_most_pages: Annotated[int, Field(ge=1, le=50)] = Field(default=10, description="A longer PDF is not read.")
    tickets_media_hosts: list[Host] = Field(
        default_factory=list,
        description="JSON list: further hosts from which a ticket may be fetched, beside those of the WhatsApp providers.",
    )
    tickets_sheet_url: SecretStr | None = Field(
        default=None,
        description="Address of the script of the Google Sheet (.../exec) in which each ticket has a row (docs/tickets.md).",
    )
    tickets_sheet_token: SecretStr | None = Field(default=None, description="The word by which that script knows us.")
    docs_webhook_url: SecretStr | None = Field(
        default=None,
        validation_alias=old_name("DOCS_WEBHOOK_URL"),
        description="Where the accounting document of each ticket is posted; without it the document is kept here alone.",
    )
    retention_ticket_file_days: Kept = Field(
        default=FISCAL_DAYS,
        description="Days after which the photo and the document of a ticket are deleted; 0 keeps them for ever.",
    )
    retention_ticket_days: Kept = Field(
        default=0, description="Days after which a ticket is removed; 0 keeps it for ever. Its files are deleted before."
    )
