"""One of our messages, ready for its provider: what a provider's file is given, and which settings it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.messages.message import Message
from shared.messages.providers.mail import Email
from shared.messages.providers.twilio import sender_of
from shared.messages.templates import Rendered, Template
from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message that is ready to go. `key` is the same on every attempt; `free_text` says that WhatsApp takes any text now."""

    delivery_id: int
    key: str
    message: Message
    template: Template
    rendered: Rendered
    first_try: datetime
    headers: Mapping[str, str]
    free_text: bool
    settings: Settings

    def email(self) -> Email:
        """It as an e-mail."""
        rendered = self.rendered
        return Email(
            key=self.key,
            to=self.message.to,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            headers=self.headers,
        )


@dataclass(frozen=True)
class Candidates:
    """The provider's ids of messages of which one may be ours: it knows them by the address and the time, not by our key."""

    ids: tuple[str, ...]


type Send = Callable[[Letter], dict[str, Any]]
"""Send it; what is to be kept of the answer, `id` being the provider's own. Raises PuenteError as its client does."""

type LookUp = Callable[[Letter], str | Candidates | None]
"""The provider's id of a letter whose sending ended without an answer; None where the provider does not know it."""


def provider_of(message: Message, settings: Settings) -> str:
    """Who carries the message: the target of its delivery."""
    if message.channel == "email":
        return message.provider or settings.email_provider
    return "manychat" if message.channel == "manychat" else "twilio"


def missing(message: Message, settings: Settings) -> bool:
    """Whether a setting is not there without which the message cannot be sent (a marketing mail needs a signed way out)."""
    needed: dict[str, tuple[object, ...]] = {
        "brevo": (settings.sendinblue_api_key, settings.sendinblue_sender_email),
        "resend": (settings.resend_api_key, settings.resend_from),
        "smtp": (settings.smtp_url, settings.smtp_from),
        "manychat": (settings.manychat_api_key,),
        "twilio": (settings.twilio_account_sid, settings.twilio_auth_token, sender_of(message, settings)),
    }
    link = message.channel != "email" or message.transactional or bool(settings.link_signing_secrets)
    return not (link and all(needed[provider_of(message, settings)]))
