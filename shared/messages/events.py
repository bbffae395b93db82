"""Events of providers and recipients about messages, in one form for all providers. Light: no SQL, no HTTP library.

In statuses and unsubscriptions people are named by digests (`shared.messages.digests`), so that those events hold no personal
data. An inbound message names its sender, and its words go to `inbound_messages` alone: the stored event does not repeat them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from shared import references
from shared.intake.webhook import Payload
from shared.messages.digests import PATTERN

EARLIER = "shared.messages.providers.earlier:event"
MOST_AT_ONCE = 1000
LONGEST_DETAIL = 300
LONGEST_TEXT = 5000  # characters; WhatsApp takes 4,096
MOST_MEDIA = 10
LONGEST_SENDER = 100
LONGEST_NAME = 200
LONGEST_URL = 1000
LONGEST_MEDIA_ID = 200
LONGEST_OPTION_ID, LONGEST_OPTION_TITLE = 256, 100

type Status = Literal[
    "queued",
    "sending",
    "delayed",
    "in-progress",
    "sent",
    "soft-bounced",
    "failed",
    "delivered",
    "call-failed",
    "no-answer",
    "machine",
    "answered",
    "opened",
    "clicked",
    "unsubscribed",
    "bounced",
    "complained",
]


type ReplyKind = Literal[
    "text",
    "button",
    "list",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
    "order",
    "unsupported",
]
"""In what form somebody wrote. `button` is a button of a message or template, `list` a line of a list; `text` may hold media
where the provider does not tell kinds apart (Twilio)."""


class ProviderEvent(BaseModel):
    """What became of one message, by its provider. `word` is the provider's own name of it, `status` ours.

    `status` None: nothing that concerns us. `reason`: why it failed; `detail`: the same in the provider's own code and words.
    `at`: when it happened, where the provider says so. `delivery_id`: where our own callback carries it, and `proof`, the
    beginning of the delivery's key, where it carries that.
    `who`: the digest of the address, where the provider names it.
    """

    provider: str = Field(min_length=1, max_length=50)
    vendor_id: str = Field(min_length=1, max_length=200)
    status: Status | None
    word: str = Field(default="", max_length=60)
    at: AwareDatetime | None = None
    reason: str | None = Field(default=None, max_length=64)
    detail: str | None = Field(default=None, max_length=LONGEST_DETAIL)
    delivery_id: int | None = Field(default=None, ge=1, lt=2**63)
    proof: str | None = Field(default=None, max_length=64)
    who: str | None = Field(default=None, pattern=f"^{PATTERN}$")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.status is None and not self.word:
            raise ValueError("the event says nothing of the message")
        return self


class ProviderEvents(Payload):
    """One webhook of a provider: mostly one event, several where it sends them in batches."""

    events: list[ProviderEvent] = Field(min_length=1, max_length=MOST_AT_ONCE)

    @model_validator(mode="before")
    @classmethod
    def _as_before(cls, data: Any) -> Any:
        """An event that was stored before there were batches: one event, with the provider's own word."""
        if isinstance(data, dict) and "events" not in data and "word" in data:
            earlier = references.load(EARLIER)
            return {"events": [earlier(data)]}
        return data

    def subject(self) -> str:
        """The message, or the first of them, by the provider's id."""
        first = self.events[0]
        return f"{first.provider}:{first.vendor_id}"[:100]

    def occurred_at(self) -> datetime | None:
        """When the first of it happened, where the provider says so."""
        return min((event.at for event in self.events if event.at), default=None)


class Media(BaseModel):
    """A picture, recording or file that came with a message: its type by the provider, and where the provider has it.

    Twilio gives an address; Meta gives an `id`, by which the file is fetched (`shared.messages.media`).
    """

    type: str = Field(default="", max_length=100)
    url: str = Field(default="", max_length=LONGEST_URL)
    id: str = Field(default="", max_length=LONGEST_MEDIA_ID)
    name: str = Field(default="", max_length=LONGEST_NAME)

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if not (self.url or self.id):
            raise ValueError("a file has an address or the provider's id")
        return self


class InboundMessage(Payload):
    """Somebody has written to us by SMS or WhatsApp; `wish` where it was STOP, BAJA, START, ALTA, ...

    `ask`: a person must look before marketing goes to this line again. `others` are the digests of the number's other
    spellings, under which an earlier wish may be filed. An event of a release that kept no words has neither sender nor text.
    `sender` is a phone in E.164, or WhatsApp's id of a user who shows none; `user_id` is that id also beside a phone. `sent_at`
    is the provider's own time of it, where it says so.
    """

    not_kept = frozenset({"text", "media", "sender_name", "option_title"})

    provider: Literal["twilio", "meta"] = "twilio"
    vendor_id: str = Field(min_length=1, max_length=200)
    kind: ReplyKind = "text"
    option_id: str | None = Field(default=None, max_length=LONGEST_OPTION_ID)
    option_title: str | None = Field(default=None, max_length=LONGEST_OPTION_TITLE)
    quoted_id: str | None = Field(default=None, max_length=200)
    user_id: str | None = Field(default=None, max_length=150)
    user_digest: str | None = Field(default=None, pattern=f"^{PATTERN}$")
    whatsapp_number_id: str | None = Field(default=None, max_length=36)
    sent_at: AwareDatetime | None = None
    who: str = Field(pattern=f"^{PATTERN}$")
    others: list[Annotated[str, Field(pattern=f"^{PATTERN}$")]] = Field(default_factory=list, max_length=100)
    ask: bool = False
    channel: Literal["sms", "whatsapp"]
    wish: Literal["stop", "start"] | None = None
    sender: str | None = Field(default=None, max_length=LONGEST_SENDER)
    sender_name: str | None = Field(default=None, max_length=LONGEST_NAME)
    text: str = Field(default="", max_length=LONGEST_TEXT)
    media: list[Media] = Field(default_factory=list, max_length=MOST_MEDIA)

    def subject(self) -> str:
        """Who wrote, by their number, so that timeline and erasure find the event; else the message, by the provider's id."""
        return (self.sender or f"{self.provider}:{self.vendor_id}")[:100]

    def digests(self) -> list[str]:
        """Those of the address and, where it is another one, of the user's id at WhatsApp."""
        return list(dict.fromkeys([self.who, *([self.user_digest] if self.user_digest else [])]))

    def occurred_at(self) -> datetime | None:
        """When they wrote it, by the provider's clock; Twilio does not say."""
        return self.sent_at

    def event_id(self) -> str:
        """Twilio's id of the message: its signature has no time, so a copy of the request can come at any time."""
        return self.vendor_id


class Unsubscribe(Payload):
    """Somebody has used the link in one of our mails."""

    delivery: int = Field(ge=1, lt=2**63)
    address: str = Field(pattern=f"^{PATTERN}$")
    person: str = Field(pattern=f"^{PATTERN}$")

    def subject(self) -> str:
        """The mail in which the link stood."""
        return f"delivery:{self.delivery}"

    def occurred_at(self) -> datetime | None:
        """Now."""
        return None
