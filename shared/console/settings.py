"""The settings of the console."""

from typing import Literal

from pydantic import Field

from shared.setting_groups import SettingsGroup


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
    console_title: str = Field(default="", max_length=40, description="What stands beside the console's name: whose it is.")
