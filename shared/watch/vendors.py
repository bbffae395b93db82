"""The outside systems that are configured, and how each is asked whether it is there: one short request, not much patience."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from shared.errors import ThrottledError
from shared.settings import Settings, get_settings

VENDOR_SECONDS = 3.0


@dataclass(frozen=True)
class Vendor:
    """An outside system: its client's place and name, and the setting without which it is not used."""

    name: str
    module: str
    client: str
    key: str

    def is_configured(self, settings: Settings) -> bool:
        """Whether it is used. One whose other settings are missing is, and says so when it is asked."""
        return getattr(settings, self.key) is not None

    def ask(self, settings: Settings) -> str:
        """What it says of itself: its version, the account's name or state.

        A client of its own, because the usual one waits for longer and keeps distances between its requests.
        One that is busy (429) is there: the deliveries to it wait as it says.

        Raises:
            PuenteError: it cannot be reached, refuses us, or is not set up whole; the text says why, without secrets.
        """
        client: Any = getattr(import_module(f"shared.vendors.{self.module}"), self.client)
        try:
            return str(client.from_settings(settings, VENDOR_SECONDS).ping())
        except ThrottledError as busy:
            return f"busy: {busy}"


VENDORS = (
    Vendor("odoo", "odoo.client", "OdooClient", "odoo_password"),
    Vendor("kommo", "kommo", "Kommo", "kommo_access_token"),
    Vendor("notion", "notion", "Notion", "notion_token"),
    Vendor("brevo", "brevo", "Brevo", "sendinblue_api_key"),
    Vendor("resend", "resend", "Resend", "resend_api_key"),
    Vendor("smtp", "smtp", "Smtp", "smtp_url"),
    Vendor("twilio", "twilio", "Twilio", "twilio_auth_token"),
    Vendor("discord", "discord", "Discord", "discord_webhook_url"),
    Vendor("manychat", "manychat_api", "ManyChat", "manychat_api_key"),
)


def questions() -> dict[str, Callable[[], str]]:
    """How each configured system is asked, by its name."""
    settings = get_settings()
    return {vendor.name: partial(vendor.ask, settings) for vendor in VENDORS if vendor.is_configured(settings)}


__all__ = ["VENDORS", "Vendor", "questions"]
