"""The settings of the console."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from shared.setting_groups import SettingsGroup

Price = Annotated[Decimal, Field(ge=0, max_digits=14)]
Unit = Literal["email", "whatsapp", "sms", "voice", "manychat", "queue-operations", "statements"]


class ConsoleSettings(SettingsGroup):
    """How operators sign in, and what the console is called."""

    console_sign_in: Literal["key", "entra"] = Field(
        default="key",
        description="`entra`: App Service Authentication signs operators in, and its headers count; "
        "`key`: an API key does, and such headers are refused.",
    )
    website_auth_enabled: bool = Field(
        default=False,
        description="Said by the platform itself: App Service Authentication is on. Without it `entra` lets nobody in.",
    )
    report_currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(
        default="USD", description="The currency of the prices below, in which reports say what flows and campaigns cost."
    )
    report_prices: dict[Unit, Price] = Field(
        default_factory=dict,
        description="JSON object: the price of a message by channel (`email`, `whatsapp`, `sms`, `voice`, `manychat`) and of a "
        "million `queue-operations` and `statements`. What has no price is counted and costs nothing in reports.",
    )
    report_model_prices: dict[str, dict[Literal["input", "output"], Price]] = Field(
        default_factory=dict,
        description='JSON object: for each language model the price of a million tokens, {"gpt-4o-mini": {"input": "0.15", '
        '"output": "0.60"}}; a model whose name goes on after a known one (`gpt-4o-mini-2024-07-18`) has its price.',
    )
    console_title: str = Field(default="", max_length=40, description="What stands beside the console's name: whose it is.")
