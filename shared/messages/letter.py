"""Letter: a message ready to send, which a provider's module gets, and the types of its results."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.messages.attachments import Attachment
from shared.messages.message import Message
from shared.messages.providers.mail import Email
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
    attachments: tuple[Attachment, ...] = ()

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
            attachments=self.attachments,
        )


@dataclass(frozen=True)
class Candidates:
    """The provider's ids of messages of which one may be ours: it knows them by the address and the time, not by our key."""

    ids: tuple[str, ...]


type Send = Callable[[Letter], dict[str, Any]]
"""Send it; what is to be kept of the answer, `id` being the provider's own. Raises PuenteError as its client does."""

type LookUp = Callable[[Letter], str | Candidates | None]
"""The provider's id of a letter whose sending ended without an answer; None where the provider does not know it."""
